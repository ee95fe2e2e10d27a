/**
 * How long to wait before the next try: exponential, with full jitter, so that thousands of clients do not come at once.
 * Knows nothing of what is tried.
 */

/** A random part of `baseMs` doubled with every attempt, up to `maxMs`. The first attempt is 0. */
export function backoffMs(attempt: number, baseMs: number, maxMs: number, random: () => number): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
  return Math.round(random() * ceiling);
}
