/**
 * The core of one tab: makes the parts, and hands every frame to those whom it concerns.
 * Knows all parts and holds no state of its own but whether it is started.
 */
import { ServerClock } from "../connection/clock";
import { Connection, type Phase } from "../connection/connection";
import type { Environment } from "../connection/environment";
import { Http } from "../connection/http";
import { LIMITS } from "../protocol/constants";
import type { ChatEvent, ConversationId, ServerFrame } from "../protocol/types";
import { adminApi } from "./admin";
import type { Client, ConnectionState, ConversationList, Incoming, MessagesApi, SendError, Timeline, TimelineOptions } from "./api";
import type { ReactionItem, SearchPage, VersionItem, Page } from "./contract";
import type { Context } from "./context";
import { conversationsApi } from "./conversations";
import { Directory } from "./directory";
import { Drafts } from "./drafts";
import { idMaker } from "./ids";
import { NOTIFY_EVERY_MS } from "./limits";
import { conversationOf, ListMaker } from "./list";
import { Logs } from "./logs";
import { MarksBook } from "./marks";
import { Members } from "./members";
import { isWorthTelling } from "./notify";
import { Outbox } from "./outbox";
import { Presence, Typing, Users } from "./people";
import { PreferencesBook } from "./preferences";
import { messageRow } from "./projection";
import { Recovery } from "./recovery";
import { Session } from "./session";
import type { Storage } from "./storage";
import { Lazy } from "./store";
import type { Tabs } from "./tabs";
import { TimelineView } from "./timeline";
import { Uploads, type SendFile } from "./uploads";

export interface CoreOptions {
  readonly environment: Environment;
  readonly storage: Storage;
  readonly tabs: Tabs;
  readonly sendFile: SendFile;
}

export class Core implements Client {
  readonly session: Session;
  readonly connection: Lazy<ConnectionState>;
  readonly conversations: Client["conversations"];
  readonly messages: MessagesApi;
  readonly members: Members;
  readonly users: Users;
  readonly presence: Presence;
  readonly typing: Typing;
  readonly marks: MarksBook;
  readonly drafts: Drafts;
  readonly preferences: PreferencesBook;
  readonly uploads: Uploads;
  readonly search: Client["search"];
  readonly notifications: Client["notifications"];
  readonly admin: Client["admin"];
  readonly now: () => number;

  readonly #context: Context;
  readonly #socket: Connection;
  readonly #logs: Logs;
  readonly #directory: Directory;
  readonly #outbox: Outbox;
  readonly #recovery: Recovery;
  readonly #list: Lazy<ConversationList>;
  readonly #listMaker = new ListMaker();
  readonly #views = new Set<TimelineView>();
  readonly #refused = new Set<(refused: { conversationId: ConversationId; error: SendError }) => void>();
  readonly #incoming = new Set<(incoming: Incoming) => void>();
  #phase: Phase = "idle";
  #retryAtMs: number | undefined;
  #attempts = 0;
  #downSinceMs: number | undefined;

