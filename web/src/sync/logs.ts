/**
 * The logs that are held in memory: at most one part of each conversation's, shared by whoever shows it.
 * Invariant: a log that is behind is caught up with by `sync` or read anew, and never guessed (P38, D4).
 */
import { ApiError } from "../connection/error";
import type { ChatEvent, ConversationId, EventsBody, Seq } from "../protocol/types";
import type { Context } from "./context";
import { CACHED_EVENTS_MAX, CACHED_WINDOWS_MAX, PAGE_EVENTS, PERSIST_DELAY_MS, STALE_PAGE_RETRIES, STALE_PAGE_RETRY_MS, WINDOW_EVENTS_MAX, WINDOWS_HELD_MAX } from "./limits";
import { applyEvents, eventAt, extendNewer, extendOlder, firstSeq, isAtEnd, lastSeq, trim, windowOf, type LogWindow, type Step } from "./log";

/** Beyond every log: "the last ones". */
const END: Seq = Number.MAX_SAFE_INTEGER;

/** The log of one conversation, as far as it is held. */
export interface Log {
  readonly conversationId: ConversationId;
  window: LogWindow | undefined;
  /** When everything in it was last as on the server. */
  liveAtMs: number;
  usedAtMs: number;
  views: number;
  /** What the device keeps of it is too old as well. */
  isDropped: boolean;
  /** Grows when the part was replaced: answers to older questions are for nobody. */
  generation: number;
  readonly listeners: Set<() => void>;
}

export interface LogsEvents {
  /** A page says that the history is another one. */
  readonly epoch: (epoch: string) => void;
  /** Events were read, live or not. */
  readonly seen: (events: readonly ChatEvent[]) => void;
}

export class Logs {
  readonly #context: Context;
  readonly #events: LogsEvents;
  readonly #logs = new Map<ConversationId, Log>();
  readonly #dirty = new Set<ConversationId>();
  #isPersisting = false;
  #epoch: string | undefined;

  constructor(context: Context, events: LogsEvents) {
    this.#context = context;
    this.#events = events;
  }

  setEpoch(epoch: string | undefined): void {
    this.#epoch = epoch;
  }

  held(): Iterable<Log> {
    return this.#logs.values();
  }

  get(conversationId: ConversationId): Log | undefined {
    return this.#logs.get(conversationId);
  }

  /** The log of a conversation that somebody looks at; `release` it. */
  use(conversationId: ConversationId): Log {
    const log = this.#logs.get(conversationId) ?? this.#make(conversationId);
    log.views += 1;
    log.usedAtMs = this.#context.environment.now();
    return log;
  }

