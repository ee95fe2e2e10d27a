/**
 * One conversation as the list shows it, and how events and marks change it: unread is arithmetic on ordinals (D9, D10, P24).
 * Pure. Invariant: `unread = ordinal - readOrdinal`, never counted up or down by itself.
 */
import type { ChatEvent, ConversationId, ConversationItem, ConversationKind, ConversationPreferences, MemberRole, Seq, Time, UserId } from "../protocol/types";
import { MENTIONS_MAX } from "./limits";
import { changeMessage, type MessageEvent } from "./log";

export interface Summary {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  readonly title?: string;
  readonly description?: string;
  readonly memberIds?: readonly UserId[];
  readonly role: MemberRole;
  readonly memberCount: number;
  readonly createdAt: Time;
  readonly activeAt: Time;
  readonly headSeq: Seq;
  /** Messages in the log up to `headSeq`. */
  readonly ordinal: number;
  readonly readSeq: Seq;
  /** Messages in the log up to the mark. */
  readonly readOrdinal: number;
  readonly deliveredSeq: Seq;
  readonly mentions: number;
  readonly last?: MessageEvent;
  readonly preferences: ConversationPreferences;
  /** Something is not known exactly: ask the server again. */
  readonly stale: boolean;
}

export function unreadOf(summary: Summary): number {
  return Math.max(0, summary.ordinal - summary.readOrdinal);
}

export function summaryOf(item: ConversationItem): Summary {
  const { lastEvent, unread, ...rest } = item;
  const last = lastEvent?.kind === "message" ? lastEvent : undefined;
  // No message was sent after the last one, so its ordinal is that of the head.
  const ordinal = last?.ordinal ?? unread;
  return {
    ...rest,
    ...(last === undefined ? {} : { last }),
    ordinal,
    readOrdinal: ordinal - unread,
    stale: false,
  };
}

/** What is known, after the server's own word, which may be older than the events heard since. */
export function mergeItem(known: Summary | undefined, item: ConversationItem): Summary {
  const told = summaryOf(item);
  if (known === undefined) return told;
  if (told.headSeq < known.headSeq) {
    return withMark({ ...known, preferences: told.preferences }, told.readSeq, told.deliveredSeq, () => told.readOrdinal);
  }
  // A mark of the reader's that has not arrived there yet.
  return withMark(told, known.readSeq, known.deliveredSeq, () => (known.stale ? undefined : known.readOrdinal));
}

/** After one event. A gap is bridged for what ordinals tell, and leaves the rest `stale`. */
export function applyToSummary(summary: Summary, event: ChatEvent, me: UserId): Summary {
  if (event.seq <= summary.headSeq) return summary;
  const isGap = event.seq > summary.headSeq + 1;
  const moved: Summary = {
    ...summary,
    headSeq: event.seq,
    ordinal: event.ordinal,
    activeAt: event.sentAt,
    stale: summary.stale || isGap,
  };
  return applyKind(moved, event, me);
}

/** After a mark of the reader's, made here or on another device. `ordinalAt` knows the ordinals of what is loaded. */
export function withMark(
  summary: Summary,
  readSeq: Seq,
  deliveredSeq: Seq,
  ordinalAt: (seq: Seq) => number | undefined,
): Summary {
  const delivered = Math.max(summary.deliveredSeq, deliveredSeq, readSeq);
  if (readSeq <= summary.readSeq) {
    return delivered === summary.deliveredSeq ? summary : { ...summary, deliveredSeq: delivered };
  }
  const moved = { ...summary, readSeq, deliveredSeq: delivered };
  if (readSeq >= summary.headSeq) return { ...moved, readSeq: summary.headSeq, readOrdinal: summary.ordinal, mentions: 0 };
  const ordinal = ordinalAt(readSeq);
  if (ordinal === undefined) return { ...moved, stale: true };
  const readOrdinal = Math.max(moved.readOrdinal, ordinal);
  if (readOrdinal >= moved.ordinal) return { ...moved, readOrdinal, mentions: 0 };
  // How many of those still unread mention the reader is not known here.
  return { ...moved, readOrdinal, stale: moved.stale || moved.mentions > 0 };
}

function applyKind(summary: Summary, event: ChatEvent, me: UserId): Summary {
  switch (event.kind) {
    case "message":
      return withMessage(summary, event, me);
    case "edited":
    case "deleted":
      return withChange(summary, event, me);
    case "reacted":
    case "unreacted":
      return withChangedLast(summary, event, me);
    case "described":
      return described(summary, event);
    case "membersAdded":
      return { ...summary, memberCount: summary.memberCount + event.userIds.length };
    case "memberRemoved":
      return { ...summary, memberCount: Math.max(0, summary.memberCount - 1) };
    case "roleChanged":
      return event.memberId === me ? { ...summary, role: event.role } : summary;
    default:
      // `created` precedes every summary; kinds of newer servers take their place and show nothing (P16).
      return summary;
  }
}

function withMessage(summary: Summary, message: MessageEvent, me: UserId): Summary {
  const next = { ...summary, last: message };
  if (message.senderId === me) {
    // Who writes has read up to there.
    const delivered = Math.max(next.deliveredSeq, message.seq);
    return { ...next, readSeq: message.seq, readOrdinal: message.ordinal, deliveredSeq: delivered, mentions: 0 };
  }
  const mentionsMe = message.mentions?.includes(me) === true;
  return mentionsMe ? { ...next, mentions: Math.min(MENTIONS_MAX, next.mentions + 1) } : next;
}

/** An unread message that mentions the reader may have come or gone by it. */
function withChange(summary: Summary, event: Extract<ChatEvent, { kind: "edited" | "deleted" }>, me: UserId): Summary {
  const isUnread = event.target > summary.readSeq;
  const touchesMentions = isUnread && (summary.mentions > 0 || (event.kind === "edited" && event.mentions?.includes(me) === true));
  const next = withChangedLast(summary, event, me);
  return touchesMentions ? { ...next, stale: true } : next;
}

function withChangedLast(summary: Summary, event: ChatEvent, me: UserId): Summary {
  if (summary.last === undefined) return summary;
  const last = changeMessage(summary.last, event, me);
  return last === summary.last ? summary : { ...summary, last };
}

function described(summary: Summary, event: Extract<ChatEvent, { kind: "described" }>): Summary {
  const { description: old, ...rest } = summary;
  const description = event.description ?? old;
  return {
    ...rest,
    ...(event.title === undefined ? {} : { title: event.title }),
    ...(description === undefined || description === "" ? {} : { description }),
  };
}
