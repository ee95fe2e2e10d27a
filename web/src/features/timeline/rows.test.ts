/** Days, groups and the unread divider, from nothing but the items. */
import { describe, expect, it } from "vitest";
import type { MessageItem, NoticeItem } from "../../sync/api";
import { GROUP_MS, indexOfSeq, rowsOf } from "./rows";

const NOON = new Date(2026, 0, 31, 12).getTime();

function message(seq: number, change: Partial<MessageItem> & { at?: number } = {}): MessageItem {
  const { at = NOON + seq * 1000, ...rest } = change;
  return {
    type: "message",
    key: `m${seq}`,
    state: "sent",
    seq,
    senderId: "ada",
    mine: false,
    body: "x",
    sentAt: new Date(at).toISOString(),
    mentions: [],
    attachments: [],
    reactions: [],
    edits: 0,
    changing: false,
    ...rest,
  };
}

const notice: NoticeItem = {
  type: "notice",
  key: "n",
  seq: 2,
  sentAt: new Date(NOON + 2000).toISOString(),
  event: {
    kind: "membersAdded",
    userIds: ["bob"],
    role: "member",
    conversationId: "c",
    seq: 2,
    senderId: "ada",
    sentAt: new Date(NOON + 2000).toISOString(),
    clientMessageId: "n",
    ordinal: 1,
  },
};

describe("rows", () => {
  it("are one for each item", () => {
    expect(rowsOf([message(1), notice, message(3)], 1)).toHaveLength(3);
    expect(rowsOf([], undefined)).toEqual([]);
  });

  it("group what one person says in a row, for five minutes", () => {
    const rows = rowsOf([message(1), message(2), message(3, { senderId: "bob" }), message(4, { senderId: "bob", at: NOON + 3000 + GROUP_MS })], undefined);
    expect(rows.map((row) => row.grouped)).toEqual([false, true, false, false]);
  });

  it("do not group across notices, replies and deleted messages", () => {
    expect(rowsOf([message(1), notice, message(3)], undefined)[2]?.grouped).toBe(false);
    expect(rowsOf([message(1), message(2, { replyTo: 1 })], undefined)[1]?.grouped).toBe(false);
    expect(rowsOf([message(1), message(2, { deletedAt: "2026-01-31T12:00:00.000Z" })], undefined)[1]?.grouped).toBe(false);
  });

  it("name each day once, by the device's clock", () => {
    const midnight = new Date(2026, 1, 1).getTime();
    const rows = rowsOf([message(1), message(2, { at: midnight - 1 }), message(3, { at: midnight })], undefined);
    expect(rows.map((row) => row.startsDay)).toEqual([true, false, true]);
    expect(rows[2]?.grouped).toBe(false);
  });

  it("put the first day below the card at the beginning", () => {
    const { sentAt, event } = notice;
    const beginning: NoticeItem = {
      ...notice,
      seq: 1,
      event: { kind: "created", conversationKind: "group", members: [], conversationId: "c", seq: 1, senderId: "ada", sentAt, clientMessageId: event.clientMessageId, ordinal: 0 },
    };
    expect(rowsOf([beginning, message(2), message(3)], undefined).map((row) => row.startsDay)).toEqual([false, true, false]);
  });

  it("show one divider, before the first unread message of somebody else", () => {
    const rows = rowsOf([message(1), message(2, { mine: true }), message(3), message(4)], 1);
    expect(rows.map((row) => row.startsUnread)).toEqual([false, false, true, false]);
    expect(rowsOf([message(1)], 1).some((row) => row.startsUnread)).toBe(false);
    expect(rowsOf([message(1)], undefined).some((row) => row.startsUnread)).toBe(false);
    const waiting = message(5);
    Reflect.deleteProperty(waiting, "seq");
    expect(rowsOf([waiting], 1)[0]?.startsUnread).toBe(false);
  });
});

describe("a place", () => {
  it("is the item, else the next one, else the last", () => {
    const items = [message(2), message(5), message(6)];
    expect([1, 2, 3, 5, 9].map((seq) => indexOfSeq(items, seq))).toEqual([0, 0, 1, 1, 2]);
  });
});
