/**
 * What the pages see of the core: every store they can watch and everything they can do. Start reading here.
 * Knows no React and no page; whatever is missing here is not for pages to know.
 *
 * Stores are for `useSyncExternalStore`. Commands that must survive a lost connection (`messages`) return at once and
 * show in the stores; everything else returns a promise that rejects with `ApiError`.
 */
import type {
  Account, AccountStatus, AdminConversation, AdminHealth, AdminUser, AdminUserPatch, Attachment, AttachmentId, ChannelItem, ChatEvent,
  ClientMessageId, Code, ConversationId, ConversationKind, ConversationPatch, ConversationPreferences, ConversationRequest,
  DeadLetterItem, DeadLetterSelection, InviteCreated, InviteItem, InviteRequest, Login, MemberItem, MemberRole, MessageId, Page,
  Preferences, QueueName, ReactionCount, ReactionItem, Registration, SearchPage, Seq, ServerInfo, SessionItem, Time, User, UserId,
  UserPresence, VersionItem,
} from "./contract";
import type { Store } from "./store";

export type { Store } from "./store";
export { ApiError } from "../connection/error";
export * from "./contract";

/** The core of one tab. */
export interface Client {
  readonly session: SessionApi;
  /** How it stands with the server; for the banner. */
  readonly connection: Store<ConnectionState>;
  /** Connect now instead of after the pause. */
  readonly reconnectNow: () => void;
  readonly conversations: ConversationsApi;
  /** The log of one conversation around a place. Every call gives a view of its own; `close` it. */
  readonly openTimeline: (conversationId: ConversationId, options?: TimelineOptions) => Timeline;
  readonly messages: MessagesApi;
  readonly members: MembersApi;
  readonly users: UsersApi;
  readonly presence: PresenceApi;
  readonly typing: TypingApi;
  readonly marks: MarksApi;
  readonly drafts: DraftsApi;
  readonly preferences: PreferencesApi;
  readonly uploads: UploadsApi;
  readonly search: SearchApi;
  readonly notifications: NotificationsApi;
  readonly admin: AdminApi;
  /** The server's time now, in milliseconds since 1970, by this device's clock and the difference last heard of. */
  readonly now: () => number;
}

// ---- session ----

/** Who is logged in. */
export type SessionState =
  | { readonly kind: "starting" }
  | {
      readonly kind: "loggedOut";
      /** Absent while the server cannot be reached. */
      readonly server?: ServerInfo;
      /** Why, if a login came to its end by itself. */
      readonly reason?: "ended" | "disabled";
    }
  | { readonly kind: "loggedIn"; readonly account: Account; readonly server?: ServerInfo };

export interface SessionApi {
  readonly state: Store<SessionState>;
  readonly register: (registration: Registration) => Promise<void>;
  readonly logIn: (login: Login) => Promise<void>;
  /** Ends the login, and forgets everything kept on this device. */
  readonly logOut: () => Promise<void>;
  readonly updateProfile: (patch: { displayName?: string; status?: AccountStatus | null }) => Promise<void>;
  readonly setAvatar: (image: Blob) => Promise<void>;
  readonly removeAvatar: () => Promise<void>;
  readonly changePassword: (current: string, next: string) => Promise<void>;
  readonly listSessions: () => Promise<readonly SessionItem[]>;
  readonly endSession: (sessionId: string) => Promise<void>;
  readonly createInvite: (request?: InviteRequest) => Promise<InviteCreated>;
  readonly listInvites: () => Promise<readonly InviteItem[]>;
  readonly deleteInvite: (inviteId: string) => Promise<void>;
}

// ---- connection ----

export interface ConnectionState {
  readonly status:
    | "idle"
    /** Opening a socket. */
    | "connecting"
    /** Open, and being told what was missed. */
    | "syncing"
    /** Everything is as on the server. */
    | "live"
    /** Between two tries. */
    | "waiting"
    /** This version of the page is not understood: reload it. */
    | "outdated";
  /** When the next try begins, milliseconds since 1970 by this device's clock, while `waiting`. */
  readonly retryAtMs?: number;
  /** Tries since the last time it was live. */
  readonly attempts: number;
  /** Since when it is not live, milliseconds since 1970; absent while live. Show a banner a second or two after it. */
  readonly downSinceMs?: number;
  /** Messages and changes that wait to be sent. */
  readonly pending: number;
}