  release(log: Log): void {
    log.views -= 1;
    log.usedAtMs = this.#context.environment.now();
    const idle = [...this.#logs.values()].filter((one) => one.views === 0).sort((a, b) => a.usedAtMs - b.usedAtMs);
    for (const one of idle.slice(0, Math.max(0, this.#logs.size - WINDOWS_HELD_MAX))) this.#logs.delete(one.conversationId);
  }

  /** Live events, or a page of `sync`. `gap`: the log is behind. */
  apply(conversationId: ConversationId, events: readonly ChatEvent[]): Step {
    const log = this.#logs.get(conversationId);
    if (log?.window === undefined) return "known";
    const { window, step } = applyEvents(log.window, events, this.#context.me());
    this.#set(log, trim(window, "newer", 2 * WINDOW_EVENTS_MAX));
    return step;
  }

  /** How many messages the log had up to a place, if that is held. */
  readonly ordinalAt = (conversationId: ConversationId, seq: Seq): number | undefined => {
    const window = this.#logs.get(conversationId)?.window;
    return window === undefined ? undefined : eventAt(window, seq)?.ordinal;
  };

  /** What the device kept of it; whether there was any. */
  async restore(log: Log): Promise<boolean> {
    if (log.isDropped) return false;
    const { generation } = log;
    const kept = await this.#context.storage.get("windows", log.conversationId).catch(() => undefined);
    if (log.generation !== generation || log.window !== undefined) return log.window !== undefined;
    if (kept === undefined || kept.events.length === 0 || (this.#epoch !== undefined && kept.epoch !== this.#epoch)) return false;
    this.#set(log, { events: kept.events, appliedSeq: kept.appliedSeq });
    return true;
  }

  /** Reads the last page, or the pages around a place, in the place of what is held. */
  async read(log: Log, at?: Seq): Promise<void> {
    const generation = (log.generation += 1);
    const page = at === undefined ? await this.#page(log, { before: END }) : await this.#page(log, { after: Math.max(0, at - PAGE_EVENTS / 2) });
    if (log.generation !== generation) return;
    log.liveAtMs = this.#context.environment.now();
    log.isDropped = false;
    this.#set(log, windowOf(page.events, page.headSeq));
    this.#events.seen(page.events);
  }

  /** Reads what comes before; whether there was any. */
  async readOlder(log: Log): Promise<void> {
    await this.#extend(log, (window) => ({ before: firstSeq(window) }), (window, page) => {
      return trim(extendOlder(window, page.events), "older", WINDOW_EVENTS_MAX);
    });
  }

  async readNewer(log: Log): Promise<void> {
    await this.#extend(log, (window) => ({ after: lastSeq(window) }), (window, page) => {
      return trim(extendNewer(window, page.events, this.#context.me()), "newer", WINDOW_EVENTS_MAX);
    });
  }

  /** One event, from wherever it can be had. */
  async event(conversationId: ConversationId, seq: Seq): Promise<ChatEvent> {
    const window = this.#logs.get(conversationId)?.window;
    const held = window === undefined ? undefined : eventAt(window, seq);
    return held ?? this.#context.http.get<ChatEvent>(`/v1/conversations/${conversationId}/messages/${seq}`);
  }

  /** Forgets the part that is held: it is too far behind, or of another history. */
  drop(log: Log): void {
    log.generation += 1;
    log.isDropped = true;
    log.window = undefined;
    for (const listener of [...log.listeners]) listener();
  }

  /** A conversation that is not the reader's any longer: nothing of it stays on the device (D7). */
  remove(conversationId: ConversationId): void {
    const log = this.#logs.get(conversationId);
    if (log !== undefined) this.drop(log);
    if (log?.views === 0) this.#logs.delete(conversationId);
    this.#dirty.delete(conversationId);
    void this.#context.storage.delete("windows", [conversationId]).catch(() => undefined);
  }

  forget(): void {
    for (const log of this.#logs.values()) this.drop(log);
    this.#dirty.clear();
  }

  #make(conversationId: ConversationId): Log {
    const log: Log = { conversationId, window: undefined, liveAtMs: 0, usedAtMs: 0, views: 0, isDropped: false, generation: 0, listeners: new Set() };
    this.#logs.set(conversationId, log);
    return log;
  }

  async #extend(
    log: Log,
    where: (window: LogWindow) => { before: Seq } | { after: Seq },
    join: (window: LogWindow, page: EventsBody) => LogWindow,
  ): Promise<void> {
    if (log.window === undefined) return;
    const { generation } = log;
    const page = await this.#page(log, where(log.window));
    if (log.generation !== generation) return;
    this.#set(log, join(log.window, page));
    this.#events.seen(page.events);
  }

  /** A page that is not older than what was heard on the socket. */
  async #page(log: Log, where: { before: Seq } | { after: Seq }): Promise<EventsBody> {
    for (let attempt = 0; ; attempt += 1) {
      const query = { ...where, limit: PAGE_EVENTS };
      const page = await this.#context.http.get<EventsBody>(`/v1/conversations/${log.conversationId}/events`, { query });
      if (this.#epoch !== undefined && page.epoch !== this.#epoch) {
        this.#events.epoch(page.epoch);
        throw new ApiError("aborted", "The history was restored to an earlier point.");
      }
      if (page.headSeq >= (log.window?.appliedSeq ?? 0)) return page;
      if (attempt >= STALE_PAGE_RETRIES) throw new ApiError("no_answer", "The server's pages are behind what it told.");
      await new Promise<void>((resolve) => this.#context.environment.schedule(STALE_PAGE_RETRY_MS << attempt, resolve));
    }
  }

  #set(log: Log, window: LogWindow): void {
    if (log.window === window) return;
    log.window = window;
    for (const listener of [...log.listeners]) listener();
    this.#dirty.add(log.conversationId);
    if (this.#isPersisting) return;
    this.#isPersisting = true;
    this.#context.environment.schedule(PERSIST_DELAY_MS, () => {
      this.#isPersisting = false;
      void this.#persist().catch(() => undefined);
    });
  }

  async #persist(): Promise<void> {
    const epoch = this.#epoch;
    const dirty = [...this.#dirty].flatMap((id) => this.#logs.get(id) ?? []);
    this.#dirty.clear();
    for (const { conversationId, window, usedAtMs } of dirty) {
      if (window === undefined || epoch === undefined || !isAtEnd(window)) continue;
      const events = window.events.slice(-CACHED_EVENTS_MAX);
      const record = { conversationId, epoch, appliedSeq: window.appliedSeq, usedAtMs, events };
      await this.#context.storage.update("windows", conversationId, (kept) => {
        // Another tab may be ahead.
        return kept?.epoch === epoch && kept.appliedSeq > window.appliedSeq ? undefined : record;
      });
    }
  }

  /** Keeps the device's share within its bound: those not looked at for longest go. */
  async sweep(): Promise<void> {
    const kept = await this.#context.storage.all("windows");
    const old = [...kept].sort((a, b) => b.usedAtMs - a.usedAtMs).slice(CACHED_WINDOWS_MAX);
    await this.#context.storage.delete("windows", old.map((one) => one.conversationId));
  }
}
