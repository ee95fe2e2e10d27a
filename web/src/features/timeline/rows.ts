/**
 * What each row of a timeline shows besides its own content: a day before it, the divider of the unread, whether it belongs
 * to the message above. One row for each item, so that rows and items count alike.
 * Pure; the reader's time zone is that of the device.
 */
import type { Seq, TimelineItem } from "../../sync/api";

export const GROUP_MS = 5 * 60_000;

export interface Row {
  readonly item: TimelineItem;
  /** A day begins: the row shows its name above itself. */
  readonly startsDay: boolean;
  readonly startsUnread: boolean;
  /** Same author shortly before: no picture, no name. */
  readonly grouped: boolean;
}

/** Rows as they were last made, for the item before them they had then: most of a timeline stays as it is. */
const made = new WeakMap<TimelineItem, { readonly before: TimelineItem | undefined; readonly row: Row }>();

export function rowsOf(items: readonly TimelineItem[], unreadAfter: Seq | undefined): readonly Row[] {
  let divided = unreadAfter === undefined;
  return items.map((item, index) => {
    const before = items[index - 1];
    const startsUnread = !divided && isUnread(item, unreadAfter ?? 0);
    if (startsUnread) divided = true;
    const last = made.get(item);
    if (last?.before === before && last?.row.startsUnread === startsUnread) return last.row;
    const row = rowOf(item, before, startsUnread);
    made.set(item, { before, row });
    return row;
  });
}

function rowOf(item: TimelineItem, before: TimelineItem | undefined, startsUnread: boolean): Row {
  const startsDay = !isBeginning(item) && (before === undefined || isBeginning(before) || !isSameDay(before.sentAt, item.sentAt));
  return { item, startsDay, startsUnread, grouped: before !== undefined && !startsDay && !startsUnread && belongsTogether(before, item) };
}

/** The card at the beginning of a conversation stands above its first day. */
function isBeginning(item: TimelineItem): boolean {
  return item.type === "notice" && item.event.kind === "created";
}

function isUnread(item: TimelineItem, unreadAfter: Seq): boolean {
  return item.type === "message" && !item.mine && item.seq !== undefined && item.seq > unreadAfter;
}

function belongsTogether(before: TimelineItem, item: TimelineItem): boolean {
  if (before.type !== "message" || item.type !== "message") return false;
  if (before.senderId !== item.senderId || item.replyTo !== undefined) return false;
  if (before.deletedAt !== undefined || item.deletedAt !== undefined) return false;
  return Date.parse(item.sentAt) - Date.parse(before.sentAt) < GROUP_MS;
}

function isSameDay(one: string, other: string): boolean {
  const first = new Date(one);
  const second = new Date(other);
  return first.getDate() === second.getDate() && first.getMonth() === second.getMonth() && first.getFullYear() === second.getFullYear();
}

/** Where a place is among the items: the item with that `seq`, else the first after it, else the last. */
export function indexOfSeq(items: readonly TimelineItem[], seq: Seq): number {
  const index = items.findIndex((item) => item.seq !== undefined && item.seq >= seq);
  return index === -1 ? items.length - 1 : index;
}