// ---- conversations ----

/** A conversation of the list. */
export interface Conversation {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  /** Absent for direct ones: show the other person's name. */
  readonly title?: string;
  readonly description?: string;
  /** The two people of a direct conversation. */
  readonly memberIds?: readonly UserId[];
  /** The other person of a direct conversation. */
  readonly otherId?: UserId;
  readonly role: MemberRole;
  readonly memberCount: number;
  readonly headSeq: Seq;
  readonly readSeq: Seq;
  readonly unread: number;
  readonly mentions: number;
  readonly createdAt: Time;
  readonly activeAt: Time;
  readonly preferences: ConversationPreferences;
  readonly last?: MessagePreview;
  /** What of one's own waits to be sent, or failed. */
  readonly pending: number;
  readonly failed: number;
  /** The beginning of the draft, if there is one. */
  readonly draft?: string;
}

/** The last message in a few words. */
export interface MessagePreview {
  readonly seq: Seq;
  readonly senderId: UserId;
  /** Markdown source. */
  readonly body: string;
  readonly sentAt: Time;
  readonly deleted: boolean;
  readonly attachments: readonly Attachment[];
}

export interface ConversationList {
  /** Pinned ones first, then by latest activity. */
  readonly items: readonly Conversation[];
  readonly byId: ReadonlyMap<ConversationId, Conversation>;
  /** `loading` only while nothing is known, not even from last time. */
  readonly state: "loading" | "ready";
  /** Unread messages of all conversations that are not muted, and mentions of all. */
  readonly unread: number;
  readonly mentions: number;
}

export interface ConversationsApi {
  readonly list: Store<ConversationList>;
  /** Gives the id of the new one, or of the one there was (direct). It is in the list when this returns. */
  readonly create: (request: ConversationRequest) => Promise<ConversationId>;
  readonly patch: (conversationId: ConversationId, patch: ConversationPatch) => Promise<void>;
  readonly setPreferences: (
    conversationId: ConversationId,
    patch: { notify?: ConversationPreferences["notify"] | null; pinned?: boolean; muted?: boolean },
  ) => Promise<void>;
  readonly browseChannels: (after?: string) => Promise<Page<ChannelItem>>;
  readonly join: (conversationId: ConversationId) => Promise<void>;
  readonly leave: (conversationId: ConversationId) => Promise<void>;
}

// ---- timeline ----

export interface TimelineOptions {
  /** Show this place; the first unread message, or the end, when absent. */
  readonly at?: Seq;
}

/** One row of a timeline. */
export type TimelineItem = MessageItem | NoticeItem;

export interface MessageItem {
  readonly type: "message";
  /** The same before and after the server has it. */
  readonly key: ClientMessageId;
  /** `pending`: not accepted yet. `sent`: durable. `failed`: see `error`. */
  readonly state: "pending" | "sent" | "failed";
  /** Absent until its event has come. */
  readonly seq?: Seq;
  readonly messageId?: MessageId;
  readonly senderId: UserId;
  readonly mine: boolean;
  /** Markdown source; empty once deleted. */
  readonly body: string;
  readonly sentAt: Time;
  readonly replyTo?: Seq;
  readonly mentions: readonly UserId[];
  readonly attachments: readonly Attachment[];
  readonly reactions: readonly ReactionCount[];
  readonly editedAt?: Time;
  readonly edits: number;
  readonly deletedAt?: Time;
  readonly deletedBy?: UserId;
  /** Why it failed, or why a change of it did. */
  readonly error?: SendError;
  /** An edit or a deletion of it waits to be sent; `body` shows it already. */
  readonly changing: boolean;
}

/** Something that happened to the conversation: made, described, people came and went. */
export interface NoticeItem {
  readonly type: "notice";
  readonly key: string;
  readonly seq: Seq;
  readonly sentAt: Time;
  readonly event: Extract<ChatEvent, { kind: "created" | "described" | "membersAdded" | "memberRemoved" | "roleChanged" }>;
}

export interface SendError {
  readonly code: Code;
  /** For people, in the server's words. */
  readonly message: string;
  /** Whether `messages.retry` can help. */
  readonly retryable: boolean;
}

