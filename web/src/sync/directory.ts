/**
 * The conversations of the reader: loaded, kept up to date by events and marks, kept on the device.
 * Invariant: what the server said later wins over what was said earlier, by `headSeq`; nothing shown ever goes back.
 */
import { backoffMs } from "../connection/backoff";
import { ApiError } from "../connection/error";
import type { ChatEvent, ConversationId, ConversationItem, Seq } from "../protocol/types";
import type { Page } from "./contract";
import type { Context } from "./context";
import { LIST_PAGE_ITEMS, LIST_PAGES_MAX, PERSIST_DELAY_MS, RETRY_BASE_MS, RETRY_MAX_MS } from "./limits";
import { applyToSummary, mergeItem, withMark, type Summary } from "./summary";

/** After this many answers that were older than what is known already, it is left to the next event. */
const REFRESH_ATTEMPTS_MAX = 6;

export interface DirectoryEvents {
  /** After every change. */
  readonly changed: () => void;
  /** A conversation that was not known is. */
  readonly found: (conversationId: ConversationId) => void;
  /** One is not the reader's any longer. */
  readonly gone: (conversationId: ConversationId) => void;
}

export class Directory {
  readonly #context: Context;
  readonly #events: DirectoryEvents;
  readonly #summaries = new Map<ConversationId, Summary>();
  readonly #dirty = new Set<ConversationId>();
  readonly #refreshing = new Map<ConversationId, number>();
  /** Heard of while the list is being loaded: the list may be too old to have them. */
  #heardMeanwhile: Set<ConversationId> | undefined;
  #isLoaded = false;
  #isPersisting = false;
  #generation = 0;

  constructor(context: Context, events: DirectoryEvents) {
    this.#context = context;
    this.#events = events;
  }

