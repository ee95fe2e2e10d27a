/**
 * A menu behind a button, with keyboard and typeahead from the library.
 * Not modal: the modal kind would inject a style element, which the content security policy refuses.
 */
import { Check } from "lucide-react";
import { DropdownMenu as Primitive } from "radix-ui";
import type { ReactElement, ReactNode } from "react";
import { classes } from "./classes";
import styles from "./Menu.module.css";

export interface MenuProps {
  /** The button. */
  trigger: ReactElement;
  /** Its name, for assistive technology. */
  label: string;
  align?: "start" | "end";
  side?: "top" | "bottom";
  onOpenChange?: (open: boolean) => void;
  children: ReactNode;
}

export function Menu({ trigger, label, align = "end", side = "bottom", onOpenChange, children }: MenuProps) {
  return (
    <Primitive.Root modal={false} {...(onOpenChange === undefined ? {} : { onOpenChange })}>
      <Primitive.Trigger asChild>{trigger}</Primitive.Trigger>
      <Primitive.Portal>
        <Primitive.Content
          className={styles.menu}
          aria-label={label}
          align={align}
          side={side}
          sideOffset={4}
          collisionPadding={8}
        >
          {children}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

export interface MenuItemProps {
  icon?: ReactNode;
  hint?: string;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
  children: ReactNode;
}

export function MenuItem({ icon, hint, danger, disabled, onSelect, children }: MenuItemProps) {
  return (
    <Primitive.Item
      className={classes(styles.item, danger && styles.danger)}
      disabled={disabled === true}
      onSelect={onSelect}
    >
      <span className={styles.icon}>{icon}</span>
      <span className={styles.text}>{children}</span>
      {hint === undefined ? null : <kbd className={styles.hint}>{hint}</kbd>}
    </Primitive.Item>
  );
}

export interface MenuChoiceProps<V extends string> {
  label: string;
  value: V;
  options: readonly { value: V; label: string }[];
  onValueChange: (value: V) => void;
}

/** One of several, with a mark at the chosen one. */
export function MenuChoice<V extends string>({ label, value, options, onValueChange }: MenuChoiceProps<V>) {
  return (
    <Primitive.RadioGroup value={value} aria-label={label}>
      <Primitive.Label className={styles.label}>{label}</Primitive.Label>
      {options.map((option) => (
        <Primitive.RadioItem
          key={option.value}
          value={option.value}
          className={styles.item}
          onSelect={() => onValueChange(option.value)}
        >
          <span className={styles.icon}>
            <Primitive.ItemIndicator>
              <Check />
            </Primitive.ItemIndicator>
          </span>
          <span className={styles.text}>{option.label}</span>
        </Primitive.RadioItem>
      ))}
    </Primitive.RadioGroup>
  );
}

export function MenuSeparator() {
  return <Primitive.Separator className={styles.separator} />;
}
