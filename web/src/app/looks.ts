/**
 * Theme and density before anything else is known, so that the first paint has the right colours.
 * Keeps no more than these two words in `localStorage`, which alone can be read at once.
 */
import type { Preferences, Store } from "../sync/api";

const KEY = "dynamowave-looks";

export function showRememberedLooks(): void {
  const [theme, density] = remembered().split(" ");
  const { dataset } = document.documentElement;
  if (theme === "light" || theme === "dark") dataset["theme"] = theme;
  if (density === "compact") dataset["density"] = density;
}

export function rememberLooks(preferences: Store<Preferences>): void {
  preferences.subscribe(() => {
    const { theme, density } = preferences.getSnapshot();
    try {
      localStorage.setItem(KEY, `${theme} ${density}`);
    } catch {
      // A browser that keeps nothing starts in the colours of the system.
    }
  });
}

function remembered(): string {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
