/**
 * One view of a conversation: which part of the log is shown, what waits, where the divider goes.
 * Knows how to get pages; how rows look and scroll is for pages to know.
 */
import { backoffMs } from "../connection/backoff";
import { ApiError } from "../connection/error";
import type { ConversationId, Seq } from "../protocol/types";
import type { MessageItem, Timeline, TimelineItem, TimelineOptions, TimelineState } from "./api";
import type { Context } from "./context";
import type { Directory } from "./directory";
import { NOTIFY_EVERY_MS, RETRY_BASE_MS, RETRY_MAX_MS } from "./limits";
import { firstSeq, isAtEnd, lastSeq } from "./log";
import type { Log, Logs } from "./logs";
import type { Outbox } from "./outbox";
import { messageRow, project } from "./projection";
import { Lazy, type Store } from "./store";
import { unreadOf } from "./summary";

export interface TimelineParts {
  readonly context: Context;
  readonly logs: Logs;
  readonly directory: Directory;
  readonly outbox: Outbox;
  /** The log may be behind: catch up. */
  readonly check: (log: Log) => void;
}

const NONE: readonly TimelineItem[] = [];

export class TimelineView implements Timeline {
  readonly conversationId: ConversationId;
  readonly state: Store<TimelineState>;
  readonly #parts: TimelineParts;
  readonly #log: Log;
  readonly #store: Lazy<TimelineState>;
  readonly #ends: (() => void)[];
  #status: "loading" | "offline" | "gone" | "ready" = "loading";
  #loadingOlder: Promise<void> | undefined;
  #loadingNewer: Promise<void> | undefined;
  #unreadAfter: Seq | undefined;
  #anchor: { seq: Seq; highlight: boolean } | undefined;
  #jump = 0;
  #isClosed = false;
  #asked: Seq | undefined;
  #isOpening = true;
  /** Something changed while it was opening. */
  #isWoken = false;
  #attempt = 0;

  /** `closed` is called once, when nobody looks at it any longer. */
  constructor(parts: TimelineParts, conversationId: ConversationId, options: TimelineOptions = {}, closed: () => void = () => undefined) {
    this.conversationId = conversationId;
    this.#parts = parts;
    this.#log = parts.logs.use(conversationId);
    this.#store = new Lazy(parts.context.environment, NOTIFY_EVERY_MS, () => this.#compute());
    this.state = this.#store;
    const changed = () => this.#logChanged();
    this.#log.listeners.add(changed);
    this.#ends = [closed, () => this.#log.listeners.delete(changed), parts.outbox.lists.subscribe(this.#store.touch)];
    void this.#open(options.at);
  }

