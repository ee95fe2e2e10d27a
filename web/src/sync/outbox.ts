/**
 * One's own commands on their way: kept on the device before they are sent, sent in order, resent until answered (P40–P43).
 * Invariants: one unanswered command per conversation, so that a refused one never lets a later one pass (P71 as well);
 * the same id for every resend (D2); nothing is dropped but by an answer or by the person.
 */
import { backoffMs } from "../connection/backoff";
import type { Cancel, Environment } from "../connection/environment";
import { ApiError, isRetryable } from "../connection/error";
import type { ChatEvent, ClientMessageId, ClientRequest, Code, ConversationId, Seq, ServerFrame, UserId } from "../protocol/types";
import type { SendError } from "./api";
import type { Attachment } from "./contract";
import type { NewId } from "./ids";
import { ACCEPTED_KEPT_MS, ACCEPTED_SHOWN_MS, ANSWER_TIMEOUT_MS, OUTBOX_ENTRIES_MAX, RETRY_BASE_MS, RETRY_MAX_MS } from "./limits";
import type { Storage } from "./storage";
import { Value } from "./store";
import type { Tabs } from "./tabs";

export type Command =
  | { readonly kind: "send"; readonly body: string; readonly mentions: readonly UserId[]; readonly replyTo?: Seq; readonly attachments: readonly Attachment[] }
  | { readonly kind: "edit"; readonly seq: Seq; readonly body: string; readonly mentions: readonly UserId[] }
  | { readonly kind: "delete"; readonly seq: Seq }
  | { readonly kind: "react" | "unreact"; readonly seq: Seq; readonly emoji: string };

/** One command. */
export interface Entry {
  readonly id: ClientMessageId;
  readonly conversationId: ConversationId;
  readonly command: Command;
  readonly createdAtMs: number;
  /** `accepted`: durable, its event not seen yet. `settled`: the same, shown no longer. */
  readonly state: "queued" | "accepted" | "settled" | "failed";
  readonly acceptedAtMs?: number;
  readonly error?: SendError;
  /** The tab that sends it. */
  readonly owner: string;
}

export interface OutboxOptions {
  readonly environment: Environment;
  readonly storage: Storage;
  readonly tabs: Tabs;
  readonly newId: NewId;
  /** Sends a frame if that is possible now. */
  readonly send: (request: ClientRequest) => boolean;
  /** The socket answers nothing: open another one. */
  readonly restart: () => void;
  /** A change (edit, deletion, reaction) was refused. */
  readonly refused: (conversationId: ConversationId, error: SendError) => void;
}

type Lists = ReadonlyMap<ConversationId, readonly Entry[]>;

const NONE: readonly Entry[] = [];
const REF = "o:";

