/**
 * How far everybody is: one's own read marks on their way to the server, and the marks of others (P44, P46).
 * Invariant: marks only move forward, here as there; one that was made offline is sent when it can be.
 */
import type { ClientRequest, ConversationId, Marks, MemberItem, Seq, ServerFrame, UserId } from "../protocol/types";
import { LIMITS } from "../protocol/constants";
import type { MarksApi, MemberMarks } from "./api";
import type { Page } from "./contract";
import type { Context } from "./context";
import type { Directory } from "./directory";
import { DELIVERED_MARK_DELAY_MS, DELIVERED_MARKS_PER_TURN, MARKS_TOLD_MEMBERS_MAX, NOTIFY_EVERY_MS, READ_MARK_DELAY_MS, WATCH_DELAY_MS } from "./limits";
import type { MessageEvent } from "./log";
import type { Logs } from "./logs";
import { Lazy, type Store } from "./store";

export interface MarksParts {
  readonly context: Context;
  readonly directory: Directory;
  readonly logs: Logs;
  readonly send: (request: ClientRequest) => boolean;
}

/** The marks of others in one conversation. */
interface Watched {
  readonly marks: Map<UserId, MemberMarks>;
  readonly value: Lazy<ReadonlyMap<UserId, MemberMarks>>;
  /** The value, loaded and watched as long as somebody listens. */
  readonly store: Store<ReadonlyMap<UserId, MemberMarks>>;
  listeners: number;
  isLoaded: boolean;
}

const READ_REF = "read:";

export class MarksBook implements MarksApi {
  readonly #parts: MarksParts;
  readonly #watched = new Map<ConversationId, Watched>();
  readonly #waiting = new Map<ConversationId, Seq>();
  #isLive = false;
  #isFlushing = false;
  #isDelivering = false;
  #isWatching = false;

  constructor(parts: MarksParts) {
    this.#parts = parts;
  }

  readonly of = (conversationId: ConversationId): Store<ReadonlyMap<UserId, MemberMarks>> => this.#watchedOf(conversationId).store;

  readonly markRead = (conversationId: ConversationId, seq: Seq): void => {
    const { directory, logs } = this.#parts;
    const summary = directory.get(conversationId);
    if (summary === undefined || seq <= summary.readSeq) return;
    directory.mark(conversationId, seq, seq, (at) => logs.ordinalAt(conversationId, at));
    this.#waiting.set(conversationId, Math.max(seq, this.#waiting.get(conversationId) ?? 0));
    this.#keep();
    this.#flushSoon();
  };

  /** Marks that were made before the page was reloaded, and never answered. */
  async restore(): Promise<void> {
    const kept = await this.#parts.context.storage.get("meta", "marks");
    if (kept?.name !== "marks") return;
    for (const [conversationId, seq] of Object.entries(kept.marks)) this.#waiting.set(conversationId, seq);
  }

  live(): void {
    this.#isLive = true;
    this.#flushSoon();
    this.#watchSoon();
    for (const [conversationId, watched] of this.#watched) {
      watched.isLoaded = false;
      if (watched.listeners > 0) void this.#load(conversationId, watched);
    }
    this.arrived();
  }

  closed(): void {
    this.#isLive = false;
  }

  forget(): void {
    this.#waiting.clear();
    this.#watched.clear();
  }

  /** Messages have come to this device: tells it, a little later, for all of them together. */
  arrived(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    this.#parts.context.environment.schedule(DELIVERED_MARK_DELAY_MS, () => this.#deliver());
  }

  /** Who writes has read up to there. */
  wrote(message: MessageEvent): void {
    const { conversationId, senderId, seq } = message;
    if (senderId !== this.#parts.context.me()) this.#put(conversationId, senderId, { readSeq: seq, deliveredSeq: seq });
  }

  handle(frame: ServerFrame): void {
    switch (frame.type) {
      case "marks":
        return this.#heard(frame);
      case "done":
        return this.#done(frame.ref);
      case "error":
        if (frame.code !== "slow_down" && frame.code !== "unavailable") this.#done(frame.ref);
        else if (this.#seqOf(frame.ref) !== undefined) this.#flushSoon();
        return;
      default:
    }
  }

  #heard({ conversationId, userId, readSeq, deliveredSeq }: Marks): void {
    const { context, directory, logs } = this.#parts;
    if (userId === context.me()) directory.mark(conversationId, readSeq, deliveredSeq, (at) => logs.ordinalAt(conversationId, at));
    else this.#put(conversationId, userId, { readSeq, deliveredSeq });
  }

  #put(conversationId: ConversationId, userId: UserId, told: MemberMarks): void {
    const watched = this.#watched.get(conversationId);
    if (watched === undefined) return;
    const known = watched.marks.get(userId);
    const readSeq = Math.max(known?.readSeq ?? 0, told.readSeq);
    const deliveredSeq = Math.max(known?.deliveredSeq ?? 0, told.deliveredSeq, readSeq);
    if (known?.readSeq === readSeq && known.deliveredSeq === deliveredSeq) return;
    watched.marks.set(userId, { readSeq, deliveredSeq });
    watched.value.touch();
  }

