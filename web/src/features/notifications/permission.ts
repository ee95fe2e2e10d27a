/**
 * Whether the browser may show notifications, watched, and asking for it.
 * Asks only when somebody pressed a button: browsers hold it against pages that ask unasked.
 */
import { useSyncExternalStore } from "react";

export type Permission = NotificationPermission | "unsupported";

const listeners = new Set<() => void>();

function current(): Permission {
  return "Notification" in window ? Notification.permission : "unsupported";
}

export function usePermission(): Permission {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, current);
}

export async function askPermission(): Promise<Permission> {
  if (!("Notification" in window)) return "unsupported";
  await Notification.requestPermission();
  for (const listener of listeners) listener();
  return current();
}