export interface TimelineState {
  /** `offline`: nothing is kept of it on this device, and the server cannot be reached. `gone`: not a member (any longer). */
  readonly state: "loading" | "ready" | "offline" | "gone";
  /** Ascending, without gaps; one's own waiting messages at the end if `atEnd`. */
  readonly items: readonly TimelineItem[];
  readonly hasOlder: boolean;
  /** Whether there is more after the last item: the view is in the past. */
  readonly atEnd: boolean;
  readonly loadingOlder: boolean;
  readonly loadingNewer: boolean;
  /** Where the divider goes: before the first message with a `seq` above this, which were unread when it was opened. */
  readonly unreadAfter?: Seq;
  /** The row to bring into view first, and again when `jump` grows. Absent: the end. */
  readonly anchor?: { readonly seq: Seq; readonly highlight: boolean };
  readonly jump: number;
}

export interface Timeline {
  readonly conversationId: ConversationId;
  readonly state: Store<TimelineState>;
  readonly loadOlder: () => Promise<void>;
  readonly loadNewer: () => Promise<void>;
  /** Shows a place (from a search result, a quoted message) and marks it. */
  readonly jumpTo: (seq: Seq) => Promise<void>;
  readonly jumpToEnd: () => Promise<void>;
  /** A message by place, for quotes: from what is loaded, else from the server; `undefined` if it cannot be had. */
  readonly message: (seq: Seq) => Promise<MessageItem | undefined>;
  /** Hides the divider. */
  readonly dismissDivider: () => void;
  readonly close: () => void;
}

// ---- messages ----

export interface NewMessage {
  readonly conversationId: ConversationId;
  readonly body: string;
  readonly mentions?: readonly UserId[];
  readonly replyTo?: Seq;
  readonly attachments?: readonly Attachment[];
}

/** Commands. They are kept on this device before they are sent, sent in order, and survive reloads (D2). */
export interface MessagesApi {
  readonly send: (message: NewMessage) => ClientMessageId;
  readonly edit: (conversationId: ConversationId, seq: Seq, body: string, mentions?: readonly UserId[]) => void;
  readonly delete: (conversationId: ConversationId, seq: Seq) => void;
  readonly react: (conversationId: ConversationId, seq: Seq, emoji: string) => void;
  readonly unreact: (conversationId: ConversationId, seq: Seq, emoji: string) => void;
  /** Sends a failed one again. */
  readonly retry: (key: ClientMessageId) => void;
  /** Gives a failed or waiting one up. */
  readonly discard: (key: ClientMessageId) => void;
  readonly versions: (conversationId: ConversationId, seq: Seq) => Promise<readonly VersionItem[]>;
  readonly reactions: (conversationId: ConversationId, seq: Seq) => Promise<readonly ReactionItem[]>;
  /** Whether it fits one frame and one body; bytes left otherwise negative. */
  readonly bytesLeft: (body: string) => number;
  /** Changes (edits, deletions, reactions) that were refused; a toast for each. */
  readonly onRefused: (listener: (refused: { conversationId: ConversationId; error: SendError }) => void) => () => void;
}

// ---- people ----

export interface MembersState {
  readonly items: readonly MemberItem[];
  readonly loading: boolean;
  readonly hasMore: boolean;
}

export interface MembersApi {
  /** Loads the first page when first watched. The same store for the same conversation. */
  readonly of: (conversationId: ConversationId) => Store<MembersState>;
  readonly loadMore: (conversationId: ConversationId) => Promise<void>;
  readonly add: (conversationId: ConversationId, userIds: readonly UserId[]) => Promise<void>;
  readonly remove: (conversationId: ConversationId, userId: UserId) => Promise<void>;
  readonly setRole: (conversationId: ConversationId, userId: UserId, role: MemberRole) => Promise<void>;
}

export interface UsersApi {
  /** Everybody met so far. */
  readonly all: Store<ReadonlyMap<UserId, User>>;
  /** Fetches who is not known yet, many at once; call it with whoever is on screen. */
  readonly ensure: (userIds: readonly UserId[]) => void;
  /** People whose username begins so. */
  readonly find: (prefix: string, after?: string) => Promise<Page<User>>;
  readonly avatarUrl: (user: { userId: UserId; avatar?: string }) => string | undefined;
}

export interface PresenceApi {
  readonly all: Store<ReadonlyMap<UserId, UserPresence>>;
  /** Watch these people until the returned function is called. Who is on screen, no more. */
  readonly watch: (userIds: readonly UserId[]) => () => void;
  /** Whether the person is active on this device. */
  readonly setActive: (active: boolean) => void;
}

