/**
 * A button that asks the server for something: busy meanwhile, and a toast when it did not work.
 * Knows no action; one runs at a time.
 */
import { useCallback, useRef, useState } from "react";
import { useT } from "../../i18n/I18nProvider";
import { useToast } from "../../ui/Toasts";
import { errorText } from "./errors";

export interface Action {
  readonly busy: boolean;
  /** Gives whether it worked. */
  readonly run: (work: () => Promise<unknown>) => Promise<boolean>;
}

export function useAction(): Action {
  const t = useT();
  const toast = useToast();
  const running = useRef(false);
  const [busy, setBusy] = useState(false);
  const run = useCallback(
    async (work: () => Promise<unknown>) => {
      if (running.current) return false;
      running.current = true;
      setBusy(true);
      try {
        await work();
        return true;
      } catch (error) {
        toast({ text: errorText(error, t), tone: "danger" });
        return false;
      } finally {
        running.current = false;
        setBusy(false);
      }
    },
    [t, toast],
  );
  return { busy, run };
}
