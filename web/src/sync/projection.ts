/**
 * What a timeline shows: the log's messages and notices, with one's own commands laid over them while they wait.
 * Pure. Invariant: a message shows once, under its `clientMessageId`, before and after the server has it (D2).
 */
import type { ChatEvent, UserId } from "../protocol/types";
import type { MessageItem, NoticeItem, TimelineItem } from "./api";
import { counted, type MessageEvent } from "./log";
import type { Entry } from "./outbox";

const NONE: readonly never[] = [];
const NOTICES = new Set<ChatEvent["kind"]>(["created", "described", "membersAdded", "memberRemoved", "roleChanged"]);

/** Rows of events do not change while the events do not: kept, so that they keep their identity. */
const rows = new WeakMap<ChatEvent, TimelineItem>();

export interface ProjectionInput {
  readonly events: readonly ChatEvent[];
  /** One's own commands of this conversation, in order. */
  readonly entries: readonly Entry[];
  /** Whether waiting messages belong after the last event. */
  readonly atEnd: boolean;
  readonly me: UserId;
}

export function project({ events, entries, atEnd, me }: ProjectionInput): readonly TimelineItem[] {
  const items: TimelineItem[] = [];
  const changes = changesByTarget(entries);
  for (const event of events) {
    const row = rowOf(event, me);
    if (row === undefined) continue;
    const own = row.type === "message" && row.seq !== undefined ? changes.get(row.seq) : undefined;
    items.push(own === undefined || row.type !== "message" ? row : overlay(row, own));
  }
  if (atEnd) items.push(...waiting(events, entries, me));
  return items;
}

/** One event as a row; kinds that show nothing by themselves have none. */
export function rowOf(event: ChatEvent, me: UserId): TimelineItem | undefined {
  const known = rows.get(event);
  if (known !== undefined) return known;
  const row = event.kind === "message" ? messageRow(event, me) : noticeRow(event);
  if (row !== undefined) rows.set(event, row);
  return row;
}

export function messageRow(event: MessageEvent, me: UserId): MessageItem {
  return {
    type: "message",
    key: event.clientMessageId,
    state: "sent",
    seq: event.seq,
    messageId: event.messageId,
    senderId: event.senderId,
    mine: event.senderId === me,
    body: event.body,
    sentAt: event.sentAt,
    mentions: event.mentions ?? NONE,
    attachments: event.attachments ?? NONE,
    reactions: event.reactions ?? NONE,
    edits: event.edits ?? 0,
    changing: false,
    ...(event.replyTo === undefined ? {} : { replyTo: event.replyTo }),
    ...(event.editedAt === undefined ? {} : { editedAt: event.editedAt }),
    ...(event.deletedAt === undefined ? {} : { deletedAt: event.deletedAt }),
    ...(event.deletedBy === undefined ? {} : { deletedBy: event.deletedBy }),
  };
}

/** A message of one's own that is not in the log yet. */
export function waitingRow(entry: Entry, me: UserId): MessageItem | undefined {
  const { command } = entry;
  if (command.kind !== "send") return undefined;
  return {
    type: "message",
    key: entry.id,
    state: entry.state === "failed" ? "failed" : entry.state === "accepted" ? "sent" : "pending",
    senderId: me,
    mine: true,
    body: command.body,
    sentAt: new Date(entry.createdAtMs).toISOString(),
    mentions: command.mentions,
    attachments: command.attachments,
    reactions: NONE,
    edits: 0,
    changing: false,
    ...(command.replyTo === undefined ? {} : { replyTo: command.replyTo }),
    ...(entry.error === undefined ? {} : { error: entry.error }),
  };
}

function noticeRow(event: ChatEvent): NoticeItem | undefined {
  if (!NOTICES.has(event.kind)) return undefined;
  return { type: "notice", key: `${event.seq}`, seq: event.seq, sentAt: event.sentAt, event: event as NoticeItem["event"] };
}

function changesByTarget(entries: readonly Entry[]): Map<number, Entry[]> {
  const changes = new Map<number, Entry[]>();
  for (const entry of entries) {
    if (entry.command.kind === "send" || entry.state === "failed" || entry.state === "settled") continue;
    const list = changes.get(entry.command.seq);
    if (list === undefined) changes.set(entry.command.seq, [entry]);
    else list.push(entry);
  }
  return changes;
}

function overlay(row: MessageItem, entries: readonly Entry[]): MessageItem {
  return entries.reduce(overlayOne, row);
}

function overlayOne(row: MessageItem, { command }: Entry): MessageItem {
  if (row.deletedAt !== undefined) return row;
  switch (command.kind) {
    case "edit":
      return { ...row, body: command.body, mentions: command.mentions, changing: true };
    case "delete":
      return { ...row, body: "", attachments: NONE, reactions: NONE, mentions: NONE, deletedAt: row.sentAt, deletedBy: row.senderId, changing: true };
    case "react":
    case "unreact": {
      const added = command.kind === "react";
      const isMine = row.reactions.some((one) => one.emoji === command.emoji && one.mine === true);
      return isMine === added ? row : { ...row, reactions: counted(row.reactions, command.emoji, added, true) };
    }
    case "send":
      return row;
  }
}

function waiting(events: readonly ChatEvent[], entries: readonly Entry[], me: UserId): MessageItem[] {
  if (entries.length === 0) return [];
  const ids = new Set(entries.map((entry) => entry.id));
  // What waits was written lately, so its event is near the end if it is there at all.
  for (let index = events.length - 1, looked = 0; index >= 0 && looked < 1_000; index -= 1, looked += 1) {
    const event = events[index];
    if (event !== undefined) ids.delete(event.clientMessageId);
  }
  return entries.filter((entry) => entry.state !== "settled" && ids.has(entry.id)).flatMap((entry) => waitingRow(entry, me) ?? []);
}
