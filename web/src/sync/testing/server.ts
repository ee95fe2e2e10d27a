/**
 * A server over the model: sockets and requests through a network that delays, drops, duplicates and breaks.
 * Written from the numbered rules of the protocol (P30–P38, P40–P44); invariant: frames of one socket keep their order.
 */
import type { Environment, SocketLike } from "../../connection/environment";
import type { ChatEvent, UserId } from "../../protocol/types";
import { ModelConversation, type Detail, type ModelCommand } from "./model";
import type { World } from "./simulation";

interface Peer {
  readonly userId: UserId;
  readonly push: (frame: unknown) => void;
  readonly close: (code: number) => void;
  isLive: boolean;
}

type Frame = Record<string, unknown> & { action?: string; ref?: unknown };

/** How bad the network is: parts of one. */
export interface Weather {
  drop: number;
  duplicate: number;
  refuse: number;
  delayMs: number;
}

const PAGE = 4;

export class ModelServer {
  readonly world: World;
  readonly weather: Weather = { drop: 0, duplicate: 0, refuse: 0, delayMs: 40 };
  readonly conversations = new Map<string, ModelConversation>();
  readonly #peers = new Set<Peer>();
  epoch = "epoch-1";
  isUp = true;
  #made = 0;

  constructor(world: World) {
    this.world = world;
  }

  /** The world of one device; `gone` ends it as a closed page ends. */
  device(userId: UserId): { environment: Environment; gone: () => void } {
    let isGone = false;
    const closers = new Set<() => void>();
    const schedule: Environment["schedule"] = (delayMs, run) => this.world.schedule(delayMs, () => (isGone ? undefined : run()));
    const environment: Environment = {
      now: this.world.now,
      random: this.world.random,
      schedule,
      openSocket: () => this.#socket(userId, () => isGone, closers),
      fetch: (path, init) => this.#fetch(userId, path, init, () => isGone),
    };
    const gone = () => {
      isGone = true;
      for (const close of closers) close();
    };
    return { environment, gone };
  }

