/**
 * Tells the core whether the person is there: input within five minutes, and the page in view.
 * Listens passively, and says nothing while nothing changes.
 */
import { useEffect } from "react";
import { useClient } from "../context/client";

const AWAY_MS = 5 * 60_000;
const EVENTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;

export function useActivity(): void {
  const client = useClient();
  useEffect(() => {
    let active = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tell = (next: boolean) => {
      if (next === active) return;
      active = next;
      client.presence.setActive(next);
    };
    const seen = () => {
      tell(true);
      clearTimeout(timer);
      timer = setTimeout(() => tell(false), AWAY_MS);
    };
    const visibility = () => (document.visibilityState === "visible" ? seen() : undefined);
    for (const name of EVENTS) window.addEventListener(name, seen, { passive: true });
    document.addEventListener("visibilitychange", visibility);
    seen();
    return () => {
      clearTimeout(timer);
      for (const name of EVENTS) window.removeEventListener(name, seen);
      document.removeEventListener("visibilitychange", visibility);
    };
  }, [client]);
}
