/**
 * Where the focus goes when something opens over the page, and where it goes back to.
 * The library gives it back to a trigger only, and most of what opens here has none.
 */
import { useState } from "react";

/**
 * The first field of what opened, else the whole of it.
 * Not the button that closes it: that shows a tooltip, which would take the first Escape.
 */
export function focusFirstField(event: Event): void {
  event.preventDefault();
  const opened = event.currentTarget as HTMLElement;
  const field = opened.querySelector<HTMLElement>("input:not([type=hidden], [hidden], :disabled), textarea:not(:disabled)");
  (field ?? opened).focus({ preventScroll: true });
}

/** For `onCloseAutoFocus` of what is mounted when it opens: back to where the focus was then. */
export function useFocusReturn(): (event: Event) => void {
  const [places] = useState(placesOfFocus);
  return (event) => {
    event.preventDefault();
    // What closed it may have led somewhere: then the focus is there already.
    if (document.activeElement !== null && document.activeElement !== document.body) return;
    places.find((place) => place.isConnected)?.focus({ preventScroll: true });
  };
}

/** What has the focus, and what around it can have it when that is gone; for an item of a menu, the menu's button. */
function placesOfFocus(): readonly HTMLElement[] {
  const focused = document.activeElement;
  const menu = focused?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  const places: HTMLElement[] = [];
  let element = (menu == null ? null : document.getElementById(menu)) ?? focused;
  for (; element !== null && element !== document.body; element = element.parentElement) {
    if (element instanceof HTMLElement && (element === focused || element.tabIndex >= 0 || element.hasAttribute("tabindex"))) places.push(element);
  }
  return places;
}
