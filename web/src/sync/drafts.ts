/**
 * What is being written, per conversation, kept on this device across reloads.
 * Invariant: a tab never overwrites what another one wrote later; the last keystroke wins.
 */
import type { ConversationId } from "../protocol/types";
import type { Draft, DraftsApi } from "./api";
import type { Context } from "./context";
import { PERSIST_DELAY_MS } from "./limits";
import { Value } from "./store";

export class Drafts implements DraftsApi {
  readonly all = new Value<ReadonlyMap<ConversationId, Draft>>(new Map());
  readonly #context: Context;
  readonly #dirty = new Set<ConversationId>();
  #isScheduled = false;

  constructor(context: Context) {
    this.#context = context;
    context.tabs.onTold((message) => {
      if (message.type === "draft" && !this.#dirty.has(message.conversationId)) void this.#reread(message.conversationId);
    });
  }

  readonly get = (conversationId: ConversationId): Draft | undefined => this.all.getSnapshot().get(conversationId);

  readonly set = (conversationId: ConversationId, draft: Draft | undefined): void => {
    const isEmpty = draft === undefined || (draft.body === "" && draft.replyTo === undefined);
    if (isEmpty && this.get(conversationId) === undefined) return;
    this.#put(conversationId, isEmpty ? undefined : draft);
    this.#dirty.add(conversationId);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#context.environment.schedule(PERSIST_DELAY_MS, () => void this.flush());
  };

  async restore(): Promise<void> {
    const kept = await this.#context.storage.all("drafts");
    this.all.set(new Map([...kept.map(({ conversationId, ...draft }) => [conversationId, draft] as const), ...this.all.getSnapshot()]));
  }

  /** Writes what waits; the page may be closed. */
  async flush(): Promise<void> {
    this.#isScheduled = false;
    const ids = [...this.#dirty];
    this.#dirty.clear();
    const { storage, tabs } = this.#context;
    const records = ids.flatMap((conversationId) => {
      const draft = this.get(conversationId);
      return draft === undefined ? [] : [{ conversationId, ...draft }];
    });
    const gone = ids.filter((id) => this.get(id) === undefined);
    await Promise.all([storage.put("drafts", records), storage.delete("drafts", gone)]).catch(() => undefined);
    for (const conversationId of ids) tabs.tell({ type: "draft", conversationId });
  }

  forget(): void {
    this.#dirty.clear();
    this.all.set(new Map());
  }

  async #reread(conversationId: ConversationId): Promise<void> {
    const kept = await this.#context.storage.get("drafts", conversationId).catch(() => undefined);
    if (this.#dirty.has(conversationId)) return;
    if (kept === undefined) { this.#put(conversationId, undefined); return; }
    const { conversationId: _id, ...draft } = kept;
    this.#put(conversationId, draft);
  }

  #put(conversationId: ConversationId, draft: Draft | undefined): void {
    const all = new Map(this.all.getSnapshot());
    if (draft === undefined) all.delete(conversationId);
    else all.set(conversationId, draft);
    this.all.set(all);
  }
}
