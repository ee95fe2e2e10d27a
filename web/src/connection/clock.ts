/**
 * The server's time, from this device's clock and the difference last heard of.
 * Invariant: never jumps because of a slow answer; the difference believed is the one heard with the least delay.
 */

/** A difference heard long ago counts less than a fresh one heard with a little more delay. */
const FORGET_MS = 10 * 60_000;

export class ServerClock {
  readonly #now: () => number;
  #offsetMs = 0;
  #delayMs = Number.POSITIVE_INFINITY;
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes in the server's time, as answered to something asked at `askedAtMs` (`undefined`: not asked for). */
  heard(serverTime: string, askedAtMs?: number): void {
    const now = this.#now();
    const delayMs = askedAtMs === undefined ? 1_000 : Math.max(0, now - askedAtMs);
    if (delayMs > this.#delayMs && now - this.#heardAt < FORGET_MS) return;
    const server = Date.parse(serverTime);
    if (Number.isNaN(server)) return;
    this.#offsetMs = server + delayMs / 2 - now;
    this.#delayMs = delayMs;
    this.#heardAt = now;
  }

  /** Milliseconds since 1970, as the server counts them. */
  readonly now = (): number => this.#now() + this.#offsetMs;
}
