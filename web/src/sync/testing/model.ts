/**
 * What a server holds, written from the numbered rules of the protocol: logs, rows as they are now, marks, unread.
 * A second implementation, to hold the client against; knows no socket.
 */
import type { ChatEvent, ConversationKind, MemberRole, ReactionCount, UserId } from "../../protocol/types";

/** What a command asks for, as a frame says it. */
export interface ModelCommand {
  readonly action: "sendMessage" | "editMessage" | "deleteMessage" | "react" | "unreact";
  readonly conversationId: string;
  readonly clientMessageId: string;
  readonly body?: string;
  readonly seq?: number;
  readonly emoji?: string;
  readonly mentions?: readonly UserId[];
  readonly replyTo?: number;
}

/** An event without what the log adds. */
export type Detail = { kind: ChatEvent["kind"] } & Record<string, unknown>;

interface Message {
  seq: number;
  body: string;
  mentions: readonly UserId[];
  rev: number;
  edits: number;
  editedAt?: string;
  deletedAt?: string;
  deletedBy?: UserId;
  /** By emoji, in the order of their first appearance. */
  reactions: Map<string, Set<UserId>>;
}

interface LoggedEvent {
  readonly base: Record<string, unknown> & { seq: number; senderId: UserId; sentAt: string; ordinal: number };
  readonly detail: Detail;
}

export interface Member {
  role: MemberRole;
  readSeq: number;
  deliveredSeq: number;
  joinedOrdinal: number;
}

export class ModelConversation {
  readonly id: string;
  readonly kind: ConversationKind;
  title: string;
  readonly members = new Map<UserId, Member>();
  readonly log: LoggedEvent[] = [];
  readonly messages = new Map<number, Message>();
  readonly #commands = new Map<string, number>();

  constructor(id: string, kind: ConversationKind, title: string, members: readonly UserId[], at: string) {
    this.id = id;
    this.kind = kind;
    this.title = title;
    for (const userId of members) this.members.set(userId, { role: "member", readSeq: 0, deliveredSeq: 0, joinedOrdinal: 0 });
    const first = members.map((userId) => ({ userId, role: "member" }));
    this.append(members[0] ?? "", at, `${id}-made`, { kind: "created", conversationKind: kind, title, members: first });
  }

  get head(): number {
    return this.log.length;
  }

  get ordinal(): number {
    return this.log.at(-1)?.base.ordinal ?? 0;
  }

  /** Applies a command once, whatever how often it comes (D2). The event, if it made one now. */
  command(sender: UserId, at: string, command: ModelCommand): { code: string } | LoggedEvent | undefined {
    const name = `${sender} ${command.clientMessageId}`;
    const known = this.#commands.get(name);
    if (known !== undefined) return known === 0 ? undefined : this.log[known - 1];
    if (!this.members.has(sender)) return { code: "conversation_not_found" };
    const detail = this.#decide(sender, command);
    if (detail === undefined || "code" in detail) {
      if (detail === undefined) this.#commands.set(name, 0);
      return detail as { code: string } | undefined;
    }
    this.#commands.set(name, this.head + 1);
    return this.append(sender, at, command.clientMessageId, detail);
  }

  append(senderId: UserId, sentAt: string, clientMessageId: string, detail: Detail): LoggedEvent {
    const seq = this.head + 1;
    const ordinal = this.ordinal + (detail.kind === "message" ? 1 : 0);
    const event: LoggedEvent = { base: { conversationId: this.id, seq, senderId, sentAt, clientMessageId, ordinal }, detail };
    this.log.push(event);
    this.#apply(event);
    return event;
  }

  /** The event as it happened. */
  live(event: LoggedEvent): ChatEvent {
    const { base, detail } = event;
    const rev = detail.kind === "message" ? { messageId: `m-${this.id}-${base.seq}`, rev: base.seq } : {};
    return { ...base, ...detail, ...rev } as unknown as ChatEvent;
  }

  /** The event as it is now (P21), to one reader. */
  asNow(event: LoggedEvent, reader: UserId): ChatEvent {
    const { base, detail } = event;
    if (detail.kind === "edited") {
      const target = this.messages.get(detail["target"] as number);
      return { ...base, ...detail, ...textOf(target) } as unknown as ChatEvent;
    }
    const message = this.messages.get(base.seq);
    if (detail.kind !== "message" || message === undefined) return this.live(event);
    const { replyTo } = detail;
    const reactions = reactionsOf(message, reader);
    return {
      ...base,
      kind: "message",
      messageId: `m-${this.id}-${base.seq}`,
      ...(replyTo === undefined ? {} : { replyTo }),
      ...textOf(message),
      rev: message.rev,
      ...(message.edits === 0 ? {} : { edits: message.edits, editedAt: message.editedAt }),
      ...(message.deletedAt === undefined ? {} : { deletedAt: message.deletedAt, deletedBy: message.deletedBy }),
      ...(reactions.length === 0 ? {} : { reactions }),
    } as unknown as ChatEvent;
  }

