//! The store port over one table: each method is in the module of what it is about.
//! Does not know queues or connections; reads see every write that returned before them.

mod accounts;
mod append;
mod core;
mod create;
mod entries;
mod head;
mod listing;
mod load;
mod log;
mod members;
mod pending;
mod people;
mod take_in;
mod uploads;

use std::sync::Arc;

use async_trait::async_trait;
use chat::{
    Account, Announcement, AttachmentId, Change, ChangeOutcome, ConversationId, Epoch, Invite, Membership,
    Meta, Needs, Preferences, Profile, Row, Seq, Session, UserId, Version, View,
    account::SecretHash,
    ports::{
        Append, AppendOutcome, ChangedSince, ConversationEntry, EventsPage, EventsQuery, MemberEntry,
        PortError, Store, StoreCapabilities, UploadEntry,
    },
};

pub(crate) use self::core::Core;
use self::core::Stop;
use crate::limits::APPEND_CONVERSATIONS_MAX;

/// The store. Clones share everything.
#[derive(Clone)]
pub(crate) struct AwsStore(pub(crate) Arc<Core>);

impl Core {
    async fn change(&self, change: Change) -> Result<ChangeOutcome, PortError> {
        let changed = match change {
            change @ Change::CreateConversation { .. } => self.create_conversation(change).await,
            Change::Mark(marks) => self.move_marks(marks).await,
            change @ (Change::SetStatus { .. }
            | Change::SetAvatar { .. }
            | Change::SetPreferences { .. }
            | Change::SetConversationPreferences { .. }) => people::change(self, change).await,
            change @ (Change::AddUpload(_) | Change::ClaimUploads { .. } | Change::RemoveUploads(_)) => {
                uploads::change(self, change).await
            }
            change => accounts::change(self, change).await,
        };
        match changed {
            Ok(outcome) => Ok(outcome),
            Err(Stop::Refused(refusal)) => Ok(ChangeOutcome::Refused(refusal)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }
}

#[async_trait]
impl Store for AwsStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities { replayable: false, append_max: APPEND_CONVERSATIONS_MAX, reads_own_writes: true }
    }

    fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    async fn change(&self, change: Change) -> Result<ChangeOutcome, PortError> {
        self.0.change(change).await
    }

    async fn load(&self, needs: Vec<(ConversationId, Needs)>) -> Result<Vec<View>, PortError> {
        self.0.load(needs).await
    }

    async fn append(&self, appends: Vec<Append>) -> Result<Vec<AppendOutcome>, PortError> {
        self.0.append(appends).await
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, PortError> {
        self.0.account(user).await
    }

    async fn account_by_username(&self, username: &str) -> Result<Option<Account>, PortError> {
        self.0.account_by_username(username).await
    }

    async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, PortError> {
        self.0.accounts(prefix, after, limit).await
    }

    async fn has_accounts(&self) -> Result<bool, PortError> {
        self.0.has_accounts().await
    }

    async fn session_by_token(&self, hash: &SecretHash) -> Result<Option<Session>, PortError> {
        self.0.session_by_token(hash).await
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, PortError> {
        self.0.sessions(user).await
    }

    async fn invites(&self, limit: usize) -> Result<Vec<Invite>, PortError> {
        self.0.invites(limit).await
    }

    async fn profiles(&self, users: &[UserId]) -> Result<Vec<Profile>, PortError> {
        self.0.profiles(users).await
    }

    async fn preferences(&self, user: UserId) -> Result<Preferences, PortError> {
        self.0.preferences(user).await
    }

    async fn upload(&self, attachment: AttachmentId) -> Result<Option<UploadEntry>, PortError> {
        self.0.upload(attachment).await
    }

    async fn loose_uploads(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<UploadEntry>, PortError> {
        self.0.loose_uploads(after, limit).await
    }

    async fn conversations(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError> {
        self.0.conversations(after, limit).await
    }

    async fn conversation(&self, conversation: ConversationId) -> Result<Option<Meta>, PortError> {
        self.0.conversation(conversation).await
    }

    async fn member(
        &self,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<Option<Membership>, PortError> {
        self.0.member(conversation, user).await
    }

    async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MemberEntry>, PortError> {
        self.0.members(conversation, after, limit).await
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<(ConversationId, Meta, Membership)>, PortError> {
        self.0.memberships(user).await
    }

    async fn membership_count(&self, user: UserId) -> Result<usize, PortError> {
        self.0.membership_count(user).await
    }

    async fn entries(
        &self,
        user: UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ConversationEntry>, PortError> {
        self.0.entries(user, conversations).await
    }

    async fn channels(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError> {
        self.0.channels(after, limit).await
    }

    async fn events(
        &self,
        conversation: ConversationId,
        query: EventsQuery,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<EventsPage, PortError> {
        self.0.events(conversation, query, rows_max, bytes_max).await
    }

    async fn row(&self, conversation: ConversationId, seq: Seq) -> Result<Option<Row>, PortError> {
        self.0.row(conversation, seq).await
    }

    async fn versions(&self, conversation: ConversationId, target: Seq) -> Result<Vec<Version>, PortError> {
        self.0.versions(conversation, target).await
    }

    async fn reactions(
        &self,
        conversation: ConversationId,
        target: Seq,
        after: Option<(UserId, String)>,
        limit: usize,
    ) -> Result<Vec<(UserId, String)>, PortError> {
        self.0.reactions(conversation, target, after, limit).await
    }

    async fn own_reactions(
        &self,
        conversation: ConversationId,
        user: UserId,
        targets: &[Seq],
    ) -> Result<Vec<(Seq, String)>, PortError> {
        self.0.own_reactions(conversation, user, targets).await
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Seq>, PortError> {
        self.0.heads(conversations).await
    }

    async fn position_token(&self) -> Result<String, PortError> {
        Ok(self.0.epoch.to_string())
    }

    /// There is no list of what changed that would not be written by everybody: each conversation is compared.
    async fn changed_since(&self, _token: &str) -> Result<ChangedSince, PortError> {
        Ok(ChangedSince::Unknown)
    }

    async fn failures(&self, user: UserId) -> Result<Vec<Announcement>, PortError> {
        self.0.failures(user).await
    }

    async fn record_failures(&self, failures: Vec<Announcement>) -> Result<(), PortError> {
        self.0.record_failures(failures).await
    }
}