  create(kind: "group" | "channel", title: string, members: readonly UserId[]): ModelConversation {
    const id = `00000000-0000-7000-8000-${String((this.#made += 1)).padStart(12, "0")}`;
    const made = new ModelConversation(id, kind, title, members, this.#at());
    this.conversations.set(id, made);
    this.#announce(made, made.log[0]);
    return made;
  }

  /** Something that happens over HTTP: a title, members. */
  happen(conversation: ModelConversation, senderId: UserId, detail: Detail): void {
    const before = new Set(conversation.members.keys());
    const event = conversation.append(senderId, this.#at(), `h-${this.world.random()}`, detail);
    this.#announce(conversation, event, before);
  }

  /** Killed and started again: nothing durable is lost, every socket is. */
  restart(downMs: number): void {
    this.isUp = false;
    this.breakAll();
    this.world.schedule(downMs, () => {
      this.isUp = true;
    });
  }

  breakAll(): void {
    for (const peer of [...this.#peers]) peer.close(1006);
  }

  /** The history is another generation: clients must forget what they hold (P37). */
  newEpoch(): void {
    this.epoch = `epoch-${Number(this.epoch.slice(6)) + 1}`;
    this.breakAll();
  }

  #at(): string {
    return new Date(this.world.nowMs).toISOString();
  }

  // ---- the network ----

  #socket(userId: UserId, isGone: () => boolean, closers: Set<() => void>): SocketLike {
    const { world, weather } = this;
    let state: "opening" | "open" | "closed" = "opening";
    const lanes = { up: 0, down: 0 };
    // Each way keeps its order, however long a frame takes.
    const carry = (lane: "up" | "down", run: () => void) => {
      lanes[lane] = Math.max(lanes[lane], world.nowMs + world.between(0, weather.delayMs));
      world.schedule(lanes[lane] - world.nowMs, run);
    };
    const socket: SocketLike = { onopen: null, onmessage: null, onclose: null, send: () => undefined, close: () => undefined };
    const closeNow = (code: number) => {
      if (state === "closed") return;
      state = "closed";
      this.#peers.delete(peer);
      world.schedule(world.between(0, 20), () => (isGone() ? undefined : socket.onclose?.({ code })));
    };
    const push = (frame: unknown) => {
      const data = JSON.stringify(frame);
      carry("down", () => {
        if (state === "open" && !isGone()) socket.onmessage?.({ data });
      });
    };
    const peer: Peer = { userId, push, close: closeNow, isLive: false };
    socket.send = (text) => {
      if (world.chance(weather.drop)) return closeNow(1006);
      carry("up", () => {
        if (state === "open" && this.isUp) this.#heard(peer, JSON.parse(text) as Frame);
      });
    };
    socket.close = () => closeNow(1000);
    closers.add(() => closeNow(1006));
    world.schedule(world.between(0, weather.delayMs), () => {
      if (state !== "opening") return;
      if (!this.isUp || isGone()) return closeNow(1006);
      state = "open";
      this.#peers.add(peer);
      socket.onopen?.();
      push(this.#hello(userId));
    });
    return socket;
  }

  #hello(userId: UserId): unknown {
    const limits = { frameBytes: 32768, bodyBytes: 16384, pipelining: true, sendsPerSecond: 50, sendBurst: 500, syncConversations: 3 };
    return { type: "hello", connectionId: "c", userId, sessionId: "s", epoch: this.epoch, heartbeatMs: 30_000, serverTime: this.#at(), limits };
  }

  async #fetch(userId: UserId, path: string, init: RequestInit, isGone: () => boolean): Promise<Response> {
    const { world, weather } = this;
    const travel = () => new Promise<void>((resolve) => world.schedule(world.between(0, weather.delayMs), resolve));
    await travel();
    if (isGone()) return new Promise(() => undefined);
    if (!this.isUp || world.chance(weather.drop)) throw new TypeError("network");
    const { status, body } = this.#answer(userId, init.method ?? "GET", new URL(path, "http://model"));
    await travel();
    if (world.chance(weather.drop)) throw new TypeError("network");
    return { ok: status < 300, status, json: () => Promise.resolve(JSON.parse(JSON.stringify(body)) as unknown) } as Response;
  }

  // ---- requests ----

  #answer(userId: UserId, method: string, url: URL): { status: number; body: unknown } {
    const ok = (body: unknown) => ({ status: 200, body });
    const [, , area, id, part, seq] = url.pathname.split("/");
    if (area === "account" && id === undefined) return ok({ userId, username: userId, displayName: userId, role: "member", createdAt: this.#at() });
    if (area !== "conversations") return ok({ items: [] });
    if (id === undefined) return ok(this.#listing(userId, Number(url.searchParams.get("cursor") ?? 0)));
    const conversation = this.conversations.get(id);
    if (conversation?.members.has(userId) !== true) {
      return { status: 404, body: { code: "conversation_not_found", detail: "There is no such conversation.", status: 404 } };
    }
    if (part === "events") return ok(this.#page(conversation, userId, url.searchParams));
    if (part === "messages") return ok(conversation.rows(userId)[Number(seq) - 1]);
    if (part === "members") return ok({ items: [] });
    return ok(method === "GET" ? this.#item(conversation, userId) : {});
  }

  #listing(userId: UserId, from: number): unknown {
    const all = [...this.conversations.values()].filter((one) => one.members.has(userId));
    const next = from + 2 < all.length ? { next: String(from + 2) } : {};
    return { items: all.slice(from, from + 2).map((one) => this.#item(one, userId)), ...next };
  }

  #item(conversation: ModelConversation, userId: UserId): unknown {
    const member = conversation.members.get(userId);
    const last = conversation.rows(userId).findLast((event) => event.kind === "message");
    return {
      conversationId: conversation.id,
      kind: conversation.kind,
      title: conversation.title,
      headSeq: conversation.head,
      readSeq: member?.readSeq,
      deliveredSeq: member?.deliveredSeq,
      ...conversation.recount(userId),
      role: "member",
      preferences: { pinned: false, muted: false },
      memberCount: conversation.members.size,
      createdAt: conversation.log[0]?.base.sentAt,
      activeAt: conversation.log.at(-1)?.base.sentAt,
      ...(last === undefined ? {} : { lastEvent: last }),
    };
  }

  #page(conversation: ModelConversation, userId: UserId, query: URLSearchParams): unknown {
    const limit = Math.min(Number(query.get("limit")), 7);
    const rows = conversation.rows(userId);
    const after = query.get("after");
    const before = Math.min(Number(query.get("before")), rows.length + 1);
    const events = after === null ? rows.slice(Math.max(0, before - 1 - limit), before - 1) : rows.slice(Number(after), Number(after) + limit);
    return { events, headSeq: conversation.head, epoch: this.epoch, more: false };
  }

  // ---- frames ----

  #heard(peer: Peer, frame: Frame): void {
    const ref = frame.ref === undefined ? {} : { ref: frame.ref };
    switch (frame.action) {
      case "sync":
        return this.#sync(peer, frame as never, ref);
      case "ping":
        return peer.push({ type: "pong", serverTime: this.#at(), ...ref });
      case "markRead":
      case "markDelivered":
        return this.#mark(peer, frame as never, ref);
      case "sendMessage":
      case "editMessage":
      case "deleteMessage":
      case "react":
      case "unreact":
        return this.#command(peer, frame as never, ref);
      default:
    }
  }

  #sync(peer: Peer, frame: { epoch?: string; cursors?: Record<string, number> }, ref: object): void {
    peer.isLive = true;
    if (frame.epoch !== undefined && frame.epoch !== this.epoch) return peer.push({ type: "resync", epoch: this.epoch });
    const cursors = frame.cursors ?? {};
    for (const [conversationId, cursor] of Object.entries(cursors)) {
      const conversation = this.conversations.get(conversationId);
      if (conversation?.members.has(peer.userId) !== true) {
        peer.push({ type: "error", code: "conversation_not_found", message: "No.", conversationId, ...ref });
        continue;
      }
      const missing = conversation.rows(peer.userId).slice(cursor);
      for (let at = 0; at < missing.length; at += PAGE) {
        const events = missing.slice(at, at + PAGE);
        peer.push({ type: "events", conversationId, headSeq: conversation.head, events, more: at + PAGE < missing.length });
      }
    }
    const others = [...this.conversations.values()].filter((one) => one.members.has(peer.userId) && !(one.id in cursors));
    const unlisted = others.map((one) => ({ conversationId: one.id, headSeq: one.head }));
    peer.push({ type: "synced", token: String(this.world.nowMs), unlisted, ...ref });
  }

  #mark(peer: Peer, frame: { action: string; conversationId: string; seq: number }, ref: object): void {
    const conversation = this.conversations.get(frame.conversationId);
    const isRead = frame.action === "markRead";
    const moved = conversation?.mark(peer.userId, isRead ? frame.seq : 0, frame.seq) === true;
    if ("ref" in ref) peer.push({ type: "done", ...ref });
    const member = conversation?.members.get(peer.userId);
    if (!moved || member === undefined) return;
    const { readSeq, deliveredSeq } = member;
    const told = { type: "marks", conversationId: conversation.id, userId: peer.userId, readSeq, deliveredSeq };
    for (const other of this.#peers) if (other.isLive && conversation.members.has(other.userId)) other.push(told);
  }

  #command(peer: Peer, command: ModelCommand, ref: object): void {
    const { clientMessageId } = command;
    if (this.world.chance(this.weather.refuse)) {
      return peer.push({ type: "rejected", code: "slow_down", message: "Too fast.", retryAfterMs: 300, clientMessageId, ...ref });
    }
    const conversation = this.conversations.get(command.conversationId);
    const outcome = conversation?.command(peer.userId, this.#at(), command) ?? undefined;
    if (outcome !== undefined && "code" in outcome) return peer.push({ type: "rejected", message: "No.", clientMessageId, code: outcome.code, ...ref });
    peer.push({ type: "accepted", clientMessageId, ...ref });
    if (conversation !== undefined && outcome !== undefined) this.#announce(conversation, outcome);
  }

  /** To every live socket of every member, and of who has just ceased to be one; a redelivery comes twice. */
  #announce(conversation: ModelConversation, event: Parameters<ModelConversation["live"]>[0] | undefined, before?: ReadonlySet<UserId>): void {
    if (event === undefined) return;
    const frame: { type: string } & ChatEvent = { type: "event", ...conversation.live(event) };
    for (const peer of this.#peers) {
      if (!peer.isLive || !(conversation.members.has(peer.userId) || before?.has(peer.userId) === true)) continue;
      // An event older than the head has been told before: clients know it.
      peer.push(frame);
      if (this.world.chance(this.weather.duplicate)) peer.push(frame);
    }
  }
}
