//! The store port: everything durable outside the queues, read by the application and written by the pipeline.
//! Appends are atomic per conversation and conditional on its head; changes are atomic each.

use async_trait::async_trait;

use super::PortError;
use crate::{
    account::{Account, Invite, SecretHash, Session},
    announcement::Announcement,
    attachment::{Shown, Upload},
    change::{Change, ChangeOutcome, MarkState},
    command::Envelope,
    conversation::{Effects, Membership, Meta, Needs, Outcome, View},
    event::{Row, Version},
    ids::{AttachmentId, ConversationId, Epoch, Seq, UserId},
    profile::{ConversationPreferences, Preferences, Profile},
};

/// What a store backend can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreCapabilities {
    /// The contents are a pure function of a journal and can be rebuilt from it (D8).
    pub replayable: bool,
    /// Conversations in one `append` at most.
    pub append_max: usize,
    /// A read sees every write that returned before it (embedded) rather than may see (eventually consistent reads).
    pub reads_own_writes: bool,
}

/// One conversation's part of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// What to write.
    pub effects: Effects,
}

/// What became of one conversation's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendOutcome {
    /// Written, all of it.
    Written,
    /// The head has moved: nothing was written; load again and decide again.
    Conflict,
}

/// Which part of a log to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventsQuery {
    /// Upwards from the event after this one.
    After(Seq),
    /// The last events below this one, returned in ascending order.
    Before(Seq),
}

/// A page of a log, ascending. Bodies are those of now (§8 of the design).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventsPage {
    /// The rows. `Edited` rows carry the body of their message as it is now.
    pub rows: Vec<Row>,
    /// The head when the page was read.
    pub head: Seq,
    /// Whether there are more rows in the direction asked.
    pub more: bool,
}

/// One line of somebody's list of conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationEntry {
    /// Which.
    pub conversation: ConversationId,
    /// What it is.
    pub meta: Meta,
    /// The reader's membership.
    pub membership: Membership,
    /// The reader's marks.
    pub mark: MarkState,
    /// Messages before the reader joined, for unread counts (D9).
    pub joined_ordinal: u64,
    /// Unread messages that mention the reader, counted up to 100.
    pub mentions: u64,
    /// The last message as it is now.
    pub last: Option<Row>,
    /// How the reader wants the conversation to be.
    pub preferences: ConversationPreferences,
}

/// An upload, and where it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadEntry {
    /// The upload.
    pub upload: Upload,
    /// The message that shows it, if one does or did.
    pub shown: Option<Shown>,
}

/// One line of a list of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberEntry {
    /// Who.
    pub user: UserId,
    /// Their membership.
    pub membership: Membership,
    /// Their marks.
    pub mark: MarkState,
}

/// What has changed since a position, for `sync`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedSince {
    /// Only these conversations (of all, not only of one reader) have new events.
    These(Vec<(ConversationId, Seq)>),
    /// Too long ago to tell, or the token is not known: compare each conversation.
    Unknown,
}

/// The store. All methods may be called from many tasks at once.
#[async_trait]
pub trait Store: Send + Sync {
    /// What this backend can do.
    fn capabilities(&self) -> StoreCapabilities;

    /// The generation of the history (D4).
    fn epoch(&self) -> Epoch;

    /// Applies a change durably; returns when it is applied. Refusals are outcomes, not errors.
    async fn change(&self, change: Change) -> Result<ChangeOutcome, PortError>;

    /// Loads what deciding needs, one view per conversation asked, in the same order.
    async fn load(&self, needs: Vec<(ConversationId, Needs)>) -> Result<Vec<View>, PortError>;

    /// Writes effects, each atomically and only on its expected head; outcomes in the same order.
    async fn append(&self, appends: Vec<Append>) -> Result<Vec<AppendOutcome>, PortError>;

    /// An account.
    async fn account(&self, user: UserId) -> Result<Option<Account>, PortError>;
    /// The account with this name, whatever its case.
    async fn account_by_username(&self, username: &str) -> Result<Option<Account>, PortError>;
    /// Accounts by name from `prefix` on, after the name `after`, at most `limit`.
    async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, PortError>;
    /// Whether anybody has registered yet.
    async fn has_accounts(&self) -> Result<bool, PortError>;
    /// The session with this token, expired or not.
    async fn session_by_token(&self, hash: &SecretHash) -> Result<Option<Session>, PortError>;
    /// All sessions of an account.
    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, PortError>;
    /// All invitations, newest first, at most `limit`.
    async fn invites(&self, limit: usize) -> Result<Vec<Invite>, PortError>;