  constructor({ environment, storage, tabs, sendFile }: CoreOptions) {
    const clock = new ServerClock(environment.now);
    this.now = clock.now;
    const http = new Http(environment, (error) => this.session.over(error.code === "account_disabled" ? "disabled" : "ended"));
    const me = () => this.session.account?.userId ?? "";
    const context: Context = { environment, http, storage, tabs, newId: idMaker(environment), me };
    this.#context = context;
    this.#socket = this.#makeSocket(environment, clock);
    const send = this.#socket.send.bind(this.#socket);

    this.session = new Session(context, { begun: () => this.#begun(), ended: () => this.#ended() });
    this.#logs = new Logs(context, { epoch: (epoch) => this.#recovery.restart(epoch), seen: (events) => this.#own(events) });
    this.#directory = new Directory(context, {
      changed: () => this.#list.touch(),
      found: (id) => this.#wake(id),
      gone: (id) => this.#logs.remove(id),
    });
    this.#outbox = new Outbox({ ...context, send, restart: () => this.#socket.restart(), refused: (conversationId, error) => this.#refuse(conversationId, error) });
    this.#recovery = new Recovery({
      context, send, logs: this.#logs, directory: this.#directory, forgotten: () => this.#forgotten(), live: () => this.#live(),
    });
    this.drafts = new Drafts(context);
    this.users = new Users(context);
    this.presence = new Presence(context, send);
    this.typing = new Typing(context, send);
    this.members = new Members(context);
    this.marks = new MarksBook({ context, send, directory: this.#directory, logs: this.#logs });
    this.preferences = new PreferencesBook(context);
    this.uploads = new Uploads(context, sendFile, () => this.session.server);
    this.admin = adminApi(context);
    this.connection = new Lazy<ConnectionState>(environment, NOTIFY_EVERY_MS, () => this.#connectionState());
    this.#list = new Lazy<ConversationList>(environment, NOTIFY_EVERY_MS, () => this.#makeList());
    this.conversations = conversationsApi(context, this.#directory, this.#list);
    this.messages = this.#messagesApi();
    this.search = { query: (q, { cursor, limit, signal } = {}) => http.get<SearchPage>("/v1/search", { query: { q, cursor, limit }, signal }) };
    this.notifications = { onIncoming: (listener) => listenTo(this.#incoming, listener) };
    this.#outbox.lists.subscribe(() => {
      this.#list.touch();
      this.connection.touch();
    });
    this.drafts.all.subscribe(this.#list.touch);
    tabs.leads.subscribe(() => this.#led());
  }

  /** Finds out who is logged in, and connects. */
  start(): Promise<void> {
    return this.session.start();
  }

  readonly reconnectNow = (): void => this.#socket.hurry();

  readonly openTimeline = (conversationId: ConversationId, options?: TimelineOptions): Timeline => {
    const parts = { context: this.#context, logs: this.#logs, directory: this.#directory, outbox: this.#outbox, check: this.#recovery.check };
    const view = new TimelineView(parts, conversationId, options, () => this.#views.delete(view));
    this.#views.add(view);
    return view;
  };

  #makeSocket(environment: Environment, clock: ServerClock): Connection {
    return new Connection(environment, clock, {
      opened: () => {
        // `sync` first; the outbox may follow without waiting for its answer.
        this.#recovery.opened();
        this.#outbox.opened();
      },
      frame: (frame) => this.#heard(frame),
      closed: () => this.#closed(),
      phase: (phase, retryAtMs) => this.#entered(phase, retryAtMs),
      doubt: () => void this.session.doubt(),
      loggedOut: (disabled) => this.session.over(disabled ? "disabled" : "ended"),
    });
  }

  // ---- beginning and end of a login ----

  async #begun(): Promise<void> {
    await this.#recovery.restore().catch(() => undefined);
    const restored = [this.#directory.restore(), this.users.restore(), this.drafts.restore(), this.preferences.restore(), this.marks.restore(), this.#outbox.adopt()];
    await Promise.all(restored.map((one) => one.catch(() => undefined)));
    const { account } = this.session;
    if (account === undefined) return;
    this.users.learn([account]);
    this.#downSinceMs ??= this.#context.environment.now();
    this.#socket.start();
    void this.#logs.sweep().catch(() => undefined);
  }

  #ended(): void {
    this.#socket.stop();
    this.#closed();
    this.#recovery.forget();
    this.#outbox.forget();
    this.#logs.forget();
    for (const part of [this.#directory, this.drafts, this.users, this.presence, this.members, this.marks, this.preferences, this.uploads]) part.forget();
  }

  // ---- the connection ----

  #entered(phase: Phase, retryAtMs: number | undefined): void {
    this.#phase = phase;
    this.#retryAtMs = retryAtMs;
    if (phase === "waiting") this.#attempts += 1;
    if (phase === "idle") this.#downSinceMs = undefined;
    else if (phase !== "open") this.#downSinceMs ??= this.#context.environment.now();
    this.connection.touch();
  }

  #live(): void {
    this.#socket.settled();
    this.#attempts = 0;
    this.#downSinceMs = undefined;
    this.connection.touch();
    for (const part of [this.users, this.presence, this.members, this.marks]) part.live();
    this.#wake();
    void this.preferences.load();
    // Another device may have changed the name or the picture meanwhile.
    void this.session.reload().catch(() => undefined);
    if (this.#context.tabs.leads.getSnapshot()) void this.#outbox.adopt().catch(() => undefined);
  }

  #closed(): void {
    for (const part of [this.#recovery, this.#outbox, this.presence, this.marks, this.typing]) part.closed();
    this.connection.touch();
  }

  /** The tab that led is gone: what it left behind is this one's now. */
  #led(): void {
    if (this.session.account !== undefined && this.#context.tabs.leads.getSnapshot()) void this.#outbox.adopt().catch(() => undefined);
  }

  /** Views that could not show anything try again. */
  #wake(conversationId?: ConversationId): void {
    for (const view of [...this.#views]) if (conversationId === undefined || view.conversationId === conversationId) view.wake();
  }

  #forgotten(): void {
    this.#directory.forget();
    this.#logs.forget();
    this.marks.forget();
  }

  // ---- frames ----

  #heard(frame: ServerFrame): void {
    switch (frame.type) {
      case "event": {
        const { type: _type, ...event } = frame;
        return this.#applied([event], true);
      }
      case "events":
        return this.#applied(frame.events, false);
      case "preferences":
        return this.#preferencesChanged(frame.conversationId);
      default:
        for (const part of [this.#recovery, this.#outbox, this.marks, this.presence, this.typing]) part.handle(frame);
    }
  }

  #preferencesChanged(conversationId: ConversationId | undefined): void {
    if (conversationId === undefined) void this.preferences.load();
    else this.#directory.refreshSoon(conversationId);
  }

  /** Events of one conversation, in order. */
  #applied(events: readonly ChatEvent[], isLive: boolean): void {
    const first = events[0];
    if (first === undefined) return;
    const { conversationId } = first;
    const me = this.#context.me();
    const leaves = events.some((event) => event.kind === "memberRemoved" && event.removedUserId === me);
    const headBefore = this.#directory.get(conversationId)?.headSeq ?? 0;
    const step = this.#logs.apply(conversationId, events);
    for (const event of events) {
      this.#directory.apply(event);
      this.members.heard(event);
      if (event.kind === "message") this.#wrote(event);
    }
    this.#own(events);
    if (step === "gap") this.#recovery.need(conversationId);
    if (leaves && isLive) return this.#directory.remove(conversationId);
    if (isLive && first.seq > headBefore) this.#tellIncoming(first);
  }

  #wrote(event: Extract<ChatEvent, { kind: "message" }>): void {
    this.typing.wrote(event.conversationId, event.senderId);
    this.marks.wrote(event);
    this.marks.arrived();
  }

  /** Of one's own commands, those whose events are here are done. */
  #own(events: readonly ChatEvent[]): void {
    const me = this.#context.me();
    for (const event of events) if (event.senderId === me) this.#outbox.seen(event);
  }

  #tellIncoming(event: ChatEvent): void {
    const me = this.#context.me();
    const summary = this.#directory.get(event.conversationId);
    if (event.kind !== "message" || event.senderId === me || summary === undefined || this.#incoming.size === 0) return;
    const conversation = conversationOf(summary, [], undefined, me);
    const mentionsMe = event.mentions?.includes(me) === true;
    const notify = isWorthTelling(conversation, mentionsMe, this.preferences.state.getSnapshot(), this.now());
    const leader = this.#context.tabs.leads.getSnapshot();
    const incoming: Incoming = { conversation, message: messageRow(event, me), mentionsMe, notify, leader };
    for (const listener of [...this.#incoming]) listener(incoming);
  }

  // ---- stores and commands ----

  #connectionState(): ConnectionState {
    const status = this.#phase === "open" ? (this.#recovery.isLive ? "live" : "syncing") : this.#phase;
    return {
      status,
      attempts: this.#attempts,
      pending: this.#outbox.pending,
      ...(this.#retryAtMs === undefined ? {} : { retryAtMs: this.#retryAtMs }),
      ...(this.#downSinceMs === undefined ? {} : { downSinceMs: this.#downSinceMs }),
    };
  }

  #makeList(): ConversationList {
    const { lists } = this.#outbox;
    return this.#listMaker.make(this.#directory.all(), lists.getSnapshot(), this.drafts.all.getSnapshot(), this.#context.me(), this.#directory.isLoaded);
  }

  #refuse(conversationId: ConversationId, error: SendError): void {
    for (const listener of [...this.#refused]) listener({ conversationId, error });
  }

  #messagesApi(): MessagesApi {
    const { http } = this.#context;
    const outbox = this.#outbox;
    const path = (conversationId: ConversationId, seq: number, rest: string) => `/v1/conversations/${conversationId}/messages/${seq}/${rest}`;
    return {
      send: ({ conversationId, body, mentions = [], replyTo, attachments = [] }) =>
        outbox.add(conversationId, { kind: "send", body, mentions: mentions.slice(0, LIMITS.mentions), attachments, ...(replyTo === undefined ? {} : { replyTo }) }),
      edit: (conversationId, seq, body, mentions = []) => void outbox.add(conversationId, { kind: "edit", seq, body, mentions: mentions.slice(0, LIMITS.mentions) }),
      delete: (conversationId, seq) => void outbox.add(conversationId, { kind: "delete", seq }),
      react: (conversationId, seq, emoji) => void outbox.add(conversationId, { kind: "react", seq, emoji }),
      unreact: (conversationId, seq, emoji) => void outbox.add(conversationId, { kind: "unreact", seq, emoji }),
      retry: (key) => outbox.retry(key),
      discard: (key) => outbox.discard(key),
      versions: async (conversationId, seq) => (await http.get<Page<VersionItem>>(path(conversationId, seq, "versions"))).items,
      reactions: async (conversationId, seq) => (await http.get<Page<ReactionItem>>(path(conversationId, seq, "reactions"), { query: { limit: 100 } })).items,
      bytesLeft,
      onRefused: (listener) => listenTo(this.#refused, listener),
    };
  }
}

/** How many bytes more a body may have: of itself, and of the frame that it must fit (P3, P6). */
function bytesLeft(body: string): number {
  const encoder = new TextEncoder();
  const plain = LIMITS.bodyBytes - encoder.encode(body).length;
  const encoded = LIMITS.bodyEncodedBytesSafe - encoder.encode(JSON.stringify(body)).length;
  return Math.min(plain, encoded);
}

function listenTo<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
