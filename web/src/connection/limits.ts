/**
 * Bounds of the connection, each with its unit.
 * The bounds of the wire itself are generated: `protocol/constants.ts`.
 */

/** First and longest pause before connecting again; the pause is a random part of it (full jitter). */
export const RECONNECT_BASE_MS = 500;
export const RECONNECT_MAX_MS = 30_000;

/** A socket that does not open within this is given up. */
export const OPEN_TIMEOUT_MS = 15_000;

/** Until the server says its own. */
export const HEARTBEAT_DEFAULT_MS = 30_000;

/** API Gateway ends a connection after ten silent minutes (P72). */
export const HEARTBEAT_MAX_MS = 9 * 60_000;

/** How long an answer may take when there is reason for doubt: the device woke up, the network changed. */
export const DOUBT_TIMEOUT_MS = 5_000;

/** A request without an answer is given up after this. */
export const REQUEST_TIMEOUT_MS = 30_000;

/** An upload that moves no byte is given up after this. */
export const UPLOAD_STALL_MS = 60_000;
