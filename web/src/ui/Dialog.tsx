/**
 * A window over the page: focus stays inside, Escape closes it, focus returns to where it was.
 * The scrim is our own: the library's would inject a style element, which the content security policy refuses.
 */
import { X } from "lucide-react";
import { AlertDialog as AlertPrimitive, Dialog as Primitive } from "radix-ui";
import type { ReactNode } from "react";
import { Button, IconButton } from "./Button";
import { classes } from "./classes";
import { focusFirstField, useFocusReturn } from "./focus";
import styles from "./Dialog.module.css";

export interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  /** Name of the button that closes it. */
  closeLabel: string;
  description?: ReactNode;
  wide?: boolean;
  /** Buttons at the end. */
  actions?: ReactNode;
  children?: ReactNode;
}

export function Dialog({ open, ...rest }: DialogProps) {
  return (
    <Primitive.Root open={open} onOpenChange={(next) => (next ? undefined : rest.onClose())}>
      <Primitive.Portal>
        <div className={styles.scrim} aria-hidden="true" />
        <DialogContent {...rest} />
      </Primitive.Portal>
    </Primitive.Root>
  );
}

/** Mounted when it opens. */
function DialogContent({ title, closeLabel, description, wide, actions, children }: Omit<DialogProps, "open">) {
  const focusBack = useFocusReturn();
  return (
    <Primitive.Content
      className={classes(styles.dialog, wide && styles.wide)}
      onOpenAutoFocus={focusFirstField}
      onCloseAutoFocus={focusBack}
      {...(description === undefined ? { "aria-describedby": undefined } : {})}
    >
      <header className={styles.header}>
        <Primitive.Title className={styles.title}>{title}</Primitive.Title>
        <Primitive.Close asChild>
          <IconButton label={closeLabel} small>
            <X />
          </IconButton>
        </Primitive.Close>
      </header>
      <div className={styles.body}>
        {description === undefined ? null : (
          <Primitive.Description className={styles.description}>{description}</Primitive.Description>
        )}
        {children}
      </div>
      {actions === undefined ? null : <footer className={styles.actions}>{actions}</footer>}
    </Primitive.Content>
  );
}

export interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  onConfirm: () => void;
  title: string;
  description: ReactNode;
  confirmLabel: string;
  cancelLabel: string;
  danger?: boolean;
  busy?: boolean;
}

/** Asks before something that cannot be undone; the focus begins on the harmless button. */
export function Confirm({ open, ...rest }: ConfirmProps) {
  return (
    <AlertPrimitive.Root open={open} onOpenChange={(next) => (next ? undefined : rest.onClose())}>
      <AlertPrimitive.Portal>
        <div className={styles.scrim} aria-hidden="true" />
        <ConfirmContent {...rest} />
      </AlertPrimitive.Portal>
    </AlertPrimitive.Root>
  );
}

function ConfirmContent({ onConfirm, title, description, confirmLabel, cancelLabel, danger, busy }: Omit<ConfirmProps, "open">) {
  const focusBack = useFocusReturn();
  return (
    <AlertPrimitive.Content className={styles.dialog} onCloseAutoFocus={focusBack}>
      <header className={styles.header}>
        <AlertPrimitive.Title className={styles.title}>{title}</AlertPrimitive.Title>
      </header>
      <AlertPrimitive.Description className={styles.body} asChild>
        <div>{description}</div>
      </AlertPrimitive.Description>
      <footer className={styles.actions}>
        <AlertPrimitive.Cancel asChild>
          <Button>{cancelLabel}</Button>
        </AlertPrimitive.Cancel>
        <Button tone={danger === true ? "danger" : "accent"} busy={busy === true} onClick={onConfirm}>
          {confirmLabel}
        </Button>
      </footer>
    </AlertPrimitive.Content>
  );
}
