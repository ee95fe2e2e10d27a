/**
 * One device of a person in the simulation: a core over a network of the model's, and what the device keeps.
 * A restart is a closed page: a new core over what was kept.
 */
import type { UserId } from "../../protocol/types";
import type { Timeline, TimelineItem } from "../api";
import { Core } from "../core";
import { MemoryStorage } from "../storage";
import { Value } from "../store";
import type { TabMessage, Tabs } from "../tabs";
import type { ModelServer } from "./server";

export class Device {
  readonly userId: UserId;
  readonly storage = new MemoryStorage();
  readonly #server: ModelServer;
  readonly #views = new Map<string, Timeline>();
  #core: Core | undefined;
  #gone: () => void = () => undefined;
  #starts = 0;
  /** What was sent from here, by conversation, in order. */
  readonly sent = new Map<string, string[]>();

  constructor(server: ModelServer, userId: UserId) {
    this.#server = server;
    this.userId = userId;
  }

  get core(): Core {
    if (this.#core === undefined) throw new Error("not started");
    return this.#core;
  }

  start(): void {
    const { environment, gone } = this.#server.device(this.userId);
    this.#gone = gone;
    const tabs = soloTabs(`${this.userId}-${(this.#starts += 1)}`);
    this.#core = new Core({ environment, storage: this.storage, tabs, sendFile: () => ({ done: new Promise(() => undefined), cancel: () => undefined }) });
    void this.#core.start();
  }

  /** The page is closed, at any moment, and opened again. */
  restart(): void {
    this.#gone();
    this.#views.clear();
    this.start();
  }

  view(conversationId: string, at?: number): Timeline {
    const known = this.#views.get(conversationId);
    if (known !== undefined) return known;
    const view = this.core.openTimeline(conversationId, at === undefined ? {} : { at });
    this.#views.set(conversationId, view);
    return view;
  }

  leaveView(conversationId: string): void {
    this.#views.get(conversationId)?.close();
    this.#views.delete(conversationId);
  }

  send(conversationId: string, body: string, mentions: readonly UserId[]): void {
    this.core.messages.send({ conversationId, body, mentions });
    const sent = this.sent.get(conversationId) ?? [];
    this.sent.set(conversationId, sent);
    sent.push(body);
  }

  items(conversationId: string): readonly TimelineItem[] {
    return this.view(conversationId).state.getSnapshot().items;
  }
}

/** A device with one tab; whoever is not it is gone. */
function soloTabs(id: string): Tabs {
  const listeners = new Set<(message: TabMessage) => void>();
  return {
    id,
    leads: new Value(true),
    tell: () => undefined,
    onTold: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    alive: () => Promise.resolve(new Set([id])),
  };
}
