/**
 * The keys that work everywhere, by name, and their labels for this kind of keyboard.
 * Ctrl, or ⌘ on Apple's; none of them types a character.
 */
import { useEffect, useRef } from "react";

export type ShortcutName = "switcher" | "search" | "settings";

const KEYS: Readonly<Record<ShortcutName, { key: string; shift: boolean }>> = {
  switcher: { key: "k", shift: false },
  search: { key: "f", shift: true },
  settings: { key: ",", shift: false },
};

export const isApple = /mac|iphone|ipad/iu.test(navigator.platform);

/** Like `⌘K` or `Ctrl+K`. */
export function shortcutLabel(name: ShortcutName): string {
  const { key, shift } = KEYS[name];
  return isApple ? `${shift ? "⇧" : ""}⌘${key.toUpperCase()}` : `Ctrl+${shift ? "Shift+" : ""}${key.toUpperCase()}`;
}

export function useShortcuts(handlers: Readonly<Record<ShortcutName, () => void>>): void {
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!(isApple ? event.metaKey : event.ctrlKey) || event.altKey) return;
      for (const name of Object.keys(KEYS) as ShortcutName[]) {
        const { key, shift } = KEYS[name];
        if (event.key.toLowerCase() !== key || event.shiftKey !== shift) continue;
        event.preventDefault();
        latest.current[name]();
        return;
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
