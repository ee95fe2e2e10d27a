/**
 * Coming back without a gap: what is held is named to the server, and what was missed is applied in order (P30–P38, D4).
 * Invariants: `sync` is the first frame of every socket; one sync runs at a time; a log that misses too much is read anew.
 */
import { backoffMs } from "../connection/backoff";
import type { Cancel } from "../connection/environment";
import { LIMITS } from "../protocol/constants";
import type { ClientRequest, ConversationId, Ref, Seq, ServerFrame } from "../protocol/types";
import type { Context } from "./context";
import type { Directory } from "./directory";
import { CATCH_UP_EVENTS_MAX, FRESH_MS, RETRY_BASE_MS, RETRY_MAX_MS } from "./limits";
import type { Log, Logs } from "./logs";

export interface RecoveryOptions {
  readonly context: Context;
  readonly logs: Logs;
  readonly directory: Directory;
  readonly send: (request: ClientRequest) => boolean;
  /** The history is another one: everything held is forgotten. */
  readonly forgotten: () => void;
  /** Everything is as on the server. */
  readonly live: () => void;
}

export class Recovery {
  readonly #options: RecoveryOptions;
  #epoch: string | undefined;
  #token: string | undefined;
  #isOpen = false;
  #isLive = false;
  #running: { ref: Ref; names: readonly ConversationId[] } | undefined;
  readonly #behind = new Set<ConversationId>();
  #refs = 0;
  #attempt = 0;
  #retry: Cancel | undefined;
  #namesMax: number = LIMITS.cursorsPerSync;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  get epoch(): string | undefined {
    return this.#epoch;
  }

  async restore(): Promise<void> {
    const kept = await this.#options.context.storage.get("meta", "history");
    if (kept?.name === "history") this.#setHistory(kept.epoch, kept.token);
  }

  /** A socket is open: says what is held. Logs that may miss much wait for a look at the list. */
  opened(): void {
    this.#isOpen = true;
    const now = this.#options.context.environment.now();
    const fresh = [...this.#options.logs.held()].filter((log) => log.window !== undefined && now - log.liveAtMs < FRESH_MS);
    this.#sync(fresh.map((log) => log.conversationId));
  }

  closed(): void {
    const now = this.#options.context.environment.now();
    if (this.#isLive) for (const log of this.#options.logs.held()) if (!this.#behind.has(log.conversationId)) log.liveAtMs = now;
    this.#isOpen = false;
    this.#isLive = false;
    this.#running = undefined;
    this.#retry?.();
    this.#retry = undefined;
    this.#behind.clear();
  }

  /** The login is over. */
  forget(): void {
    this.closed();
    this.#setHistory(undefined, undefined);
  }

  /** A log misses something that was told on the socket, or may. */
  readonly check = (log: Log): void => {
    const { window, conversationId } = log;
    const head = this.#options.directory.get(conversationId)?.headSeq;
    if (window === undefined || head === undefined || window.appliedSeq >= head || !this.#isLive) return;
    if (head - window.appliedSeq > CATCH_UP_EVENTS_MAX) return this.#options.logs.drop(log);
    this.need(conversationId);
  };

  /** A gap was seen: asks for what is missing. */
  need(conversationId: ConversationId): void {
    this.#behind.add(conversationId);
    this.#pump();
  }

  handle(frame: ServerFrame): void {
    switch (frame.type) {
      case "hello":
        this.#namesMax = Math.min(LIMITS.cursorsPerSync, Math.max(1, frame.limits.syncConversations));
        if (this.#epoch === undefined) this.#setHistory(frame.epoch, undefined);
        return;
      case "synced":
        return this.#synced(frame.ref, frame.token);
      case "resync":
        return this.restart(frame.epoch);
      case "error":
        return this.#error(frame);
      default:
    }
  }

  /** The history is another one from here on: forgets what is held, and reads anew (P37). */
  restart(epoch: string): void {
    if (epoch === this.#epoch) return;
    this.#running = undefined;
    this.#behind.clear();
    this.#setHistory(epoch, undefined);
    this.#options.forgotten();
    if (this.#isOpen) void this.#loadList();
  }

  #synced(ref: Ref | undefined, token: string): void {
    const running = this.#running;
    if (running === undefined || ref !== running.ref) return;
    this.#running = undefined;
    this.#attempt = 0;
    if (this.#epoch !== undefined) this.#setHistory(this.#epoch, token);
    if (this.#isLive) this.#pump();
    else void this.#loadList();
  }

  #error(frame: Extract<ServerFrame, { type: "error" }>): void {
    const { directory, logs } = this.#options;
    if (frame.code === "conversation_not_found" && frame.conversationId !== undefined) {
      this.#behind.delete(frame.conversationId);
      logs.remove(frame.conversationId);
      return directory.remove(frame.conversationId);
    }
    if (this.#running === undefined || frame.ref !== this.#running.ref) return;
    // The sync did not run (another one does, or the node goes away): again in a moment.
    for (const name of this.#running.names) this.#behind.add(name);
    this.#running = undefined;
    this.#pumpLater();
  }

  /** What the sync did not name: heads, titles, marks of other devices. */
  async #loadList(): Promise<void> {
    const { directory, logs, live } = this.#options;
    try {
      await directory.load();
    } catch {
      this.#loadListLater(); return;
    }
    if (!this.#isOpen) return;
    this.#isLive = true;
    this.#attempt = 0;
    for (const log of [...logs.held()]) this.check(log);
    live();
    this.#pump();
  }

  #loadListLater(): void {
    if (!this.#isOpen) return;
    this.#later(() => void this.#loadList());
  }

  #pumpLater(): void {
    this.#later(() => {
      if (this.#isLive) this.#pump();
      else this.#sync([...this.#behind]);
    });
  }

  #later(run: () => void): void {
    const { environment } = this.#options.context;
    this.#retry?.();
    const delayMs = 100 + backoffMs(this.#attempt, RETRY_BASE_MS, RETRY_MAX_MS, environment.random);
    this.#attempt += 1;
    this.#retry = environment.schedule(delayMs, () => {
      if (this.#isOpen) run();
    });
  }

  #pump(): void {
    if (!this.#isLive || this.#running !== undefined || this.#behind.size === 0) return;
    this.#sync([...this.#behind]);
  }

  #sync(names: readonly ConversationId[]): void {
    const named = names.filter((name) => this.#options.logs.get(name)?.window !== undefined).slice(0, this.#namesMax);
    for (const name of names) this.#behind.delete(name);
    if (this.#isLive && named.length === 0) return;
    for (const name of names.slice(this.#namesMax)) this.#behind.add(name);
    const ref = `sync:${(this.#refs += 1)}`;
    const cursors: Record<ConversationId, Seq> = {};
    for (const name of named) cursors[name] = this.#options.logs.get(name)?.window?.appliedSeq ?? 0;
    this.#running = { ref, names: named };
    const epoch = this.#epoch === undefined ? {} : { epoch: this.#epoch };
    const token = this.#token === undefined ? {} : { token: this.#token };
    if (!this.#options.send({ action: "sync", ref, cursors, ...epoch, ...token })) this.#running = undefined;
  }

  #setHistory(epoch: string | undefined, token: string | undefined): void {
    this.#epoch = epoch;
    this.#token = token;
    this.#options.logs.setEpoch(epoch);
    if (epoch === undefined) return;
    const record = { name: "history" as const, epoch, ...(token === undefined ? {} : { token }) };
    void this.#options.context.storage.put("meta", [record]).catch(() => undefined);
  }
}