    /// What others see of these people besides their names, in the order asked.
    async fn profiles(&self, users: &[UserId]) -> Result<Vec<Profile>, PortError>;
    /// How somebody wants the app to be.
    async fn preferences(&self, user: UserId) -> Result<Preferences, PortError>;

    /// An upload.
    async fn upload(&self, attachment: AttachmentId) -> Result<Option<UploadEntry>, PortError>;
    /// Uploads that no message shows (any more), by id after `after`, at most `limit`.
    async fn loose_uploads(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<UploadEntry>, PortError>;

    /// All conversations of the server by id after `after`, at most `limit`.
    async fn conversations(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError>;
    /// What a conversation is.
    async fn conversation(&self, conversation: ConversationId) -> Result<Option<Meta>, PortError>;
    /// Somebody's membership.
    async fn member(
        &self,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<Option<Membership>, PortError>;
    /// Members by id after `after`, at most `limit`.
    async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MemberEntry>, PortError>;
    /// All conversations of somebody: one read, bounded by `CONVERSATIONS_PER_USER_MAX` and its overrun.
    async fn memberships(&self, user: UserId) -> Result<Vec<(ConversationId, Meta, Membership)>, PortError>;
    /// How many conversations somebody is a member of; counted up to the same bound.
    async fn membership_count(&self, user: UserId) -> Result<usize, PortError>;
    /// Completes entries for a list of conversations; those somebody is not a member of are left out.
    async fn entries(
        &self,
        user: UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ConversationEntry>, PortError>;
    /// Public channels by id after `after`, at most `limit`.
    async fn channels(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError>;

    /// A page of a log: at most `rows_max` rows and about `bytes_max` bytes of bodies, at least one row if there is one.
    async fn events(
        &self,
        conversation: ConversationId,
        query: EventsQuery,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<EventsPage, PortError>;
    /// One row of a log.
    async fn row(&self, conversation: ConversationId, seq: Seq) -> Result<Option<Row>, PortError>;
    /// Superseded bodies of a message, oldest first.
    async fn versions(&self, conversation: ConversationId, target: Seq) -> Result<Vec<Version>, PortError>;
    /// Who reacted how to a message, after the pair `after`, at most `limit`.
    async fn reactions(
        &self,
        conversation: ConversationId,
        target: Seq,
        after: Option<(UserId, String)>,
        limit: usize,
    ) -> Result<Vec<(UserId, String)>, PortError>;
    /// One's own reactions to these messages.
    async fn own_reactions(
        &self,
        conversation: ConversationId,
        user: UserId,
        targets: &[Seq],
    ) -> Result<Vec<(Seq, String)>, PortError>;
    /// Heads of conversations, 0 for those that do not exist: one cheap read each.
    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Seq>, PortError>;

    /// An opaque token of now, for a later `changed_since`.
    async fn position_token(&self) -> Result<String, PortError>;
    /// Which conversations have new events since a token: no read per conversation.
    async fn changed_since(&self, token: &str) -> Result<ChangedSince, PortError>;

    /// Failures of somebody's commands in the last days, so that a sender who was away learns of them (D5).
    async fn failures(&self, user: UserId) -> Result<Vec<Announcement>, PortError>;
    /// Keeps a failure for its sender.
    async fn record_failures(&self, failures: Vec<Announcement>) -> Result<(), PortError>;
}

/// The way commands enter: step 5 of the journey.
#[async_trait]
pub trait Commands: Send + Sync {
    /// Makes commands durable (D1), all or, on an error, perhaps some. Their events follow.
    /// `Overloaded` when the queue is too full or too old.
    async fn submit(&self, envelopes: Vec<Envelope>) -> Result<(), PortError>;

    /// Makes one command durable and waits until it is applied.
    async fn execute(&self, envelope: Envelope) -> Result<Outcome, PortError>;
}