export class Outbox {
  /** What waits, by conversation, in order. */
  readonly lists = new Value<Lists>(new Map());
  readonly #options: OutboxOptions;
  readonly #kept = new Set<ClientMessageId>();
  readonly #inFlight = new Map<ConversationId, { id: ClientMessageId; cancel: Cancel }>();
  readonly #pauses = new Map<ConversationId, { attempt: number; cancel: Cancel | undefined }>();
  #isOpen = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  entriesOf(conversationId: ConversationId): readonly Entry[] {
    return this.lists.getSnapshot().get(conversationId) ?? NONE;
  }

  /** How many wait to be accepted. */
  get pending(): number {
    let count = 0;
    for (const list of this.lists.getSnapshot().values()) count += list.filter((entry) => entry.state === "queued").length;
    return count;
  }

  /** Takes a command in; it shows at once, and is sent when it is kept. Throws when too many wait. */
  add(conversationId: ConversationId, command: Command): ClientMessageId {
    if (this.pending >= OUTBOX_ENTRIES_MAX) throw new ApiError("slow_down", "Too many messages wait to be sent.");
    const { environment, newId, tabs } = this.#options;
    const id = newId();
    const entry: Entry = { id, conversationId, command, createdAtMs: environment.now(), state: "queued", owner: tabs.id };
    this.#replace(conversationId, [...this.entriesOf(conversationId), entry]);
    void this.#keep(entry);
    return id;
  }

  retry(id: ClientMessageId): void {
    const entry = this.#find(id);
    if (entry?.state !== "failed") return;
    this.#remove(entry);
    const { error: _error, acceptedAtMs, ...rest } = entry;
    // What was accepted and then refused came to nothing under its name. What lies with the operators may still come.
    const isOver = acceptedAtMs !== undefined && entry.error?.code !== "dead_lettered";
    const again: Entry = { ...rest, id: isOver ? this.#options.newId() : id, state: "queued" };
    this.#replace(entry.conversationId, [...this.entriesOf(entry.conversationId), again]);
    void this.#keep(again);
  }

  /** Gives one up. One that may be on its way already stays. */
  discard(id: ClientMessageId): void {
    const entry = this.#find(id);
    if (entry === undefined || entry.state === "accepted" || this.#inFlight.get(entry.conversationId)?.id === id) return;
    this.#remove(entry);
    this.#pump(entry.conversationId);
  }

  /** Takes over what tabs that are gone left behind. At the start that is everything. */
  async adopt(): Promise<void> {
    const { storage, tabs } = this.#options;
    const foreign = (await storage.all("outbox")).filter((entry) => this.#find(entry.id) === undefined);
    const alive = await tabs.alive(foreign.map((entry) => entry.owner));
    for (const entry of foreign.filter((one) => !alive.has(one.owner)).sort((a, b) => (a.id < b.id ? -1 : 1))) {
      await this.#adoptOne(entry);
    }
  }

  /** A socket is open and knows what is held: send what waits. */
  opened(): void {
    this.#isOpen = true;
    for (const conversationId of this.lists.getSnapshot().keys()) this.#pump(conversationId);
  }

  closed(): void {
    this.#isOpen = false;
    for (const { cancel } of this.#inFlight.values()) cancel();
    this.#inFlight.clear();
    for (const pause of this.#pauses.values()) pause.cancel?.();
    this.#pauses.clear();
  }

  /** Forgets everything: the login is over. */
  forget(): void {
    this.closed();
    this.#kept.clear();
    this.lists.set(new Map());
  }

  /** An event of one's own was seen: what caused it is done. */
  seen(event: ChatEvent): void {
    const entry = this.#find(event.clientMessageId);
    if (entry === undefined) return;
    this.#remove(entry);
    this.#answered(entry);
  }

  handle(frame: ServerFrame): void {
    switch (frame.type) {
      case "accepted":
        return this.#accepted(frame.clientMessageId);
      case "rejected":
      case "error":
        return this.#rejected(frame);
      case "failed":
        return this.#failed(frame.clientMessageId, frame.code, frame.message);
      default:
    }
  }

  #accepted(id: ClientMessageId): void {
    const entry = this.#find(id);
    if (entry === undefined) return;
    if (entry.state !== "queued") return this.#answered(entry);
    const accepted: Entry = { ...entry, state: "accepted", acceptedAtMs: this.#options.environment.now() };
    this.#set(accepted);
    void this.#options.storage.put("outbox", [accepted]).catch(() => undefined);
    this.#answered(entry);
    this.#settleLater(id);
  }

  #rejected(frame: Extract<ServerFrame, { type: "rejected" | "error" }>): void {
    const named = "clientMessageId" in frame ? frame.clientMessageId : undefined;
    const id = named ?? (typeof frame.ref === "string" && frame.ref.startsWith(REF) ? frame.ref.slice(REF.length) : undefined);
    const entry = id === undefined ? undefined : this.#find(id);
    if (entry?.state !== "queued") return;
    if (isRetryable(frame.code)) return this.#pause(entry, frame.retryAfterMs);
    this.#fail(entry, frame.code, frame.message);
    this.#answered(entry);
  }

  #failed(id: ClientMessageId, code: Code, message: string): void {
    const entry = this.#find(id);
    if (entry === undefined || entry.state === "failed") return;
    this.#fail({ ...entry, acceptedAtMs: entry.acceptedAtMs ?? this.#options.environment.now() }, code, message);
    this.#answered(entry);
  }

  #fail(entry: Entry, code: Code, message: string): void {
    const error: SendError = { code, message, retryable: code === "dead_lettered" || entry.command.kind === "send" };
    if (entry.command.kind !== "send") {
      this.#remove(entry);
      return this.#options.refused(entry.conversationId, error);
    }
    const failed: Entry = { ...entry, state: "failed", error };
    this.#set(failed);
    void this.#options.storage.put("outbox", [failed]).catch(() => undefined);
  }

  /** The conversation's line is free again. */
  #answered(entry: Entry): void {
    const flight = this.#inFlight.get(entry.conversationId);
    if (flight?.id === entry.id) {
      flight.cancel();
      this.#inFlight.delete(entry.conversationId);
      this.#pauses.delete(entry.conversationId);
    }
    this.#pump(entry.conversationId);
  }

  #pause(entry: Entry, retryAfterMs: number | undefined): void {
    const { environment } = this.#options;
    const { conversationId } = entry;
    this.#inFlight.get(conversationId)?.cancel();
    this.#inFlight.delete(conversationId);
    const attempt = this.#pauses.get(conversationId)?.attempt ?? 0;
    const jitterMs = backoffMs(attempt, RETRY_BASE_MS, RETRY_MAX_MS, environment.random);
    const cancel = environment.schedule((retryAfterMs ?? 0) + jitterMs, () => {
      this.#pauses.set(conversationId, { attempt: attempt + 1, cancel: undefined });
      this.#pump(conversationId);
    });
    this.#pauses.set(conversationId, { attempt, cancel });
  }

  /** Sends the first that waits, if nothing of this conversation is on its way. */
  #pump(conversationId: ConversationId): void {
    if (!this.#isOpen || this.#inFlight.has(conversationId) || this.#pauses.get(conversationId)?.cancel !== undefined) return;
    const next = this.entriesOf(conversationId).find((entry) => entry.state === "queued");
    if (next === undefined || !this.#kept.has(next.id)) return;
    if (!this.#options.send(requestOf(next))) return;
    const cancel = this.#options.environment.schedule(ANSWER_TIMEOUT_MS, () => this.#options.restart());
    this.#inFlight.set(conversationId, { id: next.id, cancel });
  }

  async #keep(entry: Entry): Promise<void> {
    // Where nothing can be kept, it is sent all the same.
    await this.#options.storage.put("outbox", [entry]).catch(() => undefined);
    this.#kept.add(entry.id);
    this.#pump(entry.conversationId);
  }

  async #adoptOne(entry: Entry): Promise<void> {
    const { environment, storage, tabs } = this.#options;
    const isForgotten = entry.acceptedAtMs !== undefined && environment.now() - entry.acceptedAtMs > ACCEPTED_KEPT_MS;
    if (isForgotten && entry.state !== "failed") return storage.delete("outbox", [entry.id]);
    let adopted: Entry | undefined;
    await storage.update("outbox", entry.id, (now) => {
      adopted = now?.owner === entry.owner ? { ...now, owner: tabs.id } : undefined;
      return adopted;
    });
    if (adopted === undefined) return;
    // Its event is in the log that is read anew.
    const shown: Entry = adopted.state === "accepted" ? { ...adopted, state: "settled" } : adopted;
    const list = [...this.entriesOf(entry.conversationId), shown].sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#kept.add(shown.id);
    this.#replace(entry.conversationId, list);
    this.#pump(entry.conversationId);
  }

  #settleLater(id: ClientMessageId): void {
    this.#options.environment.schedule(ACCEPTED_SHOWN_MS, () => {
      const entry = this.#find(id);
      if (entry?.state !== "accepted") return;
      if (this.#isOpen) this.#set({ ...entry, state: "settled" });
      else this.#settleLater(id);
    });
  }

  #find(id: ClientMessageId): Entry | undefined {
    for (const list of this.lists.getSnapshot().values()) {
      const entry = list.find((one) => one.id === id);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  #set(entry: Entry): void {
    const list = this.entriesOf(entry.conversationId).map((one) => (one.id === entry.id ? entry : one));
    this.#replace(entry.conversationId, list);
  }

  #remove(entry: Entry): void {
    this.#kept.delete(entry.id);
    void this.#options.storage.delete("outbox", [entry.id]).catch(() => undefined);
    this.#replace(entry.conversationId, this.entriesOf(entry.conversationId).filter((one) => one.id !== entry.id));
  }

  #replace(conversationId: ConversationId, list: readonly Entry[]): void {
    const lists = new Map(this.lists.getSnapshot());
    if (list.length === 0) lists.delete(conversationId);
    else lists.set(conversationId, list);
    this.lists.set(lists);
  }
}

function requestOf({ id, conversationId, command }: Entry): ClientRequest {
  const common = { ref: REF + id, conversationId, clientMessageId: id };
  switch (command.kind) {
    case "send": {
      const { body, mentions, replyTo, attachments } = command;
      return {
        ...common,
        action: "sendMessage",
        body,
        ...(mentions.length === 0 ? {} : { mentions }),
        ...(replyTo === undefined ? {} : { replyTo }),
        ...(attachments.length === 0 ? {} : { attachmentIds: attachments.map((one) => one.attachmentId) }),
      };
    }
    case "edit": {
      const mentions = command.mentions.length === 0 ? {} : { mentions: command.mentions };
      return { ...common, action: "editMessage", seq: command.seq, body: command.body, ...mentions };
    }
    case "delete":
      return { ...common, action: "deleteMessage", seq: command.seq };
    case "react":
      return { ...common, action: "react", seq: command.seq, emoji: command.emoji };
    case "unreact":
      return { ...common, action: "unreact", seq: command.seq, emoji: command.emoji };
  }
}
