/**
 * The members of conversations, page by page, and what can be done with them.
 * Invariant: a list that was loaded is loaded again when an event says that it changed.
 */
import type { ChatEvent, ConversationId, MemberItem, MemberRole, UserId } from "../protocol/types";
import type { MembersApi, MembersState } from "./api";
import type { Page } from "./contract";
import type { Context } from "./context";
import { NOTIFY_EVERY_MS } from "./limits";
import { Lazy, type Store } from "./store";

const PAGE_ITEMS = 100;

interface Loaded {
  state: MembersState;
  next: string | undefined;
  listeners: number;
  isLoaded: boolean;
  generation: number;
  readonly value: Lazy<MembersState>;
  /** The value, loaded when somebody listens. */
  readonly store: Store<MembersState>;
}

export class Members implements MembersApi {
  readonly #context: Context;
  readonly #loaded = new Map<ConversationId, Loaded>();

  constructor(context: Context) {
    this.#context = context;
  }

  readonly of = (conversationId: ConversationId): Store<MembersState> => this.#loadedOf(conversationId).store;

  readonly loadMore = async (conversationId: ConversationId): Promise<void> => {
    const loaded = this.#loadedOf(conversationId);
    if (loaded.state.hasMore && !loaded.state.loading) await this.#page(conversationId, loaded, loaded.next);
  };

  readonly add = async (conversationId: ConversationId, userIds: readonly UserId[]): Promise<void> => {
    await this.#context.http.post(`/v1/conversations/${conversationId}/members`, { body: { userIds } });
    this.changed(conversationId);
  };

  readonly remove = async (conversationId: ConversationId, userId: UserId): Promise<void> => {
    await this.#context.http.delete(`/v1/conversations/${conversationId}/members/${userId}`);
    this.changed(conversationId);
  };

  readonly setRole = async (conversationId: ConversationId, userId: UserId, role: MemberRole): Promise<void> => {
    await this.#context.http.patch(`/v1/conversations/${conversationId}/members/${userId}`, { body: { role } });
    this.changed(conversationId);
  };

  /** An event that may have changed the list. */
  heard(event: ChatEvent): void {
    if (event.kind === "membersAdded" || event.kind === "memberRemoved" || event.kind === "roleChanged") this.changed(event.conversationId);
  }

  /** Everything may have changed meanwhile. */
  live(): void {
    for (const conversationId of this.#loaded.keys()) this.changed(conversationId);
  }

  forget(): void {
    this.#loaded.clear();
  }

  changed(conversationId: ConversationId): void {
    const loaded = this.#loaded.get(conversationId);
    if (loaded === undefined) return;
    loaded.isLoaded = false;
    if (loaded.listeners > 0) void this.#reload(conversationId, loaded);
  }

  #loadedOf(conversationId: ConversationId): Loaded {
    const known = this.#loaded.get(conversationId);
    if (known !== undefined) return known;
    const value = new Lazy<MembersState>(this.#context.environment, NOTIFY_EVERY_MS, () => made.state);
    const subscribe = (listener: () => void) => this.#listen(conversationId, made, listener);
    const made: Loaded = {
      state: { items: [], loading: true, hasMore: false },
      next: undefined,
      listeners: 0,
      isLoaded: false,
      generation: 0,
      value,
      store: { getSnapshot: value.getSnapshot, subscribe },
    };
    this.#loaded.set(conversationId, made);
    return made;
  }

  #listen(conversationId: ConversationId, loaded: Loaded, listener: () => void): () => void {
    const end = loaded.value.subscribe(listener);
    loaded.listeners += 1;
    if (!loaded.isLoaded) void this.#reload(conversationId, loaded);
    return () => {
      end();
      loaded.listeners -= 1;
    };
  }

  /** What is shown stays until the new list is there. */
  #reload(conversationId: ConversationId, loaded: Loaded): Promise<void> {
    loaded.isLoaded = true;
    return this.#page(conversationId, loaded, undefined);
  }

  async #page(conversationId: ConversationId, loaded: Loaded, after: string | undefined): Promise<void> {
    const generation = (loaded.generation += 1);
    this.#set(loaded, { ...loaded.state, loading: true });
    try {
      const query = { after, limit: PAGE_ITEMS };
      const page = await this.#context.http.get<Page<MemberItem>>(`/v1/conversations/${conversationId}/members`, { query });
      if (loaded.generation !== generation) return;
      loaded.next = page.next;
      const items = after === undefined ? page.items : [...loaded.state.items, ...page.items];
      this.#set(loaded, { items, loading: false, hasMore: page.next !== undefined });
    } catch {
      if (loaded.generation !== generation) return;
      loaded.isLoaded = false;
      this.#set(loaded, { ...loaded.state, loading: false });
    }
  }

  #set(loaded: Loaded, state: MembersState): void {
    loaded.state = state;
    loaded.value.touch();
  }
}
