/**
 * The browser's events that concern the core: the network, the page in view or not, the person active or not.
 * Knows nothing of pages.
 */
import type { Core } from "../sync/core";

/** Nothing touched for this long: the person is elsewhere. */
const IDLE_MS = 5 * 60_000;

/** A clock that jumped by more than this between two looks: the device slept. */
const SLEEP_MS = 15_000;
const LOOK_MS = 5_000;

export function tie(core: Core): void {
  window.addEventListener("online", core.reconnectNow);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") core.reconnectNow();
    else void core.drafts.flush();
  });
  window.addEventListener("pagehide", () => void core.drafts.flush());
  watchSleep(core);
  watchActivity(core);
}

/** After a sleep the socket may be dead without knowing. */
function watchSleep(core: Core): void {
  let lookedAt = Date.now();
  setInterval(() => {
    const now = Date.now();
    if (now - lookedAt > LOOK_MS + SLEEP_MS) core.reconnectNow();
    lookedAt = now;
  }, LOOK_MS);
}

function watchActivity(core: Core): void {
  let idle = 0;
  const touched = () => {
    clearTimeout(idle);
    const visible = document.visibilityState === "visible";
    core.presence.setActive(visible);
    if (visible) idle = window.setTimeout(() => core.presence.setActive(false), IDLE_MS);
  };
  for (const event of ["pointerdown", "keydown", "wheel", "focus", "visibilitychange"]) {
    window.addEventListener(event, touched, { passive: true, capture: true });
  }
  touched();
}
