/**
 * Shapes of HTTP bodies that the pages use, under the names of the wire.
 * Knows no behaviour: re-exports what is generated, so that features name one module for all shapes.
 */
export type {
  AccountBody, AccountPatch, AdminUserItem, AdminUserPatch, ChannelItem, ChatEvent, ChatEventOf, ClientMessageId, Code,
  ConversationId, ConversationItem, ConversationKind, ConversationPatch, ConversationRequest, DeadLetterItem,
  DeadLetterSelection, InviteCreated, InviteItem, InviteRequest, Login, MemberItem, MemberRole, MessageSent, PresenceStatus,
  QueueName, ReactionCount, ReactionItem, Registration, Seq, ServerRole, SessionItem, Time, UserId, UserItem, UserPresence,
  VersionItem,
} from "../protocol/types";

import type {
  AccountBody, AdminUserItem, AttachmentId, ChatEvent, ConversationId, ConversationItem, ConversationKind, Count, MessageId,
  Milliseconds, Seq, Time, UserId, UserItem,
} from "../protocol/types";

export type { AttachmentId, MessageId };

/** What somebody says about themselves, beside their name. */
export interface AccountStatus {
  emoji?: string;
  text?: string;
}

/** Who may register. */
export type RegistrationMode = "open" | "invite_only" | "closed";

/** `GET /v1/server`: what can be known before a login. */
export interface ServerInfo {
  name: string;
  version: string;
  registration: RegistrationMode;
  /** Nobody has registered yet: the first account becomes the owner. */
  needsOwner: boolean;
  attachments: { sizeMaxBytes: number; perMessageMax: number; types?: readonly string[] };
  bodyMaxBytes: number;
}

/** One's own account. */
export type Account = AccountBody & { status?: AccountStatus; avatar?: string };

/** Somebody as others see them. */
export type User = UserItem & { status?: AccountStatus; avatar?: string };

/** An account as admins see it. */
export type AdminUser = AdminUserItem & { status?: AccountStatus; avatar?: string };

/** What to be told of. */
export type NotifyLevel = "all" | "mentions" | "none";

/** `GET /v1/account/preferences`. */
export interface Preferences {
  notify: NotifyLevel;
  doNotDisturbUntil?: Time;
  sound: boolean;
  enterSends: boolean;
  locale?: string;
  theme: "system" | "light" | "dark";
  density: "comfortable" | "compact";
}

/** What a member set for one conversation. */
export interface ConversationPreferences {
  /** Absent: as in the account's preferences. */
  notify?: NotifyLevel;
  pinned: boolean;
  muted: boolean;
}

/** An uploaded file. */
export interface Attachment {
  attachmentId: AttachmentId;
  name: string;
  sizeBytes: number;
  contentType: string;
  /** Of images, in pixels. */
  width?: number;
  height?: number;
  /** Whether there is a small picture of it. */
  thumbnail: boolean;
}

/** A conversation of the list, with what the reader set for it. */
export type ConversationListItem = ConversationItem & { preferences?: ConversationPreferences };

/** A piece of a search result's text. */
export interface SnippetPart {
  text: string;
  hit: boolean;
}

/** One message that was found. */
export interface SearchItem {
  conversationId: ConversationId;
  seq: Seq;
  messageId: MessageId;
  senderId: UserId;
  sentAt: Time;
  snippet: readonly SnippetPart[];
}

/** `GET /v1/search`. */
export interface SearchPage {
  items: readonly SearchItem[];
  next?: string;
  tookMs: Milliseconds;
}

/** A conversation as admins see it: never what is said in it. */
export interface AdminConversation {
  conversationId: ConversationId;
  kind: ConversationKind;
  title?: string;
  memberCount: Count;
  headSeq: Seq;
  createdAt: Time;
  activeAt: Time;
}

/** How one queue is. */
export interface QueueHealth {
  depth: Count;
  ageMs: Milliseconds;
  deadLetters: Count;
}

/** `GET /v1/admin/health`. */
export interface AdminHealth {
  version: string;
  startedAt: Time;
  uptimeMs: Milliseconds;
  epoch: string;
  connections: Count;
  sessions?: Count;
  queues: { messages: QueueHealth; notifications: QueueHealth };
  /** Counted since the start. */
  totals: Readonly<Record<string, Count>>;
  latencies: Readonly<Record<string, number>>;
  memoryBytes: Count;
  storeBytes: Count;
  journalBytes: Count;
}

/** One page of a list. */
export interface Page<T> {
  items: readonly T[];
  /** Passed back for the next page. */
  next?: string;
}

/** A message with its files, as events carry it. */
export type ChatEventWithFiles = ChatEvent & { attachments?: readonly Attachment[] };
