/**
 * What the core needs of the world around it: time, chance, sockets and requests.
 * Invariant: nothing below `app/` reads a clock, rolls dice or opens a socket but through this, so that tests can
 * run years of bad luck in a second, twice alike.
 */

/** Takes something scheduled back. */
export type Cancel = () => void;

/** A WebSocket as far as it is used. */
export interface SocketLike {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  send: (text: string) => void;
  close: (code?: number) => void;
}

export interface Environment {
  /** Milliseconds since 1970 by this device's clock. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly schedule: (delayMs: number, run: () => void) => Cancel;
  /** A socket to the server, as the one who is logged in. */
  readonly openSocket: () => SocketLike;
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>;
}
