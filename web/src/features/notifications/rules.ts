/**
 * Which of the ways to tell the reader of a message suits: a notification of the system, a sound, or nothing.
 * Preferences, mute and do-not-disturb are the core's; this knows the page and the browser.
 */

export interface Surroundings {
  /** Preferences let it through. */
  readonly notify: boolean;
  /** This tab speaks for the device. */
  readonly leader: boolean;
  /** The page is in front and has the focus. */
  readonly attentive: boolean;
  /** The conversation is the one on screen. */
  readonly onScreen: boolean;
  readonly permission: NotificationPermission | "unsupported";
  readonly soundOn: boolean;
}

export interface Telling {
  readonly system: boolean;
  readonly sound: boolean;
}

export function tellingOf(now: Surroundings): Telling {
  const seen = now.attentive && now.onScreen;
  const tell = now.notify && now.leader && !seen;
  return { system: tell && !now.attentive && now.permission === "granted", sound: tell && now.soundOn };
}

/** The title of the page: how many messages wait, mentions marked. */
export function pageTitle(name: string, unread: number, mentions: number): string {
  if (mentions > 0) return `(${Math.max(unread, mentions)}!) ${name}`;
  return unread > 0 ? `(${unread}) ${name}` : name;
}
