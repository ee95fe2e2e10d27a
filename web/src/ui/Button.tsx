/**
 * Buttons: with a label, or with an icon that has a name for assistive technology and a tooltip.
 * Know nothing of what they do.
 */
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import styles from "./Button.module.css";
import { classes } from "./classes";
import { Spinner } from "./Spinner";
import { Tooltip } from "./Tooltip";

export type ButtonTone = "accent" | "neutral" | "quiet" | "danger";

export interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "style"> {
  tone?: ButtonTone;
  small?: boolean;
  wide?: boolean;
  /** Shows a spinner and cannot be pressed meanwhile. */
  busy?: boolean;
  icon?: ReactNode;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ tone = "neutral", small, wide, busy, icon, className, children, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled === true || busy === true}
      aria-busy={busy === true ? true : undefined}
      className={classes(styles.button, styles[tone], small && styles.small, wide && styles.wide, className)}
    >
      {busy === true ? <Spinner /> : icon}
      <span className={styles.label}>{children}</span>
    </button>
  );
}

export interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "style" | "aria-label"> {
  /** Its name, for assistive technology and as tooltip. */
  label: string;
  /** Shown after the name in the tooltip, such as a key. */
  hint?: string;
  small?: boolean;
  /** Pressed, for a button that switches something on and off. */
  active?: boolean;
  tone?: "quiet" | "accent" | "danger";
  ref?: Ref<HTMLButtonElement>;
}

export function IconButton({ label, hint, small, active, tone = "quiet", className, children, ...rest }: IconButtonProps) {
  return (
    <Tooltip label={label} hint={hint}>
      <button
        type="button"
        {...rest}
        aria-label={label}
        aria-pressed={active}
        className={classes(styles.icon, styles[tone], small && styles.iconSmall, active && styles.active, className)}
      >
        {children}
      </button>
    </Tooltip>
  );
}
