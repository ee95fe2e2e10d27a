/** Commands are kept, sent in order, resent under their name, and given up by nobody but the person: D2, P40–P43. */
import { describe, expect, it } from "vitest";

import type { ClientRequest, ServerFrame } from "../protocol/types";
import { idMaker } from "./ids";
import { Outbox } from "./outbox";
import { MemoryStorage } from "./storage";
import { Value } from "./store";
import { World } from "./testing/simulation";

type Sent = Extract<ClientRequest, { action: "sendMessage" }>;

class Bench {
  readonly world = new World(7);
  readonly storage: MemoryStorage;
  readonly sent: Sent[] = [];
  readonly refused: string[] = [];
  restarts = 0;
  isOpen = true;
  readonly outbox: Outbox;

  constructor(storage = new MemoryStorage(), tab = "tab-1") {
    this.storage = storage;
    const environment = { now: this.world.now, random: this.world.random, schedule: this.world.schedule, openSocket: never, fetch: never };
    this.outbox = new Outbox({
      environment, storage,
      newId: idMaker(environment),
      tabs: { id: tab, leads: new Value(true), tell: () => undefined, onTold: () => () => undefined, alive: () => Promise.resolve(new Set([tab])) },
      send: (request) => {
        if (this.isOpen) this.sent.push(request as Sent);
        return this.isOpen;
      },
      restart: () => (this.restarts += 1),
      refused: (_conversation, error) => this.refused.push(error.code),
    });
  }

  say(body: string): string {
    return this.outbox.add("room", { kind: "send", body, mentions: [], attachments: [] });
  }

  hear(frame: Partial<ServerFrame>): void {
    this.outbox.handle(frame as ServerFrame);
  }

  accept(): void {
    this.hear({ type: "accepted", clientMessageId: this.sent.at(-1)?.clientMessageId ?? "" });
  }

  get bodies(): string[] {
    return this.sent.map((request) => request.body);
  }
}

function never(): never {
  throw new Error("not here");
}

describe("the outbox", () => {
  it("keeps a command before it sends it", async () => {
    const bench = new Bench();
    bench.outbox.opened();
    const id = bench.say("one");
    expect(bench.sent).toHaveLength(0);
    await bench.world.pass(1);
    expect(bench.bodies).toEqual(["one"]);
    expect((await bench.storage.get("outbox", id))?.state).toBe("queued");
  });

  it("has one unanswered command per conversation, and goes on after each answer (P71)", async () => {
    const bench = new Bench();
    bench.outbox.opened();
    for (const body of ["one", "two", "three"]) bench.say(body);
    await bench.world.pass(1);
    expect(bench.bodies).toEqual(["one"]);
    bench.accept();
    bench.accept();
    expect(bench.bodies).toEqual(["one", "two", "three"]);
  });

  it("lets no later command pass one that was too fast, and resends it under its name (D2, P50)", async () => {
    const bench = new Bench();
    bench.outbox.opened();
    const id = bench.say("one");
    bench.say("two");
    await bench.world.pass(1);
    bench.hear({ type: "rejected", code: "slow_down", message: "", clientMessageId: id, retryAfterMs: 400 });
    await bench.world.pass(300);
    expect(bench.bodies).toEqual(["one"]);
    await bench.world.pass(2_000);
    expect(bench.sent.map((request) => request.clientMessageId)).toEqual([id, id]);
    bench.accept();
    expect(bench.bodies).toEqual(["one", "one", "two"]);
  });

  it("resends what was not answered when the socket is back", async () => {
    const bench = new Bench();
    bench.outbox.opened();
    const id = bench.say("one");
    await bench.world.pass(1);
    bench.outbox.closed();
    bench.outbox.opened();
    expect(bench.sent.map((request) => request.clientMessageId)).toEqual([id, id]);
  });

  it("gives a socket up that does not answer", async () => {
    const bench = new Bench();
    bench.outbox.opened();
    bench.say("one");
    await bench.world.pass(25_000);
    expect(bench.restarts).toBe(1);
  });

  it("survives the end of its tab, in order; a tab that lives keeps its own", async () => {
    const first = new Bench();
    for (const body of ["one", "two"]) first.say(body);
    await first.world.pass(1);
    const second = new Bench(first.storage, "tab-2");
    await second.outbox.adopt();
    second.outbox.opened();
    await second.world.pass(1);
    second.accept();
    expect(second.bodies).toEqual(["one", "two"]);
    await first.outbox.adopt();
    expect(first.outbox.pending).toBe(2);
  });

  it("shows a refusal, and retries under the same name what was never accepted", async () => {
    const bench = new Bench();
    bench.outbox.opened();
    const id = bench.say("one");
    await bench.world.pass(1);
    bench.hear({ type: "rejected", code: "conversation_not_found", message: "No.", clientMessageId: id });
    expect(bench.outbox.entriesOf("room")[0]?.error?.code).toBe("conversation_not_found");
    bench.outbox.retry(id);
    await bench.world.pass(1);
    expect(bench.sent.map((request) => request.clientMessageId)).toEqual([id, id]);
  });

  it("retries under a new name what was accepted and came to nothing, but not what operators hold (D5)", async () => {
    const bench = new Bench();
    bench.outbox.opened();
    const [one, two] = [bench.say("one"), bench.say("two")];
    await bench.world.pass(1);
    bench.accept();
    bench.accept();
    bench.hear({ type: "failed", conversationId: "room", clientMessageId: one, code: "conversation_not_found", message: "No." });
    bench.hear({ type: "failed", conversationId: "room", clientMessageId: two, code: "dead_lettered", message: "Set aside." });
    bench.outbox.retry(one);
    bench.outbox.retry(two);
    await bench.world.pass(1);
    bench.accept();
    const names = bench.sent.slice(2).map((request) => request.clientMessageId);
    expect(names[0]).not.toBe(one);
    expect(names[1]).toBe(two);
  });

  it("tells of a refused change, and forgets it", async () => {
    const bench = new Bench();
    bench.outbox.opened();
    const id = bench.outbox.add("room", { kind: "delete", seq: 3 });
    await bench.world.pass(1);
    bench.hear({ type: "rejected", code: "not_your_message", message: "No.", clientMessageId: id });
    expect(bench.refused).toEqual(["not_your_message"]);
    expect(bench.outbox.entriesOf("room")).toHaveLength(0);
  });

  it("is bounded (D6)", () => {
    const bench = new Bench();
    for (let count = 0; count < 1_000; count += 1) bench.say("x");
    expect(() => bench.say("one more")).toThrow("Too many messages wait");
  });
});

describe("names of commands", () => {
  it("are UUIDs of version 7 and ascend, also within a millisecond and when the clock goes back (P41)", () => {
    const world = new World(1);
    const newId = idMaker(world);
    let last = "";
    for (let count = 0; count < 10_000; count += 1) {
      if (count % 1_000 === 0) world.nowMs -= 5;
      if (count % 3_000 === 0) world.nowMs += 40;
      const id = newId();
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(id > last).toBe(true);
      last = id;
    }
  });
});
