/**
 * One lasting connection made of many sockets: opens, watches the heartbeat, reconnects with jitter (P7, P8, P55, P64).
 * Knows frames, and nothing of what they mean for conversations; what was missed while it was down is for `sync/`.
 */
import { afterClose } from "../protocol/constants";
import type { ClientRequest, ServerFrame } from "../protocol/types";
import { backoffMs } from "./backoff";
import type { ServerClock } from "./clock";
import type { Cancel, Environment, SocketLike } from "./environment";
import { DOUBT_TIMEOUT_MS, HEARTBEAT_DEFAULT_MS, HEARTBEAT_MAX_MS, OPEN_TIMEOUT_MS, RECONNECT_BASE_MS, RECONNECT_MAX_MS } from "./limits";

/** What happens to a connection, told to whoever owns it. */
export interface ConnectionEvents {
  /** A socket is open: the first thing to send is `sync`. */
  readonly opened: () => void;
  readonly frame: (frame: ServerFrame) => void;
  /** The socket is gone; what was not answered may or may not have arrived. */
  readonly closed: () => void;
  /** `retryAtMs` while it waits. */
  readonly phase: (phase: Phase, retryAtMs?: number) => void;
  /** A socket never opened: perhaps the login is over. Browsers do not tell. */
  readonly doubt: () => void;
  /** The login is over, or the account is disabled. */
  readonly loggedOut: (disabled: boolean) => void;
}

export type Phase = "idle" | "connecting" | "open" | "waiting" | "outdated";

export class Connection {
  readonly #environment: Environment;
  readonly #clock: ServerClock;
  readonly #events: ConnectionEvents;
  #socket: SocketLike | undefined;
  #isOpen = false;
  #attempt = 0;
  #heartbeatMs = HEARTBEAT_DEFAULT_MS;
  #heardAt = 0;
  #pingSentAt: number | undefined;
  #timers: Cancel[] = [];
  #reconnect: Cancel | undefined;
  #phase: Phase = "idle";

  constructor(environment: Environment, clock: ServerClock, events: ConnectionEvents) {
    this.#environment = environment;
    this.#clock = clock;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Connects, and stays connected until `stop`. */
  start(): void {
    if (this.#phase === "idle") this.#open();
  }

  stop(): void {
    this.#drop();
    this.#cancelReconnect();
    this.#attempt = 0;
    this.#enter("idle");
  }

  /** There is reason to believe that it works now (the person asks, the network is back): no more waiting, no more trust. */
  hurry(): void {
    if (this.#phase === "waiting") {
      this.#attempt = 0;
      this.#open();
    } else if (this.#phase === "open") {
      this.#probe();
    }
  }

  /** Everything held is known to be right again: the next pause is short. */
  settled(): void {
    this.#attempt = 0;
  }

  /** Gives the socket up and opens another one: what is on it cannot be trusted. */
  restart(): void {
    if (this.#phase === "open") this.#lost();
  }

  /** Sends a frame if a socket is open. Whether it arrives is known by its answer alone. */
  send(request: ClientRequest): boolean {
    if (!this.#isOpen || this.#socket === undefined) return false;
    this.#socket.send(JSON.stringify(request));
    return true;
  }

  #open(): void {
    this.#cancelReconnect();
    this.#enter("connecting");
    const socket = this.#environment.openSocket();
    this.#socket = socket;
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = (event) => this.#heard(event.data);
    socket.onclose = (event) => this.#closed(event.code);
    this.#timers.push(this.#environment.schedule(OPEN_TIMEOUT_MS, () => this.#openTimedOut()));
  }

  #opened(socket: SocketLike): void {
    if (socket !== this.#socket) return;
    this.#clearTimers();
    this.#isOpen = true;
    this.#heardAt = this.#environment.now();
    this.#pingSentAt = undefined;
    this.#watch();
    this.#enter("open");
    this.#events.opened();
  }

  #openTimedOut(): void {
    this.#drop();
    this.#events.doubt();
    this.#wait();
  }

  #heard(data: unknown): void {
    this.#heardAt = this.#environment.now();
    const frame = parse(data);
    if (frame === undefined) return;
    if (frame.type === "hello") this.#greeted(frame.heartbeatMs, frame.serverTime);
    if (frame.type === "pong") {
      this.#clock.heard(frame.serverTime, this.#pingSentAt);
      this.#pingSentAt = undefined;
    }
    if (frame.type === "reconnect") this.#moveAfter(frame.afterMs);
    this.#events.frame(frame);
  }

  #greeted(heartbeatMs: number, serverTime: string): void {
    this.#heartbeatMs = Math.min(HEARTBEAT_MAX_MS, Math.max(1_000, heartbeatMs));
    this.#clock.heard(serverTime);
    this.#clearTimers();
    this.#watch();
    this.#ping();
  }

  /** The node goes away: the next socket, when it said, and no sooner than it said. */
  #moveAfter(afterMs: number): void {
    const move = () => {
      this.#lost(0);
    };
    this.#timers.push(this.#environment.schedule(Math.max(0, afterMs), move));
  }

  /** Asks now and then; who is silent for two heartbeats is gone. */
  #watch(): void {
    const tick = () => {
      if (this.#environment.now() - this.#heardAt >= 2 * this.#heartbeatMs) { this.#lost(); return; }
      this.#ping();
      this.#timers.push(this.#environment.schedule(this.#heartbeatMs, tick));
    };
    this.#timers.push(this.#environment.schedule(this.#heartbeatMs, tick));
  }

  #probe(): void {
    const asked = this.#environment.now();
    this.#ping();
    const judge = () => {
      if (this.#heardAt < asked) this.#lost();
    };
    this.#timers.push(this.#environment.schedule(DOUBT_TIMEOUT_MS, judge));
  }

  #ping(): void {
    this.#pingSentAt ??= this.#environment.now();
    this.send({ action: "ping" });
  }

  /** Gives the socket up without waiting for its end. */
  #lost(pauseMs?: number): void {
    this.#drop();
    this.#events.closed();
    this.#wait(pauseMs);
  }

  #closed(code: number): void {
    const wasOpen = this.#isOpen;
    this.#drop();
    if (wasOpen) this.#events.closed();
    switch (afterClose(code)) {
      case "logIn":
        this.#enter("idle");
        return this.#events.loggedOut(code === 4102);
      case "stayAway":
        return this.#enter("outdated");
      case "reconnect":
        if (!wasOpen) this.#events.doubt();
        // Who asks whether the login is over may have stopped this.
        if (this.#phase !== "idle") this.#wait();
    }
  }

  #wait(pauseMs?: number): void {
    const delayMs = pauseMs ?? backoffMs(this.#attempt, RECONNECT_BASE_MS, RECONNECT_MAX_MS, this.#environment.random);
    this.#attempt += 1;
    this.#cancelReconnect();
    this.#reconnect = this.#environment.schedule(delayMs, () => this.#open());
    this.#enter("waiting", this.#environment.now() + delayMs);
  }

  #drop(): void {
    this.#clearTimers();
    this.#isOpen = false;
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #enter(phase: Phase, retryAtMs?: number): void {
    this.#phase = phase;
    this.#events.phase(phase, retryAtMs);
  }

  #clearTimers(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers = [];
  }

  #cancelReconnect(): void {
    this.#reconnect?.();
    this.#reconnect = undefined;
  }
}

/** A frame, or nothing if it is none: a client ignores what it does not know (P16). */
function parse(data: unknown): ServerFrame | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(data);
    const isFrame = typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
    return isFrame ? (value as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}
