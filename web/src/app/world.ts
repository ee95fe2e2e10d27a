/**
 * The real world for the core: the browser's clock, chance, sockets and requests.
 * Nothing else names these.
 */
import type { Environment, SocketLike } from "../connection/environment";
import { SUBPROTOCOL } from "../protocol/constants";

export const world: Environment = {
  now: () => Date.now(),
  random: () => Math.random(),
  schedule(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  openSocket(): SocketLike {
    const url = new URL("/v1/ws", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return new WebSocket(url, SUBPROTOCOL) as SocketLike;
  },
  fetch: (path, init) => fetch(path, init),
};
