/**
 * Whether the browser may show notifications, watched, and asking for it.
 * Asks only when somebody pressed a button: browsers hold it against pages that ask unasked.
 */
import { useSyncExternalStore } from "react";

export type Permission = NotificationPermission | "unsupported";

const listeners = new Set<() => void>();

/** As it was last looked at: every look asks the browser's other process and waits for it. */
let known: Permission | undefined;

function current(): Permission {
  known ??= "Notification" in window ? Notification.permission : "unsupported";
  return known;
}

function lookAgain(): void {
  known = undefined;
  for (const listener of listeners) listener();
}

/** It may be changed in the browser's own settings. */
async function watch(): Promise<void> {
  const { permissions } = navigator as { permissions?: Permissions };
  const status = await permissions?.query({ name: "notifications" });
  status?.addEventListener("change", lookAgain);
}

void watch().catch(() => undefined);

export function usePermission(): Permission {
  return useSyncExternalStore(subscribe, current);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export async function askPermission(): Promise<Permission> {
  if (!("Notification" in window)) return "unsupported";
  await Notification.requestPermission();
  lookAgain();
  return current();
}