  #watchedOf(conversationId: ConversationId): Watched {
    const known = this.#watched.get(conversationId);
    if (known !== undefined) return known;
    const marks = new Map<UserId, MemberMarks>();
    const value = new Lazy<ReadonlyMap<UserId, MemberMarks>>(this.#parts.context.environment, NOTIFY_EVERY_MS, () => new Map(marks));
    const subscribe = (listener: () => void) => this.#listen(conversationId, made, listener);
    const made: Watched = { marks, value, store: { getSnapshot: value.getSnapshot, subscribe }, listeners: 0, isLoaded: false };
    this.#watched.set(conversationId, made);
    return made;
  }

  #listen(conversationId: ConversationId, watched: Watched, listener: () => void): () => void {
    const end = watched.value.subscribe(listener);
    watched.listeners += 1;
    if (watched.listeners === 1) this.#begin(conversationId, watched);
    return () => {
      end();
      watched.listeners -= 1;
      if (watched.listeners === 0) this.#watchSoon();
    };
  }

  #begin(conversationId: ConversationId, watched: Watched): void {
    this.#watchSoon();
    if (!watched.isLoaded) void this.#load(conversationId, watched);
  }

  /** The first page of members is enough: in larger conversations nobody reads a list of thousands of marks. */
  async #load(conversationId: ConversationId, watched: Watched): Promise<void> {
    watched.isLoaded = true;
    const query = { limit: MARKS_TOLD_MEMBERS_MAX };
    const path = `/v1/conversations/${conversationId}/members`;
    const page = await this.#parts.context.http.get<Page<MemberItem>>(path, { query }).catch(() => undefined);
    if (page === undefined) {
      watched.isLoaded = false;
      return;
    }
    const me = this.#parts.context.me();
    for (const { userId, readSeq, deliveredSeq } of page.items) if (userId !== me) this.#put(conversationId, userId, { readSeq, deliveredSeq });
  }

  /** In large conversations marks come for those that are named (P46). */
  #watchSoon(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#parts.context.environment.schedule(WATCH_DELAY_MS, () => {
      this.#isWatching = false;
      if (!this.#isLive) return;
      const shown = [...this.#watched].filter(([, watched]) => watched.listeners > 0).map(([id]) => id);
      const large = shown.filter((id) => (this.#parts.directory.get(id)?.memberCount ?? 0) > MARKS_TOLD_MEMBERS_MAX);
      if (large.length > 0) this.#parts.send({ action: "watchMarks", conversationIds: large.slice(0, LIMITS.watchedConversations) });
    });
  }

  #flushSoon(): void {
    if (this.#isFlushing || this.#waiting.size === 0) return;
    this.#isFlushing = true;
    this.#parts.context.environment.schedule(READ_MARK_DELAY_MS, () => this.#flush());
  }

  #flush(): void {
    this.#isFlushing = false;
    if (!this.#isLive) return;
    for (const [conversationId, seq] of this.#waiting) {
      this.#parts.send({ action: "markRead", ref: `${READ_REF}${conversationId}:${seq}`, conversationId, seq });
    }
  }

  #seqOf(ref: unknown): { conversationId: ConversationId; seq: Seq } | undefined {
    if (typeof ref !== "string" || !ref.startsWith(READ_REF)) return undefined;
    const [conversationId = "", seq = ""] = ref.slice(READ_REF.length).split(":");
    return { conversationId, seq: Number(seq) };
  }

  #done(ref: unknown): void {
    const mark = this.#seqOf(ref);
    if (mark === undefined || (this.#waiting.get(mark.conversationId) ?? Infinity) > mark.seq) return;
    this.#waiting.delete(mark.conversationId);
    this.#keep();
    // The server has it now: what could not be counted here can be asked for.
    if (this.#parts.directory.get(mark.conversationId)?.stale === true) this.#parts.directory.refreshSoon(mark.conversationId);
  }

  #keep(): void {
    const record = { name: "marks" as const, marks: Object.fromEntries(this.#waiting) };
    void this.#parts.context.storage.put("meta", [record]).catch(() => undefined);
  }

  /** One tab of the device says that messages have arrived. */
  #deliver(): void {
    this.#isDelivering = false;
    const { context, directory, send } = this.#parts;
    if (!this.#isLive || !context.tabs.leads.getSnapshot()) return;
    let sent = 0;
    for (const { conversationId, memberCount, deliveredSeq, headSeq } of [...directory.all()]) {
      if (deliveredSeq >= headSeq || memberCount > MARKS_TOLD_MEMBERS_MAX) continue;
      if (sent === DELIVERED_MARKS_PER_TURN) return this.arrived();
      sent += 1;
      if (!send({ action: "markDelivered", conversationId, seq: headSeq })) return;
      directory.mark(conversationId, 0, headSeq, () => undefined);
    }
  }
}
