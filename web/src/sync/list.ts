/**
 * The list of conversations as pages show it: order, counts, what waits, drafts.
 * Pure but for what it remembers so that rows keep their identity while nothing about them changed.
 */
import type { ConversationId, UserId } from "../protocol/types";
import type { Conversation, ConversationList, Draft, MessagePreview } from "./api";
import type { MessageEvent } from "./log";
import type { Entry } from "./outbox";
import { unreadOf, type Summary } from "./summary";

interface Row {
  readonly summary: Summary;
  readonly entries: readonly Entry[] | undefined;
  readonly draft: Draft | undefined;
  readonly conversation: Conversation;
}

const DRAFT_CHARS = 120;

export class ListMaker {
  readonly #rows = new Map<ConversationId, Row>();

  make(
    summaries: Iterable<Summary>,
    outbox: ReadonlyMap<ConversationId, readonly Entry[]>,
    drafts: ReadonlyMap<ConversationId, Draft>,
    me: UserId,
    isLoaded: boolean,
  ): ConversationList {
    const byId = new Map<ConversationId, Conversation>();
    for (const summary of summaries) {
      const { conversationId } = summary;
      byId.set(conversationId, this.#row(summary, outbox.get(conversationId), drafts.get(conversationId), me));
    }
    for (const conversationId of [...this.#rows.keys()]) if (!byId.has(conversationId)) this.#rows.delete(conversationId);
    const items = [...byId.values()].sort(order);
    const heard = items.filter((one) => !one.preferences.muted);
    const unread = heard.reduce((sum, one) => sum + one.unread, 0);
    const mentions = items.reduce((sum, one) => sum + one.mentions, 0);
    return { items, byId, state: isLoaded ? "ready" : "loading", unread, mentions };
  }

  #row(summary: Summary, entries: readonly Entry[] | undefined, draft: Draft | undefined, me: UserId): Conversation {
    const known = this.#rows.get(summary.conversationId);
    if (known?.summary === summary && known.entries === entries && known.draft === draft) return known.conversation;
    const conversation = conversationOf(summary, entries ?? [], draft, me);
    this.#rows.set(summary.conversationId, { summary, entries, draft, conversation });
    return conversation;
  }
}

export function conversationOf(summary: Summary, entries: readonly Entry[], draft: Draft | undefined, me: UserId): Conversation {
  const { last, ordinal: _ordinal, readOrdinal: _readOrdinal, deliveredSeq: _deliveredSeq, stale: _stale, ...rest } = summary;
  const otherId = summary.kind === "direct" ? summary.memberIds?.find((id) => id !== me) : undefined;
  const text = draft?.body.trim().slice(0, DRAFT_CHARS) ?? "";
  return {
    ...rest,
    unread: unreadOf(summary),
    pending: entries.filter((entry) => entry.state === "queued").length,
    failed: entries.filter((entry) => entry.state === "failed").length,
    ...(otherId === undefined ? {} : { otherId }),
    ...(last === undefined ? {} : { last: previewOf(last) }),
    ...(text === "" ? {} : { draft: text }),
  };
}

function previewOf(message: MessageEvent): MessagePreview {
  const { seq, senderId, body, sentAt, deletedAt, attachments } = message;
  return { seq, senderId, body, sentAt, deleted: deletedAt !== undefined, attachments: attachments ?? [] };
}

/** Pinned ones first, then by latest activity; a tie is always broken the same way. */
function order(a: Conversation, b: Conversation): number {
  if (a.preferences.pinned !== b.preferences.pinned) return a.preferences.pinned ? -1 : 1;
  if (a.activeAt !== b.activeAt) return a.activeAt < b.activeAt ? 1 : -1;
  return a.conversationId < b.conversationId ? 1 : -1;
}
