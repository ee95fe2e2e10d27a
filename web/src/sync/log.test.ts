/** State and events make state, whatever the order of pages and live events: D9, D10, by seed. */
import { describe, expect, it } from "vitest";

import type { ChatEvent, ConversationItem } from "../protocol/types";
import { applyEvents, extendNewer, extendOlder, firstSeq, isAtEnd, lastSeq, trim, windowOf, type LogWindow } from "./log";
import { applyToSummary, mergeItem, summaryOf, unreadOf, withMark } from "./summary";
import { ModelConversation } from "./testing/model";
import { World } from "./testing/simulation";

const PEOPLE = ["ada", "bob", "cyd"];

/** A conversation that grows at random. */
class Growing {
  readonly world: World;
  readonly room = new ModelConversation("room", "group", "Tea", PEOPLE, "2026-01-31T09:00:00.000Z");
  #commands = 0;

  constructor(seed: number) {
    this.world = new World(seed);
  }

  grow(count: number): void {
    for (let index = 0; index < count; index += 1) this.#step();
  }

  item(reader: string): ConversationItem {
    const { room } = this;
    const last = room.rows(reader).findLast((event) => event.kind === "message");
    const member = room.members.get(reader);
    return {
      conversationId: room.id, kind: room.kind, title: room.title, headSeq: room.head, readSeq: member?.readSeq ?? 0,
      deliveredSeq: member?.deliveredSeq ?? 0, ...room.recount(reader), role: "member", memberCount: room.members.size,
      createdAt: "", activeAt: room.log.at(-1)?.base.sentAt ?? "", preferences: { pinned: false, muted: false },
      ...(last === undefined ? {} : { lastEvent: last }),
    };
  }

  #step(): void {
    const { world, room } = this;
    const sender = world.pick(PEOPLE);
    const clientMessageId = `command-${(this.#commands += 1)}`;
    const messages = [...room.messages.keys()];
    const action = messages.length === 0 ? "sendMessage" : world.pick(["sendMessage", "sendMessage", "editMessage", "deleteMessage", "react", "unreact", "react"] as const);
    const mentions = world.chance(0.3) ? { mentions: [world.pick(PEOPLE)] } : {};
    const target = messages.length === 0 ? {} : { seq: world.pick(messages) };
    room.command(sender, new Date(world.nowMs + room.head).toISOString(), {
      action, conversationId: room.id, clientMessageId, body: `text ${clientMessageId}`, emoji: world.pick(["👍", "🎉"]), ...target, ...mentions,
    });
    if (world.chance(0.1)) room.append(sender, "2026-01-31T09:00:00.000Z", clientMessageId, { kind: "described", title: `Title ${clientMessageId}` });
  }
}

const seeds = Array.from({ length: 40 }, (_, index) => index + 1);

describe.each(seeds)("seed %i", (seed) => {
  it("a page, older pages, newer pages and live events, some of them twice, are the log as it is (D10)", () => {
    const growing = new Growing(seed);
    const { world, room } = growing;
    growing.grow(60);
    const middle = world.between(10, 40);
    let window: LogWindow = windowOf(room.rows("ada").slice(middle, middle + 10), room.head);
    let told = room.head;
    for (let round = 0; round < 30; round += 1) {
      growing.grow(world.between(0, 4));
      const rows = room.rows("ada");
      world.pick([
        () => (window = extendOlder(window, rows.slice(Math.max(0, firstSeq(window) - 8), firstSeq(window) - 1))),
        () => {
          window = extendNewer(window, rows.slice(lastSeq(window), lastSeq(window) + 7), "ada");
        },
        () => {
          // Live events, from a little before what is known.
          const from = Math.max(0, told - world.between(0, 5));
          const { window: next, step } = applyEvents(window, room.log.slice(from).map((event) => room.live(event)), "ada");
          expect(step).not.toBe("gap");
          window = next;
          told = room.head;
        },
      ])();
    }
    const live = room.log.slice(told).map((event) => room.live(event));
    window = applyEvents(window, live, "ada").window;
    const now = room.rows("ada");
    expect(window.events.filter((event) => event.kind !== "edited")).toEqual(
      now.slice(firstSeq(window) - 1, lastSeq(window)).filter((event) => event.kind !== "edited"),
    );
    expect(window.appliedSeq).toBe(room.head);
  });

  it("a gap is seen, and changes nothing (D4)", () => {
    const growing = new Growing(seed);
    growing.grow(20);
    const { room } = growing;
    const window = windowOf(room.rows("ada"), room.head);
    growing.grow(5);
    const [, ...rest] = room.log.slice(window.appliedSeq).map((event) => room.live(event));
    if (rest.length === 0) return;
    expect(applyEvents(window, rest, "ada")).toEqual({ window, step: "gap" });
  });

  it("unread is what a recount finds, after events, own messages and marks (D9)", () => {
    const growing = new Growing(seed);
    const { world, room } = growing;
    growing.grow(30);
    let summary = summaryOf(growing.item("bob"));
    for (let round = 0; round < 20; round += 1) {
      const before = room.head;
      growing.grow(world.between(0, 3));
      for (const event of room.log.slice(before)) summary = applyToSummary(summary, room.live(event), "bob");
      if (world.chance(0.3)) {
        const seq = world.between(1, room.head);
        room.mark("bob", seq, seq);
        summary = withMark(summary, seq, seq, (at) => room.log[at - 1]?.base.ordinal);
      }
      const { unread, mentions } = room.recount("bob");
      expect(unreadOf(summary)).toBe(unread);
      if (!summary.stale) expect(summary.mentions).toBe(mentions);
      if (world.chance(0.2)) summary = mergeItem(summary, growing.item("bob"));
    }
  });

  it("the list's word and later events are the list's later word (D10)", () => {
    const growing = new Growing(seed);
    growing.grow(30);
    const { room } = growing;
    let summary = summaryOf(growing.item("cyd"));
    const before = room.head;
    growing.grow(20);
    for (const event of room.log.slice(before)) summary = applyToSummary(summary, room.live(event), "cyd");
    const later = summaryOf(growing.item("cyd"));
    const { stale: _stale, mentions: _mentions, activeAt: _at, ...rest } = summary;
    const { stale: _stale2, mentions: _mentions2, activeAt: _at2, last, ...expected } = later;
    expect(rest).toEqual({ ...expected, last: withoutMine(last, summary.last) });
  });
});

/** The list does not say which reactions are the reader's own. */
function withoutMine<T>(_told: T, known: T): T {
  return known;
}

describe("a part of a log", () => {
  const events = Array.from({ length: 10 }, (_, index) => ({ seq: index + 1, kind: "described" })) as unknown as ChatEvent[];

  it("lets go the end that is not looked at, and knows that it did", () => {
    const older = trim(windowOf(events, 10), "older", 4);
    expect([firstSeq(older), lastSeq(older), isAtEnd(older)]).toEqual([1, 4, false]);
    const newer = trim(windowOf(events, 10), "newer", 4);
    expect([firstSeq(newer), lastSeq(newer), isAtEnd(newer)]).toEqual([7, 10, true]);
  });

  it("takes only pages that touch it", () => {
    const window = windowOf(events.slice(4), 10);
    expect(extendOlder(window, events.slice(0, 3))).toBe(window);
    expect(extendOlder(window, events.slice(0, 4)).events).toHaveLength(10);
  });
});
