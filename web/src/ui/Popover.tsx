/**
 * Something small beside its button: a picker, a card.
 * Opened and closed by its caller or by its button; focus moves in and comes back.
 */
import { Popover as Primitive } from "radix-ui";
import type { ReactElement, ReactNode } from "react";
import { classes } from "./classes";
import styles from "./Popover.module.css";

export interface PopoverProps {
  trigger: ReactElement;
  label: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  side?: "top" | "bottom";
  align?: "start" | "center" | "end";
  bare?: boolean;
  children: ReactNode;
}

export function Popover({ trigger, label, open, onOpenChange, side = "top", align = "end", bare, children }: PopoverProps) {
  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Trigger asChild>{trigger}</Primitive.Trigger>
      <Primitive.Portal>
        <Primitive.Content
          className={classes(styles.popover, bare && styles.bare)}
          aria-label={label}
          side={side}
          align={align}
          sideOffset={6}
          collisionPadding={8}
        >
          {children}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
