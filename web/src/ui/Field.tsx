/**
 * Labelled fields: one line, several lines, a choice, a switch; each with an optional hint and an error that is announced.
 * Hold no value: the caller does.
 */
import { Switch as SwitchPrimitive } from "radix-ui";
import { useId } from "react";
import type { InputHTMLAttributes, ReactNode, Ref, SelectHTMLAttributes, TextareaHTMLAttributes } from "react";
import { classes } from "./classes";
import styles from "./Field.module.css";

interface Labelled {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  /** The label is there for assistive technology only. */
  labelHidden?: boolean;
}

export interface TextFieldProps extends Labelled, Omit<InputHTMLAttributes<HTMLInputElement>, "style" | "id"> {
  icon?: ReactNode;
  ref?: Ref<HTMLInputElement>;
}

export function TextField({ label, hint, error, labelHidden, icon, className, ...rest }: TextFieldProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} error={error} labelHidden={labelHidden} className={className}>
      <span className={styles.box}>
        {icon === undefined ? null : <span className={styles.icon}>{icon}</span>}
        <input
          {...rest}
          id={id}
          className={classes(styles.control, icon !== undefined && styles.withIcon)}
          {...described(id, hint, error)}
        />
      </span>
    </Frame>
  );
}

export interface TextAreaFieldProps extends Labelled, Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, "style" | "id"> {
  ref?: Ref<HTMLTextAreaElement>;
}

export function TextAreaField({ label, hint, error, labelHidden, className, ...rest }: TextAreaFieldProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} error={error} labelHidden={labelHidden} className={className}>
      <textarea {...rest} id={id} className={classes(styles.control, styles.area)} {...described(id, hint, error)} />
    </Frame>
  );
}

export interface SelectFieldProps<V extends string>
  extends Labelled,
    Omit<SelectHTMLAttributes<HTMLSelectElement>, "style" | "id" | "value" | "onChange"> {
  value: V;
  options: readonly { value: V; label: string }[];
  onValueChange: (value: V) => void;
}

export function SelectField<V extends string>(props: SelectFieldProps<V>) {
  const { label, hint, error, labelHidden, value, options, onValueChange, className, ...rest } = props;
  const id = useId();
  const choose = (chosen: string) => {
    const option = options.find((candidate) => candidate.value === chosen);
    if (option !== undefined) onValueChange(option.value);
  };
  return (
    <Frame id={id} label={label} hint={hint} error={error} labelHidden={labelHidden} className={className}>
      <select
        {...rest}
        id={id}
        value={value}
        onChange={(event) => choose(event.currentTarget.value)}
        className={classes(styles.control, styles.select)}
        {...described(id, hint, error)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </Frame>
  );
}

export interface SwitchFieldProps {
  label: string;
  hint?: ReactNode;
  checked: boolean;
  disabled?: boolean;
  onCheckedChange: (checked: boolean) => void;
}

export function SwitchField({ label, hint, checked, disabled, onCheckedChange }: SwitchFieldProps) {
  const id = useId();
  return (
    <div className={styles.switchRow}>
      <div className={styles.switchText}>
        <label htmlFor={id} className={styles.label}>
          {label}
        </label>
        {hint === undefined ? null : (
          <p id={`${id}-hint`} className={styles.hint}>
            {hint}
          </p>
        )}
      </div>
      <SwitchPrimitive.Root
        id={id}
        className={styles.switch}
        checked={checked}
        disabled={disabled === true}
        onCheckedChange={onCheckedChange}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      >
        <SwitchPrimitive.Thumb className={styles.thumb} />
      </SwitchPrimitive.Root>
    </div>
  );
}

interface FrameProps {
  id: string;
  label: string;
  hint: ReactNode;
  error: string | undefined;
  labelHidden: boolean | undefined;
  className: string | undefined;
  children: ReactNode;
}

function Frame({ id, label, hint, error, labelHidden, className, children }: FrameProps) {
  return (
    <div className={classes(styles.field, className)}>
      <label htmlFor={id} className={labelHidden === true ? "visually-hidden" : styles.label}>
        {label}
      </label>
      {children}
      {error === undefined ? null : (
        <p id={`${id}-error`} className={styles.error} role="alert">
          {error}
        </p>
      )}
      {hint === undefined ? null : (
        <p id={`${id}-hint`} className={styles.hint}>
          {hint}
        </p>
      )}
    </div>
  );
}

function described(id: string, hint: ReactNode, error: string | undefined) {
  const ids = [error === undefined ? "" : `${id}-error`, hint === undefined ? "" : `${id}-hint`].filter(Boolean);
  return {
    "aria-describedby": ids.length === 0 ? undefined : ids.join(" "),
    "aria-invalid": error === undefined ? undefined : true,
  };
}