  readonly loadOlder = (): Promise<void> => {
    this.#loadingOlder ??= this.#run(() => this.#parts.logs.readOlder(this.#log)).finally(() => {
      this.#loadingOlder = undefined;
      this.#store.touch();
    });
    this.#store.touch();
    return this.#loadingOlder;
  };

  readonly loadNewer = (): Promise<void> => {
    this.#loadingNewer ??= this.#run(() => this.#parts.logs.readNewer(this.#log)).finally(() => {
      this.#loadingNewer = undefined;
      this.#store.touch();
    });
    this.#store.touch();
    return this.#loadingNewer;
  };

  readonly jumpTo = async (seq: Seq): Promise<void> => {
    const { window } = this.#log;
    const isHeld = window !== undefined && seq >= firstSeq(window) && seq <= lastSeq(window);
    if (!isHeld) await this.#run(() => this.#parts.logs.read(this.#log, seq));
    this.#parts.check(this.#log);
    this.#goTo({ seq, highlight: true });
  };

  readonly jumpToEnd = async (): Promise<void> => {
    const { window } = this.#log;
    if (window === undefined || !isAtEnd(window)) await this.#run(() => this.#parts.logs.read(this.#log));
    this.#parts.check(this.#log);
    this.#goTo(undefined);
  };

  readonly message = async (seq: Seq): Promise<MessageItem | undefined> => {
    try {
      const event = await this.#parts.logs.event(this.conversationId, seq);
      return event.kind === "message" ? messageRow(event, this.#parts.context.me()) : undefined;
    } catch {
      return undefined;
    }
  };

  readonly dismissDivider = (): void => {
    this.#unreadAfter = undefined;
    this.#store.touch();
  };

  readonly close = (): void => {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const end of this.#ends) end();
    this.#parts.logs.release(this.#log);
  };

  /** It works again (a connection, a list): what could not be loaded is tried again. */
  wake(): void {
    if (this.#isClosed || this.#log.window !== undefined) return;
    if (this.#isOpening) this.#isWoken = true;
    else void this.#open(this.#asked);
  }

  async #open(at: Seq | undefined): Promise<void> {
    this.#asked = at;
    this.#isOpening = true;
    this.#isWoken = false;
    if (this.#status === "gone") this.#status = "loading";
    const { logs, directory } = this.#parts;
    if (this.#log.window === undefined) await logs.restore(this.#log);
    await this.#ensureKnown();
    const summary = directory.get(this.conversationId);
    if (at === undefined && summary !== undefined && unreadOf(summary) > 0) {
      this.#unreadAfter = summary.readSeq;
      await this.#show(summary.readSeq, false);
    } else {
      await this.#show(at, true);
    }
    this.#isOpening = false;
    this.#store.touch();
    this.#ensureShown();
  }

  /** Nothing to show: tries again, at once if something changed meanwhile, else after a pause. */
  #ensureShown(): void {
    if (this.#log.window !== undefined) {
      this.#attempt = 0;
      return;
    }
    if (this.#isWoken) return this.wake();
    if (this.#status === "gone") return;
    const { environment } = this.#parts.context;
    const delayMs = 200 + backoffMs(this.#attempt, RETRY_BASE_MS, RETRY_MAX_MS, environment.random);
    this.#attempt += 1;
    environment.schedule(delayMs, () => this.wake());
  }

  /** Somebody who comes by a link may know the conversation before the list does. */
  async #ensureKnown(): Promise<void> {
    const { directory } = this.#parts;
    if (directory.get(this.conversationId) !== undefined) return;
    await this.#run(() => directory.refresh(this.conversationId));
    if (directory.get(this.conversationId) === undefined && this.#status === "ready") this.#status = "gone";
  }

  async #show(seq: Seq | undefined, highlight: boolean): Promise<void> {
    if (this.#status === "gone") return;
    const { logs, check } = this.#parts;
    const { window } = this.#log;
    const isHeld = window !== undefined && (seq === undefined ? isAtEnd(window) : seq >= firstSeq(window) - 1 && seq <= lastSeq(window));
    if (isHeld) this.#status = "ready";
    else await this.#run(() => logs.read(this.#log, seq));
    check(this.#log);
    // Too far behind to be caught up with.
    if (isHeld && this.#log.window === undefined) await this.#run(() => logs.read(this.#log, seq));
    this.#goTo(seq === undefined ? undefined : { seq, highlight });
  }

  /** Runs what asks the server, and says how that went. What is shown already stays when it cannot be reached. */
  async #run(ask: () => Promise<void>): Promise<void> {
    try {
      await ask();
      this.#status = "ready";
    } catch (error) {
      const code = error instanceof ApiError ? error.code : "offline";
      if (code === "conversation_not_found") this.#status = "gone";
      else if (this.#log.window === undefined) this.#status = code === "aborted" ? "loading" : "offline";
    }
    this.#store.touch();
  }

  #goTo(anchor: { seq: Seq; highlight: boolean } | undefined): void {
    this.#anchor = anchor;
    this.#jump += 1;
    this.#store.touch();
  }

  #logChanged(): void {
    // What was held is of another history, or too old: read it anew.
    if (this.#log.window === undefined && !this.#isOpening && this.#status === "ready") {
      this.#status = "loading";
      void this.#open(undefined);
    }
    this.#store.touch();
  }

  #compute(): TimelineState {
    const { context, outbox } = this.#parts;
    const { window } = this.#log;
    const loads = { loadingOlder: this.#loadingOlder !== undefined, loadingNewer: this.#loadingNewer !== undefined, jump: this.#jump };
    const extras = {
      ...(this.#unreadAfter === undefined ? {} : { unreadAfter: this.#unreadAfter }),
      ...(this.#anchor === undefined ? {} : { anchor: this.#anchor }),
    };
    const gone = this.#status === "gone";
    if (window === undefined || gone) {
      const state = this.#status === "ready" ? "loading" : this.#status;
      return { state, items: NONE, hasOlder: false, atEnd: false, ...loads, ...extras };
    }
    const atEnd = isAtEnd(window);
    const entries = outbox.entriesOf(this.conversationId);
    const items = project({ events: window.events, entries, atEnd, me: context.me() });
    return { state: "ready", items, hasOlder: firstSeq(window) > 1, atEnd, ...loads, ...extras };
  }
}
