/**
 * Short notices in a corner, announced, gone by themselves unless pointed at.
 * Bounded: the oldest leaves when a fifth comes. Who shows one needs `useToast` alone.
 */
import { X } from "lucide-react";
import { Toast as Primitive } from "radix-ui";
import { createContext, useCallback, useContext, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { Button, IconButton } from "./Button";
import { classes } from "./classes";
import styles from "./Toasts.module.css";

export interface ToastOptions {
  text: string;
  tone?: "neutral" | "danger";
  action?: { label: string; run: () => void };
}

const TOASTS_MAX = 4;
const TOAST_MS = 6000;

interface Shown extends ToastOptions {
  id: number;
}

const ToastContext = createContext<(toast: ToastOptions) => void>(() => undefined);

/** Shows a toast. */
export function useToast(): (toast: ToastOptions) => void {
  return useContext(ToastContext);
}

export interface ToastProviderProps {
  /** What the place of toasts is called, `{hotkey}` included. */
  label: string;
  closeLabel: string;
  children: ReactNode;
}

let nextId = 0;

export function ToastProvider({ label, closeLabel, children }: ToastProviderProps) {
  const [shown, setShown] = useState<readonly Shown[]>([]);
  const show = useCallback((toast: ToastOptions) => {
    nextId += 1;
    const entry = { ...toast, id: nextId };
    setShown((before) => [...before.filter((other) => other.text !== toast.text), entry].slice(-TOASTS_MAX));
  }, []);
  const drop = (id: number) => setShown((before) => before.filter((toast) => toast.id !== id));
  const value = useMemo(() => show, [show]);
  return (
    <ToastContext value={value}>
      <Primitive.Provider duration={TOAST_MS} label={label} swipeDirection="down">
        {children}
        {shown.map((toast) => (
          <ToastView key={toast.id} toast={toast} closeLabel={closeLabel} onClose={() => drop(toast.id)} />
        ))}
        <Primitive.Viewport className={styles.viewport} label={label} />
      </Primitive.Provider>
    </ToastContext>
  );
}

function ToastView({ toast, closeLabel, onClose }: { toast: Shown; closeLabel: string; onClose: () => void }) {
  return (
    <Primitive.Root
      className={classes(styles.toast, toast.tone === "danger" && styles.danger)}
      onOpenChange={(open) => (open ? undefined : onClose())}
      type={toast.tone === "danger" ? "foreground" : "background"}
    >
      <Primitive.Description className={styles.text}>{toast.text}</Primitive.Description>
      {toast.action === undefined ? null : (
        <Primitive.Action altText={toast.action.label} asChild>
          <Button small tone="accent" onClick={toast.action.run}>
            {toast.action.label}
          </Button>
        </Primitive.Action>
      )}
      <Primitive.Close asChild>
        <IconButton label={closeLabel} small className={styles.close}>
          <X />
        </IconButton>
      </Primitive.Close>
    </Primitive.Root>
  );
}