export interface TypingApi {
  /** Who types where; others only, gone after five seconds. */
  readonly all: Store<ReadonlyMap<ConversationId, readonly UserId[]>>;
  /** Call it on every keystroke: sent at most every three seconds. */
  readonly notify: (conversationId: ConversationId) => void;
}

/** How far somebody is. */
export interface MemberMarks {
  readonly readSeq: Seq;
  readonly deliveredSeq: Seq;
}

export interface MarksApi {
  /** The marks of others; loaded and kept up to date while watched. */
  readonly of: (conversationId: ConversationId) => Store<ReadonlyMap<UserId, MemberMarks>>;
  /** Everything up to here is read. Only moves forward, and is sent once. */
  readonly markRead: (conversationId: ConversationId, seq: Seq) => void;
}

// ---- drafts, preferences, files ----

export interface Draft {
  readonly body: string;
  readonly replyTo?: Seq;
}

export interface DraftsApi {
  /** Kept on this device across reloads. */
  readonly get: (conversationId: ConversationId) => Draft | undefined;
  readonly set: (conversationId: ConversationId, draft: Draft | undefined) => void;
  readonly all: Store<ReadonlyMap<ConversationId, Draft>>;
}

export interface PreferencesApi {
  /** Defaults until they are known; kept on this device, so that the first paint has the right colours. */
  readonly state: Store<Preferences>;
  /** Shows at once, and goes back if the server refuses. `null` removes an optional one. */
  readonly update: (patch: { [K in keyof Preferences]?: Preferences[K] | null }) => Promise<void>;
}

export interface Upload {
  readonly uploadId: string;
  readonly conversationId: ConversationId;
  readonly name: string;
  readonly sizeBytes: number;
  readonly contentType: string;
  /** `blob:` address of an image, for the preview while it uploads. */
  readonly previewUrl?: string;
  readonly state: "waiting" | "uploading" | "done" | "failed";
  /** 0 to 1. */
  readonly progress: number;
  readonly attachment?: Attachment;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface UploadsApi {
  /** What is attached to the next message of a conversation. */
  readonly of: (conversationId: ConversationId) => Store<readonly Upload[]>;
  /** Too large or too many fail at once, with a reason. */
  readonly add: (conversationId: ConversationId, files: readonly File[]) => void;
  readonly retry: (uploadId: string) => void;
  /** Cancels it, or takes a finished one away again. */
  readonly remove: (uploadId: string) => void;
  /** The finished ones, for `messages.send`; takes them out of the list. */
  readonly take: (conversationId: ConversationId) => readonly Attachment[];
  readonly url: (attachmentId: AttachmentId) => string;
  readonly thumbnailUrl: (attachmentId: AttachmentId) => string;
}

// ---- search, notifications, administration ----

export interface SearchApi {
  readonly query: (q: string, options?: { cursor?: string; limit?: number; signal?: AbortSignal }) => Promise<SearchPage>;
}

/** A message of somebody else that has just arrived, live. */
export interface Incoming {
  readonly conversation: Conversation;
  readonly message: MessageItem;
  readonly mentionsMe: boolean;
  /** Whether preferences, mute and do-not-disturb let it through. */
  readonly notify: boolean;
  /** Whether this tab is the one of the device's tabs that makes noise. */
  readonly leader: boolean;
}

export interface NotificationsApi {
  readonly onIncoming: (listener: (incoming: Incoming) => void) => () => void;
}

export interface AdminApi {
  readonly users: (query: { prefix?: string; after?: string }) => Promise<Page<AdminUser>>;
  readonly patchUser: (userId: UserId, patch: AdminUserPatch) => Promise<AdminUser>;
  readonly resetPassword: (userId: UserId, password: string) => Promise<void>;
  readonly conversations: (cursor?: string) => Promise<Page<AdminConversation>>;
  readonly deadLetters: (query: { queue: QueueName; after?: string }) => Promise<Page<DeadLetterItem>>;
  readonly deadLetter: (queue: QueueName, id: string) => Promise<DeadLetterItem>;
  readonly redrive: (selection: DeadLetterSelection) => Promise<number>;
  readonly drop: (selection: DeadLetterSelection) => Promise<number>;
  readonly health: () => Promise<AdminHealth>;
}