  /** The whole log as it is now, to one reader. */
  rows(reader: UserId): ChatEvent[] {
    return this.log.map((event) => this.asNow(event, reader));
  }

  mark(userId: UserId, readSeq: number, deliveredSeq: number): boolean {
    const member = this.members.get(userId);
    if (member === undefined) return false;
    const read = Math.max(member.readSeq, Math.min(readSeq, this.head));
    const delivered = Math.max(member.deliveredSeq, Math.min(deliveredSeq, this.head), read);
    const moved = read !== member.readSeq || delivered !== member.deliveredSeq;
    member.readSeq = read;
    member.deliveredSeq = delivered;
    return moved;
  }

  /** Counted by looking at every message, not by arithmetic (D9). */
  recount(userId: UserId): { unread: number; mentions: number } {
    const readSeq = this.members.get(userId)?.readSeq ?? 0;
    const joined = this.members.get(userId)?.joinedOrdinal ?? 0;
    const unread = this.log.filter(({ base, detail }) => detail.kind === "message" && base.seq > readSeq && base.ordinal > joined);
    const mentions = unread.filter(({ base }) => this.messages.get(base.seq)?.mentions.includes(userId) === true);
    return { unread: unread.length, mentions: mentions.length };
  }

  #decide(sender: UserId, command: ModelCommand): Detail | { code: string } | undefined {
    if (command.action === "sendMessage") {
      const { body = "", mentions, replyTo } = command;
      return { kind: "message", body, ...(mentions === undefined ? {} : { mentions }), ...(replyTo === undefined ? {} : { replyTo }) };
    }
    const target = command.seq ?? 0;
    const message = this.messages.get(target);
    if (message === undefined) return { code: "message_not_found" };
    if (message.deletedAt !== undefined) return { code: "message_deleted" };
    return this.#change(sender, command, target, message);
  }

  #change(sender: UserId, command: ModelCommand, target: number, message: Message): Detail | { code: string } | undefined {
    const author = this.log[target - 1]?.base.senderId;
    const { body = "", emoji = "", mentions } = command;
    switch (command.action) {
      case "editMessage":
        if (author !== sender) return { code: "not_your_message" };
        return { kind: "edited", target, body, ...(mentions === undefined ? {} : { mentions }) };
      case "deleteMessage":
        return author === sender ? { kind: "deleted", target } : { code: "not_your_message" };
      case "react":
        return message.reactions.get(emoji)?.has(sender) === true ? undefined : { kind: "reacted", target, emoji };
      default:
        return message.reactions.get(emoji)?.has(sender) === true ? { kind: "unreacted", target, emoji } : undefined;
    }
  }

  #apply({ base, detail }: LoggedEvent): void {
    if (detail.kind === "message") {
      const { body, mentions = [] } = detail as unknown as { body: string; mentions?: readonly UserId[] };
      this.messages.set(base.seq, { seq: base.seq, body, mentions, rev: base.seq, edits: 0, reactions: new Map() });
      // Who writes has read up to there.
      this.mark(base.senderId, base.seq, base.seq);
    } else if (detail.kind === "membersAdded") this.#join(detail["userIds"] as UserId[]);
    else if (detail.kind === "memberRemoved") this.members.delete(detail["removedUserId"] as UserId);
    else if (detail.kind === "described") this.title = detail["title"] as string;
    else this.#applyChange({ base, detail });
  }

  #join(userIds: readonly UserId[]): void {
    for (const userId of userIds) this.members.set(userId, { role: "member", readSeq: 0, deliveredSeq: 0, joinedOrdinal: this.ordinal });
  }

  #applyChange({ base, detail }: LoggedEvent): void {
    const message = this.messages.get(detail["target"] as number);
    if (message === undefined) return;
    message.rev = base.seq;
    const emoji = detail["emoji"] as string;
    if (detail.kind === "edited") {
      message.body = detail["body"] as string;
      message.mentions = (detail["mentions"] as UserId[] | undefined) ?? [];
      message.edits += 1;
      message.editedAt = base.sentAt;
    } else if (detail.kind === "deleted") {
      Object.assign(message, { body: "", mentions: [], reactions: new Map(), deletedAt: base.sentAt, deletedBy: base.senderId });
    } else if (detail.kind === "reacted") {
      const people = message.reactions.get(emoji) ?? new Set<UserId>();
      message.reactions.set(emoji, people.add(base.senderId));
    } else if (detail.kind === "unreacted") {
      message.reactions.get(emoji)?.delete(base.senderId);
      if (message.reactions.get(emoji)?.size === 0) message.reactions.delete(emoji);
    }
  }
}

function textOf(message: Message | undefined): Record<string, unknown> {
  if (message === undefined) return { body: "" };
  return { body: message.body, ...(message.mentions.length === 0 ? {} : { mentions: message.mentions }) };
}

function reactionsOf(message: Message, reader: UserId): ReactionCount[] {
  return [...message.reactions].map(([emoji, people]) => ({ emoji, count: people.size, ...(people.has(reader) ? { mine: true } : {}) }));
}
