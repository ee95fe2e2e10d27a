/**
 * Bounds of what the core holds, sends and keeps, each with its unit.
 * The bounds of the wire itself are generated: `protocol/constants.ts`.
 */

/** Events fetched at once, upwards or downwards. */
export const PAGE_EVENTS = 100;

/** Events of one conversation held in memory; beyond it those farthest from view are let go, and fetched again. */
export const WINDOW_EVENTS_MAX = 3_000;

/** Conversations whose logs stay in memory after they were closed. */
export const WINDOWS_HELD_MAX = 20;

/** Events of one conversation kept on the device, the last ones. */
export const CACHED_EVENTS_MAX = 200;

/** Conversations whose events are kept on the device. */
export const CACHED_WINDOWS_MAX = 200;

/** A conversation that misses more events than this is read anew instead of caught up with. */
export const CATCH_UP_EVENTS_MAX = 2_000;

/** Logs that were live no longer ago than this are caught up with at once; older ones after a look at the list. */
export const FRESH_MS = 5 * 60_000;

/** Conversations fetched at once, and at most. */
export const LIST_PAGE_ITEMS = 100;
export const LIST_PAGES_MAX = 100;

/** What waits to be written to the device is written together after this. */
export const PERSIST_DELAY_MS = 400;

/** Commands that wait to be sent: more are refused. */
export const OUTBOX_ENTRIES_MAX = 1_000;

/** A command without an answer: the socket is given up. */
export const ANSWER_TIMEOUT_MS = 20_000;

/** First and longest pause after a command was refused for the moment. */
export const RETRY_BASE_MS = 500;
export const RETRY_MAX_MS = 30_000;

/** An accepted command whose event was not seen stays on screen this long. */
export const ACCEPTED_SHOWN_MS = 15_000;

/** …and is remembered this long, in case it comes to nothing. */
export const ACCEPTED_KEPT_MS = 24 * 60 * 60_000;

/** Typing is told at most this often, and shown this long (P48). */
export const TYPING_EVERY_MS = 3_000;
export const TYPING_SHOWN_MS = 5_000;

/** Read marks are sent together after this; delivered marks later. */
export const READ_MARK_DELAY_MS = 250;
export const DELIVERED_MARK_DELAY_MS = 1_500;
export const DELIVERED_MARKS_PER_TURN = 10;

/** Marks of others are told unasked up to here (P46). */
export const MARKS_TOLD_MEMBERS_MAX = 100;

/** People asked for at once. */
export const USERS_PER_REQUEST = 100;
export const USERS_DELAY_MS = 30;
export const USERS_REFRESH_MS = 5 * 60_000;

/** Changes of who is watched are sent together after this. */
export const WATCH_DELAY_MS = 150;

/** Files sent at the same time. */
export const UPLOADS_AT_ONCE = 3;

/** Listeners hear of changes at most this often: the first one at once, what follows it closely together. */
export const NOTIFY_EVERY_MS = 40;

/** Mentions are counted up to here. */
export const MENTIONS_MAX = 100;

/** A page older than what was told already is asked for again after this, and this often. */
export const STALE_PAGE_RETRY_MS = 150;
export const STALE_PAGE_RETRIES = 5;
