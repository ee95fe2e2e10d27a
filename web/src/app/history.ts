/**
 * The browser's history as a store and two functions.
 * Invariant: `back` never leaves the app: where there is nothing of it to go back to, it goes to the home page.
 */
import type { Navigation } from "../features/context/navigation";
import { Value } from "../sync/store";

/** How many pages of the app are behind this one; kept with each entry of the history. */
interface Depth {
  readonly depth: number;
}

const here = () => location.pathname + location.search;
const depth = () => (history.state as Depth | null)?.depth ?? 0;

export function browserNavigation(): Navigation {
  const place = new Value(here());
  window.addEventListener("popstate", () => place.set(here()));
  const navigate: Navigation["navigate"] = (to, options) => {
    if (to === here()) return;
    if (options?.replace === true) history.replaceState({ depth: depth() } satisfies Depth, "", to);
    else history.pushState({ depth: depth() + 1 } satisfies Depth, "", to);
    place.set(here());
  };
  const back = () => {
    if (depth() > 0) history.back();
    else navigate("/", { replace: true });
  };
  return { location: place, navigate, back };
}