  /** Whether something is known, if only from last time. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  get(conversationId: ConversationId): Summary | undefined {
    return this.#summaries.get(conversationId);
  }

  all(): Iterable<Summary> {
    return this.#summaries.values();
  }

  /** What was kept on the device. */
  async restore(): Promise<void> {
    const kept = await this.#context.storage.all("summaries");
    for (const summary of kept) if (!this.#summaries.has(summary.conversationId)) this.#summaries.set(summary.conversationId, summary);
    this.#isLoaded ||= kept.length > 0;
    this.#events.changed();
  }

  /** Loads the whole list. Rejects if the server cannot be reached. */
  async load(): Promise<void> {
    const generation = this.#generation;
    const heard = new Set<ConversationId>();
    this.#heardMeanwhile = heard;
    const listed = new Set<ConversationId>();
    let cursor: string | undefined;
    for (let page = 0; page < LIST_PAGES_MAX; page += 1) {
      const query = { limit: LIST_PAGE_ITEMS, cursor };
      const answer = await this.#context.http.get<Page<ConversationItem>>("/v1/conversations", { query });
      if (generation !== this.#generation) return;
      for (const item of answer.items) {
        listed.add(item.conversationId);
        this.#put(mergeItem(this.get(item.conversationId), item));
      }
      cursor = answer.next;
      this.#isLoaded = true;
      if (cursor === undefined) break;
    }
    this.#heardMeanwhile = undefined;
    if (cursor === undefined) this.#dropUnlisted(listed, heard);
    this.#events.changed();
  }

  /** Asks for one conversation, and again while the answer is older than what is known. */
  async refresh(conversationId: ConversationId): Promise<void> {
    const generation = this.#generation;
    try {
      const item = await this.#context.http.get<ConversationItem>(`/v1/conversations/${conversationId}`);
      if (generation !== this.#generation) return;
      this.#heardMeanwhile?.add(conversationId);
      this.#put(mergeItem(this.get(conversationId), item));
      this.#events.changed();
    } catch (error) {
      if (error instanceof ApiError && error.code === "conversation_not_found") { this.remove(conversationId); return; }
      throw error;
    }
  }

  /** One event, live or caught up with. */
  apply(event: ChatEvent): void {
    const { conversationId } = event;
    const known = this.get(conversationId);
    this.#heardMeanwhile?.add(conversationId);
    if (known === undefined) return this.refreshSoon(conversationId);
    const next = applyToSummary(known, event, this.#context.me());
    if (next === known) return;
    this.#put(next);
    this.#events.changed();
  }

  /** The reader's mark, from here or from another device. */
  mark(conversationId: ConversationId, readSeq: Seq, deliveredSeq: Seq, ordinalAt: (seq: Seq) => number | undefined): void {
    const known = this.get(conversationId);
    if (known === undefined) return;
    const next = withMark(known, readSeq, deliveredSeq, ordinalAt);
    if (next === known) return;
    this.#put(next);
    this.#events.changed();
  }

  patch(conversationId: ConversationId, change: (summary: Summary) => Summary): void {
    const known = this.get(conversationId);
    if (known === undefined) return;
    this.#put(change(known));
    this.#events.changed();
  }

  remove(conversationId: ConversationId): void {
    if (!this.#summaries.delete(conversationId)) return;
    void this.#context.storage.delete("summaries", [conversationId]).catch(() => undefined);
    this.#events.gone(conversationId);
    this.#events.changed();
  }

  /** Forgets everything: another login, or another history. */
  forget(): void {
    this.#generation += 1;
    this.#summaries.clear();
    this.#dirty.clear();
    this.#refreshing.clear();
    this.#heardMeanwhile = undefined;
    this.#isLoaded = false;
    this.#events.changed();
  }

  /** Asks for one conversation in a moment, once however often it is called. */
  refreshSoon(conversationId: ConversationId): void {
    if (this.#refreshing.has(conversationId)) return;
    this.#refreshing.set(conversationId, 0);
    this.#scheduleRefresh(conversationId, 0);
  }

  #scheduleRefresh(conversationId: ConversationId, attempt: number): void {
    const { environment } = this.#context;
    const generation = this.#generation;
    const delayMs = 50 + backoffMs(attempt, RETRY_BASE_MS / 2, RETRY_MAX_MS, environment.random);
    environment.schedule(delayMs, () => {
      if (generation === this.#generation) void this.#refreshNow(conversationId, attempt);
    });
  }

  async #refreshNow(conversationId: ConversationId, attempt: number): Promise<void> {
    const generation = this.#generation;
    this.#refreshing.delete(conversationId);
    const outcome = await this.refresh(conversationId).then(
      () => "told" as const,
      (error: unknown) => (error instanceof ApiError && !error.retryable ? "refused" : "failed"),
    );
    if (generation !== this.#generation || outcome === "refused" || attempt + 1 >= REFRESH_ATTEMPTS_MAX) return;
    const isUnsure = outcome === "failed" || this.get(conversationId)?.stale === true;
    if (!isUnsure || this.#refreshing.has(conversationId)) return;
    this.#refreshing.set(conversationId, attempt + 1);
    this.#scheduleRefresh(conversationId, attempt + 1);
  }

  #dropUnlisted(listed: ReadonlySet<ConversationId>, heard: ReadonlySet<ConversationId>): void {
    for (const conversationId of [...this.#summaries.keys()]) {
      if (!listed.has(conversationId) && !heard.has(conversationId)) this.remove(conversationId);
    }
  }

  #put(summary: Summary): void {
    const isNew = !this.#summaries.has(summary.conversationId);
    this.#summaries.set(summary.conversationId, summary);
    if (isNew) this.#events.found(summary.conversationId);
    if (summary.stale) this.refreshSoon(summary.conversationId);
    this.#dirty.add(summary.conversationId);
    if (this.#isPersisting) return;
    this.#isPersisting = true;
    this.#context.environment.schedule(PERSIST_DELAY_MS, () => this.#persist());
  }

  #persist(): void {
    this.#isPersisting = false;
    const records = [...this.#dirty].flatMap((id) => this.get(id) ?? []);
    this.#dirty.clear();
    void this.#context.storage.put("summaries", records).catch(() => undefined);
  }
}
