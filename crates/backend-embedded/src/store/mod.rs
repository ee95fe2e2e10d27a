//! The store port: reads are ranges of the tables, appends are one write, changes go through the journal.
//! Reads happen where they are called: rows of hot conversations are in memory, others cost one read of a block.

mod append;
mod load;
mod log;
mod people;
mod rooms;

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

use crate::{
    core::Core,
    error::Fault,
    limits::SEND_ITEMS_MAX,
    record::{Failures, JournaledChange, Record},
};

/// The store.
pub(crate) struct EmbeddedStore(pub(crate) Arc<Core>);

#[async_trait]
impl Store for EmbeddedStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities { replayable: true, append_max: SEND_ITEMS_MAX, reads_own_writes: true }
    }

    fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    async fn change(&self, change: Change) -> Result<ChangeOutcome, PortError> {
        const OPERATION: &str = "store.change (embedded)";
        self.0.check_running(OPERATION)?;
        let ordinals = self.0.ordinals(&change).map_err(|fault| fault.at(OPERATION))?;
        let record = Record::Change(JournaledChange { change, ordinals });
        self.0.change(record).await.map_err(|fault| fault.at(OPERATION))
    }

    async fn load(&self, needs: Vec<(ConversationId, Needs)>) -> Result<Vec<View>, PortError> {
        let core = &self.0;
        let load = |(id, needs)| core.view_noticing(id, needs, |row| core.erasing.notice(row));
        let views = needs.into_iter().map(load).collect::<Result<_, _>>();
        views.map_err(|fault| fault.at("store.load (embedded)"))
    }

    async fn append(&self, appends: Vec<Append>) -> Result<Vec<AppendOutcome>, PortError> {
        const OPERATION: &str = "store.append (embedded)";
        self.0.check_running(OPERATION)?;
        append::append(&self.0, &appends).await.map_err(|fault| fault.at(OPERATION))
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, PortError> {
        crate::apply::account(&self.0, user).map_err(|fault| fault.at("store.account (embedded)"))
    }

    async fn account_by_username(&self, username: &str) -> Result<Option<Account>, PortError> {
        let found = self.0.account_by_username(username);
        found.map_err(|fault| fault.at("store.account_by_username (embedded)"))
    }

    async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, PortError> {
        let found = self.0.accounts(prefix, after, limit);
        found.map_err(|fault| fault.at("store.accounts (embedded)"))
    }

    async fn has_accounts(&self) -> Result<bool, PortError> {
        self.0.has_accounts().map_err(|fault| fault.at("store.has_accounts (embedded)"))
    }

    async fn session_by_token(&self, hash: &SecretHash) -> Result<Option<Session>, PortError> {
        self.0.session(hash).map_err(|fault| fault.at("store.session_by_token (embedded)"))
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, PortError> {
        crate::apply::sessions(&self.0, user).map_err(|fault| fault.at("store.sessions (embedded)"))
    }

    async fn invites(&self, limit: usize) -> Result<Vec<Invite>, PortError> {
        self.0.invites(limit).map_err(|fault| fault.at("store.invites (embedded)"))
    }

    async fn profiles(&self, users: &[UserId]) -> Result<Vec<Profile>, PortError> {
        let profiles = users.iter().map(|user| self.0.profile(*user));
        profiles.collect::<Result<_, Fault>>().map_err(|fault| fault.at("store.profiles (embedded)"))
    }

    async fn preferences(&self, user: UserId) -> Result<Preferences, PortError> {
        self.0.preferences(user).map_err(|fault| fault.at("store.preferences (embedded)"))
    }

    async fn upload(&self, attachment: AttachmentId) -> Result<Option<UploadEntry>, PortError> {
        self.0.upload(attachment).map_err(|fault| fault.at("store.upload (embedded)"))
    }

    async fn loose_uploads(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<UploadEntry>, PortError> {
        self.0.loose_uploads(after, limit).map_err(|fault| fault.at("store.loose_uploads (embedded)"))
    }

    async fn conversations(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError> {
        self.0.conversations(after, limit).map_err(|fault| fault.at("store.conversations (embedded)"))
    }

    async fn conversation(&self, conversation: ConversationId) -> Result<Option<Meta>, PortError> {
        let meta = self.0.meta(conversation).map_err(|fault| fault.at("store.conversation (embedded)"))?;
        Ok(meta.map(|meta| Meta::clone(&meta)))
    }

    async fn member(
        &self,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<Option<Membership>, PortError> {
        let member =
            self.0.member(conversation, user).map_err(|fault| fault.at("store.member (embedded)"))?;
        Ok(member.map(|member| member.membership))
    }

    async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MemberEntry>, PortError> {
        let members = self.0.members(conversation, after, limit);
        members.map_err(|fault| fault.at("store.members (embedded)"))
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<(ConversationId, Meta, Membership)>, PortError> {
        self.0.memberships(user).map_err(|fault| fault.at("store.memberships (embedded)"))
    }

    async fn membership_count(&self, user: UserId) -> Result<usize, PortError> {
        self.0.membership_count(user).map_err(|fault| fault.at("store.membership_count (embedded)"))
    }

    async fn entries(
        &self,
        user: UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ConversationEntry>, PortError> {
        let entries = conversations.iter().filter_map(|id| self.0.entry(user, *id).transpose());
        entries.collect::<Result<_, Fault>>().map_err(|fault| fault.at("store.entries (embedded)"))
    }

    async fn channels(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError> {
        self.0.channels(after, limit).map_err(|fault| fault.at("store.channels (embedded)"))
    }

    async fn events(
        &self,
        conversation: ConversationId,
        query: EventsQuery,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<EventsPage, PortError> {
        let page = self.0.events(conversation, query, rows_max, bytes_max);
        page.map_err(|fault| fault.at("store.events (embedded)"))
    }

    async fn row(&self, conversation: ConversationId, seq: Seq) -> Result<Option<Row>, PortError> {
        let row = self.0.full_row(conversation, seq);
        row.map_err(|fault| fault.at("store.row (embedded)"))
    }

    async fn versions(&self, conversation: ConversationId, target: Seq) -> Result<Vec<Version>, PortError> {
        let versions = self.0.versions(conversation, target);
        versions.map_err(|fault| fault.at("store.versions (embedded)"))
    }

    async fn reactions(
        &self,
        conversation: ConversationId,
        target: Seq,
        after: Option<(UserId, String)>,
        limit: usize,
    ) -> Result<Vec<(UserId, String)>, PortError> {
        let reactions = self.0.reactions(conversation, target, after.as_ref(), limit);
        reactions.map_err(|fault| fault.at("store.reactions (embedded)"))
    }

    async fn own_reactions(
        &self,
        conversation: ConversationId,
        user: UserId,
        targets: &[Seq],
    ) -> Result<Vec<(Seq, String)>, PortError> {
        let reactions = self.0.own_reactions(conversation, user, targets);
        reactions.map_err(|fault| fault.at("store.own_reactions (embedded)"))
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Seq>, PortError> {
        let heads = conversations.iter().map(|id| Ok(self.0.meta(*id)?.map_or(0, |meta| meta.head)));
        heads.collect::<Result<_, Fault>>().map_err(|fault| fault.at("store.heads (embedded)"))
    }

    async fn position_token(&self) -> Result<String, PortError> {
        Ok(format!("{}:{:016x}:{}", self.0.epoch, self.0.instance, self.0.changed.lock().tick()))
    }

    async fn changed_since(&self, token: &str) -> Result<ChangedSince, PortError> {
        let prefix = format!("{}:{:016x}:", self.0.epoch, self.0.instance);
        let tick = token.strip_prefix(&prefix).and_then(|tick| tick.parse().ok());
        let changed = tick.and_then(|tick| self.0.changed.lock().since(tick));
        Ok(changed.map_or(ChangedSince::Unknown, ChangedSince::These))
    }

    async fn failures(&self, user: UserId) -> Result<Vec<Announcement>, PortError> {
        self.0.failures(user).map_err(|fault| fault.at("store.failures (embedded)"))
    }

    async fn record_failures(&self, failures: Vec<Announcement>) -> Result<(), PortError> {
        const OPERATION: &str = "store.record_failures (embedded)";
        self.0.check_running(OPERATION)?;
        if failures.is_empty() {
            return Ok(());
        }
        let record = Record::Failures(Failures { at: self.0.now_ms(), failures });
        self.0.change(record).await.map(drop).map_err(|fault| fault.at(OPERATION))
    }
}
