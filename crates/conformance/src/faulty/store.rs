//! A store with faults: calls fail, heads seem to move, and poison commands cannot be written.
//! Invariant: a conflict that is made up writes nothing, as a real one.

use std::sync::Arc;

use async_trait::async_trait;
use chat::{
    Account, Announcement, AttachmentId, Change, ChangeOutcome, ConversationId, Epoch, Invite, Membership,
    Meta, Needs, Preferences, Profile, Row, Seq, Session, UserId, Version, View,
    account::SecretHash,
    ports::{
        Append, AppendOutcome, ChangedSince, ConversationEntry, ErrorKind, EventsPage, EventsQuery,
        MemberEntry, PortError, Store, StoreCapabilities, UploadEntry,
    },
};

use super::{Faulty, Poison};

impl Faulty<Arc<dyn Store>> {
    fn check_poison(&self, appends: &[Append]) -> Result<(), PortError> {
        match appends.iter().find_map(|append| self.faults.poison_in(&append.effects)) {
            None => Ok(()),
            Some(Poison::Permanent) => {
                Err(PortError::new(ErrorKind::Invalid, "faulty.store.append (poison)"))
            }
            Some(Poison::Transient) => {
                Err(PortError::new(ErrorKind::Unavailable, "faulty.store.append (stuck)"))
            }
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Faulty<Arc<dyn Store>> {
    fn capabilities(&self) -> StoreCapabilities {
        self.inner.capabilities()
    }

    fn epoch(&self) -> Epoch {
        self.inner.epoch()
    }

    async fn change(&self, change: Change) -> Result<ChangeOutcome, PortError> {
        self.faults.before("faulty.store.change").await?;
        let outcome = self.inner.change(change).await?;
        self.faults.after("faulty.store.change (done)", outcome).await
    }

    async fn load(&self, needs: Vec<(ConversationId, Needs)>) -> Result<Vec<View>, PortError> {
        self.faults.before("faulty.store.load").await?;
        let views = self.inner.load(needs).await?;
        self.faults.after("faulty.store.load", views).await
    }

    async fn append(&self, appends: Vec<Append>) -> Result<Vec<AppendOutcome>, PortError> {
        self.faults.before("faulty.store.append").await?;
        self.check_poison(&appends)?;
        let kept: Vec<bool> = appends.iter().map(|_| !self.faults.conflicts()).collect();
        let real = appends.into_iter().zip(&kept).filter(|(_, kept)| **kept).map(|(append, _)| append);
        let mut written = self.inner.append(real.collect()).await?.into_iter();
        let outcomes = kept.into_iter().map(|kept| {
            let outcome = if kept { written.next() } else { None };
            outcome.unwrap_or(AppendOutcome::Conflict)
        });
        self.faults.after("faulty.store.append (done)", outcomes.collect()).await
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, PortError> {
        self.faults.before("faulty.store.account").await?;
        self.inner.account(user).await
    }

    async fn account_by_username(&self, username: &str) -> Result<Option<Account>, PortError> {
        self.faults.before("faulty.store.account_by_username").await?;
        self.inner.account_by_username(username).await
    }

    async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, PortError> {
        self.faults.before("faulty.store.accounts").await?;
        self.inner.accounts(prefix, after, limit).await
    }

    async fn has_accounts(&self) -> Result<bool, PortError> {
        self.faults.before("faulty.store.has_accounts").await?;
        self.inner.has_accounts().await
    }

    async fn session_by_token(&self, hash: &SecretHash) -> Result<Option<Session>, PortError> {
        self.faults.before("faulty.store.session_by_token").await?;
        self.inner.session_by_token(hash).await
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, PortError> {
        self.faults.before("faulty.store.sessions").await?;
        self.inner.sessions(user).await
    }

    async fn invites(&self, limit: usize) -> Result<Vec<Invite>, PortError> {
        self.faults.before("faulty.store.invites").await?;
        self.inner.invites(limit).await
    }

    async fn profiles(&self, users: &[UserId]) -> Result<Vec<Profile>, PortError> {
        self.faults.before("faulty.store.profiles").await?;
        self.inner.profiles(users).await
    }

    async fn preferences(&self, user: UserId) -> Result<Preferences, PortError> {
        self.faults.before("faulty.store.preferences").await?;
        self.inner.preferences(user).await
    }

    async fn upload(&self, attachment: AttachmentId) -> Result<Option<UploadEntry>, PortError> {
        self.faults.before("faulty.store.upload").await?;
        self.inner.upload(attachment).await
    }

    async fn loose_uploads(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<UploadEntry>, PortError> {
        self.faults.before("faulty.store.loose_uploads").await?;
        self.inner.loose_uploads(after, limit).await
    }

    async fn conversations(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError> {
        self.faults.before("faulty.store.conversations").await?;
        self.inner.conversations(after, limit).await
    }

    async fn conversation(&self, conversation: ConversationId) -> Result<Option<Meta>, PortError> {
        self.faults.before("faulty.store.conversation").await?;
        self.inner.conversation(conversation).await
    }

    async fn member(
        &self,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<Option<Membership>, PortError> {
        self.faults.before("faulty.store.member").await?;
        self.inner.member(conversation, user).await
    }

    async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MemberEntry>, PortError> {
        self.faults.before("faulty.store.members").await?;
        self.inner.members(conversation, after, limit).await
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<(ConversationId, Meta, Membership)>, PortError> {
        self.faults.before("faulty.store.memberships").await?;
        self.inner.memberships(user).await
    }

    async fn membership_count(&self, user: UserId) -> Result<usize, PortError> {
        self.faults.before("faulty.store.membership_count").await?;
        self.inner.membership_count(user).await
    }

    async fn entries(
        &self,
        user: UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ConversationEntry>, PortError> {
        self.faults.before("faulty.store.entries").await?;
        self.inner.entries(user, conversations).await
    }

    async fn channels(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError> {
        self.faults.before("faulty.store.channels").await?;
        self.inner.channels(after, limit).await
    }

    async fn events(
        &self,
        conversation: ConversationId,
        query: EventsQuery,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<EventsPage, PortError> {
        self.faults.before("faulty.store.events").await?;
        self.inner.events(conversation, query, rows_max, bytes_max).await
    }

    async fn row(&self, conversation: ConversationId, seq: Seq) -> Result<Option<Row>, PortError> {
        self.faults.before("faulty.store.row").await?;
        self.inner.row(conversation, seq).await
    }

    async fn versions(&self, conversation: ConversationId, target: Seq) -> Result<Vec<Version>, PortError> {
        self.faults.before("faulty.store.versions").await?;
        self.inner.versions(conversation, target).await
    }

    async fn reactions(
        &self,
        conversation: ConversationId,
        target: Seq,
        after: Option<(UserId, String)>,
        limit: usize,
    ) -> Result<Vec<(UserId, String)>, PortError> {
        self.faults.before("faulty.store.reactions").await?;
        self.inner.reactions(conversation, target, after, limit).await
    }

    async fn own_reactions(
        &self,
        conversation: ConversationId,
        user: UserId,
        targets: &[Seq],
    ) -> Result<Vec<(Seq, String)>, PortError> {
        self.faults.before("faulty.store.own_reactions").await?;
        self.inner.own_reactions(conversation, user, targets).await
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Seq>, PortError> {
        self.faults.before("faulty.store.heads").await?;
        self.inner.heads(conversations).await
    }

    async fn position_token(&self) -> Result<String, PortError> {
        self.faults.before("faulty.store.position_token").await?;
        self.inner.position_token().await
    }

    async fn changed_since(&self, token: &str) -> Result<ChangedSince, PortError> {
        self.faults.before("faulty.store.changed_since").await?;
        self.inner.changed_since(token).await
    }

    async fn failures(&self, user: UserId) -> Result<Vec<Announcement>, PortError> {
        self.faults.before("faulty.store.failures").await?;
        self.inner.failures(user).await
    }

    async fn record_failures(&self, failures: Vec<Announcement>) -> Result<(), PortError> {
        self.faults.before("faulty.store.record_failures").await?;
        self.inner.record_failures(failures).await?;
        self.faults.after("faulty.store.record_failures (done)", ()).await
    }
}
