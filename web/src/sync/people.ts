/**
 * People: who they are, whether they are there, who types.
 * Invariant: only those who are asked for are fetched and watched, many at once (P45).
 */
import { LIMITS } from "../protocol/constants";
import type { ClientRequest, ConversationId, ServerFrame, UserId, UserPresence } from "../protocol/types";
import type { PresenceApi, TypingApi, UsersApi } from "./api";
import type { Page, User } from "./contract";
import type { Context } from "./context";
import { NOTIFY_EVERY_MS, TYPING_EVERY_MS, TYPING_SHOWN_MS, USERS_DELAY_MS, USERS_PER_REQUEST, USERS_REFRESH_MS, WATCH_DELAY_MS } from "./limits";
import { Lazy } from "./store";

type Send = (request: ClientRequest) => boolean;

/** Everybody met so far. */
export class Users implements UsersApi {
  readonly all: Lazy<ReadonlyMap<UserId, User>>;
  readonly #context: Context;
  readonly #known = new Map<UserId, User>();
  readonly #fetchedAtMs = new Map<UserId, number>();
  readonly #wanted = new Set<UserId>();
  #isScheduled = false;

  constructor(context: Context) {
    this.#context = context;
    this.all = new Lazy<ReadonlyMap<UserId, User>>(context.environment, NOTIFY_EVERY_MS, () => new Map(this.#known));
  }

  readonly ensure = (userIds: readonly UserId[]): void => {
    const now = this.#context.environment.now();
    for (const id of userIds) {
      const fetchedAt = this.#fetchedAtMs.get(id);
      if (fetchedAt === undefined || now - fetchedAt > USERS_REFRESH_MS) this.#wanted.add(id);
    }
    if (this.#wanted.size > 0) this.#fetchSoon();
  };

  readonly find = async (prefix: string, after?: string): Promise<Page<User>> => {
    const page = await this.#context.http.get<Page<User>>("/v1/users", { query: { prefix, after, limit: 50 } });
    this.learn(page.items);
    return page;
  };

  readonly avatarUrl = ({ userId, avatar }: { userId: UserId; avatar?: string }): string | undefined =>
    avatar === undefined ? undefined : `/v1/users/${userId}/avatar?v=${encodeURIComponent(avatar)}`;

  async restore(): Promise<void> {
    for (const user of await this.#context.storage.all("users")) if (!this.#known.has(user.userId)) this.#known.set(user.userId, user);
    this.all.touch();
  }

  /** People as the server has just described them. */
  learn(users: readonly User[]): void {
    const now = this.#context.environment.now();
    for (const user of users) {
      this.#known.set(user.userId, user);
      this.#fetchedAtMs.set(user.userId, now);
    }
    this.all.touch();
    void this.#context.storage.put("users", users).catch(() => undefined);
  }

  /** After a pause somebody may have a new name or picture: whoever is asked for next is fetched again. */
  live(): void {
    this.#fetchedAtMs.clear();
    this.ensure([...this.#wanted]);
  }

  forget(): void {
    this.#known.clear();
    this.#fetchedAtMs.clear();
    this.#wanted.clear();
    this.all.touch();
  }

  #fetchSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#context.environment.schedule(USERS_DELAY_MS, () => {
      this.#isScheduled = false;
      void this.#fetch();
    });
  }

  async #fetch(): Promise<void> {
    const ids = [...this.#wanted].slice(0, USERS_PER_REQUEST);
    if (ids.length === 0) return;
    const now = this.#context.environment.now();
    for (const id of ids) {
      this.#wanted.delete(id);
      this.#fetchedAtMs.set(id, now);
    }
    try {
      const query = { ids: ids.join(","), limit: USERS_PER_REQUEST };
      this.learn((await this.#context.http.get<Page<User>>("/v1/users", { query })).items);
    } catch {
      // Asked for again by whoever shows them next.
      for (const id of ids) this.#fetchedAtMs.delete(id);
      return;
    }
    if (this.#wanted.size > 0) this.#fetchSoon();
  }
}

/** Who is there. */
export class Presence implements PresenceApi {
  readonly all: Lazy<ReadonlyMap<UserId, UserPresence>>;
  readonly #context: Context;
  readonly #send: Send;
  readonly #known = new Map<UserId, UserPresence>();
  readonly #watchers = new Map<UserId, number>();
  #told = "";
  #isActive = true;
  #isLive = false;
  #isScheduled = false;

  constructor(context: Context, send: Send) {
    this.#context = context;
    this.#send = send;
    this.all = new Lazy<ReadonlyMap<UserId, UserPresence>>(context.environment, NOTIFY_EVERY_MS, () => new Map(this.#known));
  }

  readonly watch = (userIds: readonly UserId[]): (() => void) => {
    const ids = new Set(userIds);
    for (const id of ids) this.#watchers.set(id, (this.#watchers.get(id) ?? 0) + 1);
    this.#tellSoon();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      for (const id of ids) this.#release(id);
      this.#tellSoon();
    };
  };

  readonly setActive = (active: boolean): void => {
    if (active === this.#isActive) return;
    this.#isActive = active;
    if (this.#isLive) this.#send({ action: "setActive", active });
  };

  live(): void {
    this.#isLive = true;
    this.#told = "";
    if (!this.#isActive) this.#send({ action: "setActive", active: false });
    this.#tellSoon();
  }

  /** Nobody is known to be there while nothing is heard. */
  closed(): void {
    this.#isLive = false;
  }

  forget(): void {
    this.#known.clear();
    this.all.touch();
  }

  handle(frame: ServerFrame): void {
    if (frame.type !== "presence") return;
    for (const user of frame.users) this.#known.set(user.userId, user);
    this.all.touch();
  }

  #release(id: UserId): void {
    const count = (this.#watchers.get(id) ?? 1) - 1;
    if (count === 0) this.#watchers.delete(id);
    else this.#watchers.set(id, count);
  }

  #tellSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#context.environment.schedule(WATCH_DELAY_MS, () => {
      this.#isScheduled = false;
      if (!this.#isLive) return;
      const userIds = [...this.#watchers.keys()].slice(0, LIMITS.watchedUsers).sort();
      const told = userIds.join(",");
      if (told === this.#told) return;
      if (this.#send({ action: "watchPresence", userIds })) this.#told = told;
    });
  }
}

/** Who types where. */
export class Typing implements TypingApi {
  readonly all: Lazy<ReadonlyMap<ConversationId, readonly UserId[]>>;
  readonly #context: Context;
  readonly #send: Send;
  /** By conversation and person, until when. */
  readonly #until = new Map<ConversationId, Map<UserId, number>>();
  readonly #toldAtMs = new Map<ConversationId, number>();

  constructor(context: Context, send: Send) {
    this.#context = context;
    this.#send = send;
    this.all = new Lazy<ReadonlyMap<ConversationId, readonly UserId[]>>(context.environment, NOTIFY_EVERY_MS, () => this.#now());
  }

  readonly notify = (conversationId: ConversationId): void => {
    const now = this.#context.environment.now();
    if (now - (this.#toldAtMs.get(conversationId) ?? 0) < TYPING_EVERY_MS) return;
    if (this.#send({ action: "typing", conversationId })) this.#toldAtMs.set(conversationId, now);
  };

  /** A message has come: who wrote it types no longer. */
  wrote(conversationId: ConversationId, userId: UserId): void {
    if (this.#until.get(conversationId)?.delete(userId) === true) this.all.touch();
    if (userId === this.#context.me()) this.#toldAtMs.delete(conversationId);
  }

  handle(frame: ServerFrame): void {
    if (frame.type !== "typing" || frame.userId === this.#context.me()) return;
    const people = this.#until.get(frame.conversationId) ?? new Map<UserId, number>();
    this.#until.set(frame.conversationId, people);
    people.set(frame.userId, this.#context.environment.now() + TYPING_SHOWN_MS);
    this.#context.environment.schedule(TYPING_SHOWN_MS + 1, this.all.touch);
    this.all.touch();
  }

  closed(): void {
    this.#until.clear();
    this.all.touch();
  }

  #now(): ReadonlyMap<ConversationId, readonly UserId[]> {
    const now = this.#context.environment.now();
    const typing = new Map<ConversationId, readonly UserId[]>();
    for (const [conversationId, people] of this.#until) {
      for (const [userId, until] of people) if (until <= now) people.delete(userId);
      if (people.size > 0) typing.set(conversationId, [...people.keys()]);
    }
    return typing;
  }
}
