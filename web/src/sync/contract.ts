/**
 * Shapes of HTTP bodies that the pages use, under the names the pages know them by.
 * Knows no behaviour: nearly all of it is generated from the server's types; what is written out here is not yet there.
 */
export type {
  AccountBody as Account, AccountPatch, AdminConversationItem as AdminConversation, AdminUserItem as AdminUser, AdminUserPatch,
  Attachment, AttachmentId, ChannelItem, ChatEvent, ChatEventOf, ClientMessageId, Code, ConversationId, ConversationItem,
  ConversationKind, ConversationPatch, ConversationPreferences, ConversationRequest, DeadLetterItem, DeadLetterSelection,
  HealthBody as AdminHealth, InviteCreated, InviteItem, InviteRequest, Login, MemberItem, MemberRole, MessageId, MessageSent,
  NotifyLevel, Preferences, PresenceStatus, QueueHealth, QueueName, ReactionCount, ReactionItem, Registration,
  RegistrationPolicy as RegistrationMode, SearchBody as SearchPage, SearchItem, Seq, ServerBody as ServerInfo, ServerRole, SessionItem, SnippetPart, Time, UserId, UserItem as User,
  UserPresence, UserStatus as AccountStatus, VersionItem,
} from "../protocol/types";

/** One page of a list. */
export interface Page<T> {
  items: readonly T[];
  /** Passed back for the next page. */
  next?: string;
}
