/** One lasting connection over sockets that break: P7, P8, P55, P64. */
import { describe, expect, it } from "vitest";

import { backoffMs } from "./backoff";
import { ServerClock } from "./clock";
import { Connection, type Phase } from "./connection";
import type { Environment, SocketLike } from "./environment";

interface Timer {
  atMs: number;
  run: () => void;
}

/** A clock moved by hand, and the sockets that were opened. */
class Bench {
  nowMs = 1_000_000;
  readonly sockets: (SocketLike & { sent: unknown[]; closed: boolean })[] = [];
  readonly phases: Phase[] = [];
  readonly ends: boolean[] = [];
  doubts = 0;
  opens = 0;
  #timers: Timer[] = [];
  readonly environment: Environment = {
    now: () => this.nowMs,
    random: () => 0.5,
    schedule: (delayMs, run) => {
      const timer = { atMs: this.nowMs + delayMs, run };
      this.#timers.push(timer);
      return () => {
        this.#timers = this.#timers.filter((one) => one !== timer);
      };
    },
    openSocket: () => {
      const sent: unknown[] = [];
      const socket = { onopen: null, onmessage: null, onclose: null, sent, closed: false, send: (text: string) => sent.push(JSON.parse(text)), close: () => (socket.closed = true) };
      this.sockets.push(socket);
      return socket;
    },
    fetch: () => Promise.reject(new Error("not here")),
  };
  readonly connection = new Connection(this.environment, new ServerClock(this.environment.now), {
    opened: () => (this.opens += 1),
    frame: () => undefined,
    closed: () => undefined,
    phase: (phase) => this.phases.push(phase),
    doubt: () => (this.doubts += 1),
    loggedOut: (disabled) => this.ends.push(disabled),
  });

  get socket() {
    return this.sockets.at(-1)!;
  }

  pass(ms: number): void {
    const until = this.nowMs + ms;
    for (;;) {
      const next = this.#timers.filter((one) => one.atMs <= until).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.nowMs = next.atMs;
      next.run();
    }
    this.nowMs = until;
  }

  open(): void {
    this.connection.start();
    this.socket.onopen?.();
    this.hear({ type: "hello", heartbeatMs: 30_000, serverTime: new Date(this.nowMs).toISOString() });
  }

  hear(frame: unknown): void {
    this.socket.onmessage?.({ data: JSON.stringify(frame) });
  }
}

describe("a connection", () => {
  it("is given up after two heartbeats of silence, and opened again (P8)", () => {
    const bench = new Bench();
    bench.open();
    const first = bench.socket;
    bench.pass(59_000);
    expect(bench.sockets).toHaveLength(1);
    bench.pass(2_000);
    expect(first.closed).toBe(true);
    expect(bench.sockets).toHaveLength(2);
  });

  it("stays while anything is heard", () => {
    const bench = new Bench();
    bench.open();
    for (let beat = 0; beat < 10; beat += 1) {
      bench.pass(29_000);
      bench.hear({ type: "pong", serverTime: new Date(bench.nowMs).toISOString() });
    }
    expect(bench.sockets).toHaveLength(1);
  });

  it.each([
    [4000, "reconnects"], [4001, "reconnects"], [1006, "reconnects"], [4100, "logs in again"], [4102, "logs in again"], [4201, "stays away"],
  ])("after close %i: %s (P64)", (code, what) => {
    const bench = new Bench();
    bench.open();
    bench.socket.onclose?.({ code });
    // At most half a second until the first try; this one is not answered.
    bench.pass(500);
    expect(bench.sockets).toHaveLength(what === "reconnects" ? 2 : 1);
    expect(bench.ends).toEqual(what === "logs in again" ? [code === 4102] : []);
    if (what === "stays away") expect(bench.phases.at(-1)).toBe("outdated");
  });

  it("moves when the node said, no sooner (P55)", () => {
    const bench = new Bench();
    bench.open();
    bench.hear({ type: "reconnect", afterMs: 1_730 });
    bench.pass(1_700);
    expect(bench.sockets).toHaveLength(1);
    bench.pass(50);
    expect(bench.sockets).toHaveLength(2);
  });

  it("asks at once when there is doubt, and gives up a socket that does not answer", () => {
    const bench = new Bench();
    bench.open();
    bench.pass(1_000);
    bench.connection.hurry();
    expect(bench.socket.sent.at(-1)).toEqual({ action: "ping" });
    bench.pass(6_000);
    expect(bench.sockets).toHaveLength(2);
  });

  it("has doubts about its login when a socket never opens, and keeps trying", () => {
    const bench = new Bench();
    bench.connection.start();
    bench.socket.onclose?.({ code: 1006 });
    expect(bench.doubts).toBe(1);
    bench.pass(60_000);
    expect(bench.sockets.length).toBeGreaterThan(1);
  });

  it("ignores what is no frame (P16)", () => {
    const bench = new Bench();
    bench.open();
    for (const data of ["", "[]", "null", '{"type":7}', "{", new Uint8Array(3)]) bench.socket.onmessage?.({ data });
    expect(bench.connection.isOpen).toBe(true);
  });
});

describe("pauses", () => {
  it("grow, and are random parts of their bound: full jitter", () => {
    for (let attempt = 0; attempt < 40; attempt += 1) {
      expect(backoffMs(attempt, 500, 30_000, () => 0)).toBe(0);
      expect(backoffMs(attempt, 500, 30_000, () => 0.999_999)).toBe(Math.min(30_000, 500 * 2 ** attempt));
    }
  });
});
