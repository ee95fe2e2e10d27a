//! The store port in memory, written to be read: what every other store must do, in the fewest words.
//! Does not know of faults; those are added around it by `faulty`.

mod changes;
mod log;
mod profiles;
mod state;
mod uploads;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chat::{
    Account, Announcement, AttachmentId, Change, ChangeOutcome, ConversationId, ConversationKind, Epoch,
    Invite, Membership, Meta, Needs, Preferences, Profile, Row, Seq, Session, UserId, Version, View,
    account::{SecretHash, username_key},
    ports::{
        Append, AppendOutcome, ChangedSince, ConversationEntry, EventsPage, EventsQuery, MemberEntry,
        PortError, Store, StoreCapabilities, UploadEntry,
    },
};

use self::state::State;
use crate::limits::{APPEND_CONVERSATIONS_MAX, FAILURES_PER_USER_MAX, MENTIONS_COUNTED_MAX};

/// A store in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct ModelStore {
    state: Arc<Mutex<State>>,
    append_max: usize,
}

impl ModelStore {
    /// An empty store.
    #[must_use]
    pub fn new(epoch: Epoch) -> ModelStore {
        ModelStore { state: Arc::new(Mutex::new(State::new(epoch))), append_max: APPEND_CONVERSATIONS_MAX }
    }

    /// Takes fewer conversations in one append.
    #[must_use]
    pub fn with_append_max(mut self, append_max: usize) -> ModelStore {
        self.append_max = append_max;
        self
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for ModelStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities { replayable: false, append_max: self.append_max, reads_own_writes: true }
    }

    fn epoch(&self) -> Epoch {
        self.lock().epoch
    }

    async fn change(&self, change: Change) -> Result<ChangeOutcome, PortError> {
        Ok(changes::apply(&mut self.lock(), change))
    }

    async fn load(&self, needs: Vec<(ConversationId, Needs)>) -> Result<Vec<View>, PortError> {
        let state = self.lock();
        Ok(needs.iter().map(|(conversation, needs)| log::load(&state, *conversation, needs)).collect())
    }

    async fn append(&self, appends: Vec<Append>) -> Result<Vec<AppendOutcome>, PortError> {
        if appends.len() > self.append_max {
            let kind = chat::ports::ErrorKind::Invalid;
            return Err(PortError::new(kind, "model.store.append (too many conversations)"));
        }
        let mut state = self.lock();
        Ok(appends.into_iter().map(|append| log::append(&mut state, append)).collect())
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, PortError> {
        Ok(self.lock().accounts.get(&user).cloned())
    }

    async fn account_by_username(&self, username: &str) -> Result<Option<Account>, PortError> {
        let state = self.lock();
        let user = state.usernames.get(&username_key(username));
        Ok(user.and_then(|user| state.accounts.get(user)).cloned())
    }

    async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, PortError> {
        let state = self.lock();
        let (prefix, after) = (username_key(prefix), after.map(username_key));
        let names = state.usernames.iter().filter(|(name, _)| {
            name.starts_with(&prefix) && after.as_ref().is_none_or(|after| *name > after)
        });
        Ok(names.take(limit).filter_map(|(_, user)| state.accounts.get(user)).cloned().collect())
    }

    async fn has_accounts(&self) -> Result<bool, PortError> {
        Ok(!self.lock().accounts.is_empty())
    }

    async fn session_by_token(&self, hash: &SecretHash) -> Result<Option<Session>, PortError> {
        Ok(self.lock().sessions.values().find(|session| session.token_hash == *hash).cloned())
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, PortError> {
        Ok(self.lock().sessions_of(user).cloned().collect())
    }

    async fn invites(&self, limit: usize) -> Result<Vec<Invite>, PortError> {
        let mut invites: Vec<Invite> = self.lock().invites.values().cloned().collect();
        invites.sort_by_key(|invite| std::cmp::Reverse((invite.created_at, invite.invite)));
        invites.truncate(limit);
        Ok(invites)
    }

    async fn profiles(&self, users: &[UserId]) -> Result<Vec<Profile>, PortError> {
        let state = self.lock();
        Ok(users.iter().map(|user| state.profiles.get(user).cloned().unwrap_or_default()).collect())
    }

    async fn preferences(&self, user: UserId) -> Result<Preferences, PortError> {
        Ok(self.lock().preferences.get(&user).cloned().unwrap_or_default())
    }

    async fn upload(&self, attachment: AttachmentId) -> Result<Option<UploadEntry>, PortError> {
        Ok(uploads::entry(&self.lock(), attachment))
    }

    async fn loose_uploads(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<UploadEntry>, PortError> {
        Ok(uploads::loose(&self.lock(), after, limit))
    }

    async fn conversations(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError> {
        let state = self.lock();
        let all = state.conversations.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        Ok(all.take(limit).map(|(id, held)| (*id, held.meta.clone())).collect())
    }

    async fn conversation(&self, conversation: ConversationId) -> Result<Option<Meta>, PortError> {
        Ok(self.lock().conversations.get(&conversation).map(|held| held.meta.clone()))
    }

    async fn member(
        &self,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<Option<Membership>, PortError> {
        Ok(self.lock().conversations.get(&conversation).and_then(|held| held.members.get(&user)).copied())
    }

    async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MemberEntry>, PortError> {
        let state = self.lock();
        let Some(held) = state.conversations.get(&conversation) else { return Ok(Vec::new()) };
        let members = held.members.iter().filter(|(user, _)| after.is_none_or(|after| **user > after));
        let entry = |(user, membership): (&UserId, &Membership)| MemberEntry {
            user: *user,
            membership: *membership,
            mark: held.mark(*user),
        };
        Ok(members.take(limit).map(entry).collect())
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<(ConversationId, Meta, Membership)>, PortError> {
        let state = self.lock();
        let own = state.conversations_of(user);
        Ok(own.map(|(id, held, membership)| (id, held.meta.clone(), membership)).collect())
    }

    async fn membership_count(&self, user: UserId) -> Result<usize, PortError> {
        Ok(self.lock().conversations_of(user).count())
    }

    async fn entries(
        &self,
        user: UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ConversationEntry>, PortError> {
        let state = self.lock();
        Ok(conversations.iter().filter_map(|conversation| entry(&state, user, *conversation)).collect())
    }

    async fn channels(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError> {
        let state = self.lock();
        let channels = state.conversations.iter().filter(|(id, held)| {
            held.meta.kind == ConversationKind::Channel && after.is_none_or(|after| **id > after)
        });
        Ok(channels.take(limit).map(|(id, held)| (*id, held.meta.clone())).collect())
    }

    async fn events(
        &self,
        conversation: ConversationId,
        query: EventsQuery,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<EventsPage, PortError> {
        let state = self.lock();
        let held = state.conversations.get(&conversation);
        Ok(held.map(|held| log::page(held, query, rows_max, bytes_max)).unwrap_or_default())
    }

    async fn row(&self, conversation: ConversationId, seq: Seq) -> Result<Option<Row>, PortError> {
        let state = self.lock();
        let Some(held) = state.conversations.get(&conversation) else { return Ok(None) };
        Ok(held.rows.get(&seq).map(|row| log::with_text_of_now(held, row.clone())))
    }

    async fn versions(&self, conversation: ConversationId, target: Seq) -> Result<Vec<Version>, PortError> {
        let state = self.lock();
        let Some(held) = state.conversations.get(&conversation) else { return Ok(Vec::new()) };
        Ok(held
            .versions
            .range((target, 0)..=(target, u32::MAX))
            .map(|(_, version)| version.clone())
            .collect())
    }

    async fn reactions(
        &self,
        conversation: ConversationId,
        target: Seq,
        after: Option<(UserId, String)>,
        limit: usize,
    ) -> Result<Vec<(UserId, String)>, PortError> {
        let state = self.lock();
        let Some(held) = state.conversations.get(&conversation) else { return Ok(Vec::new()) };
        let of_target = held.reactions.iter().filter(|(seq, ..)| *seq == target);
        let pairs = of_target.map(|(_, user, emoji)| (*user, emoji.clone()));
        Ok(pairs.filter(|pair| after.as_ref().is_none_or(|after| pair > after)).take(limit).collect())
    }

    async fn own_reactions(
        &self,
        conversation: ConversationId,
        user: UserId,
        targets: &[Seq],
    ) -> Result<Vec<(Seq, String)>, PortError> {
        let state = self.lock();
        let Some(held) = state.conversations.get(&conversation) else { return Ok(Vec::new()) };
        let own = held.reactions.iter().filter(|(seq, who, _)| *who == user && targets.contains(seq));
        Ok(own.map(|(seq, _, emoji)| (*seq, emoji.clone())).collect())
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Seq>, PortError> {
        let state = self.lock();
        let head = |id: &ConversationId| state.conversations.get(id).map_or(0, |held| held.meta.head);
        Ok(conversations.iter().map(head).collect())
    }

    async fn position_token(&self) -> Result<String, PortError> {
        let state = self.lock();
        Ok(format!("{}:{}", state.epoch, state.position))
    }

    async fn changed_since(&self, token: &str) -> Result<ChangedSince, PortError> {
        let state = self.lock();
        Ok(since(&state, token).map_or(ChangedSince::Unknown, ChangedSince::These))
    }

    async fn failures(&self, user: UserId) -> Result<Vec<Announcement>, PortError> {
        Ok(self.lock().failures.get(&user).map(|kept| kept.iter().cloned().collect()).unwrap_or_default())
    }

    async fn record_failures(&self, failures: Vec<Announcement>) -> Result<(), PortError> {
        let mut state = self.lock();
        for failure in failures {
            let Announcement::Failed { user, .. } = &failure else { continue };
            let kept = state.failures.entry(*user).or_default();
            if !kept.contains(&failure) {
                kept.push_back(failure);
            }
            if kept.len() > FAILURES_PER_USER_MAX {
                kept.pop_front();
            }
        }
        Ok(())
    }
}

fn entry(state: &State, user: UserId, conversation: ConversationId) -> Option<ConversationEntry> {
    let held = state.conversations.get(&conversation)?;
    let membership = *held.members.get(&user)?;
    let mark = held.mark(user);
    let unread_from = mark.read.max(membership.joined_seq);
    let last = held.rows.get(&held.meta.last_message).cloned();
    let mentions = log::mentions_after(held, user, unread_from).min(MENTIONS_COUNTED_MAX);
    Some(ConversationEntry {
        conversation,
        meta: held.meta.clone(),
        membership,
        mark,
        joined_ordinal: held.ordinal(membership.joined_seq),
        mentions: mentions as u64,
        last,
        preferences: state.conversation_preferences.get(&(user, conversation)).copied().unwrap_or_default(),
    })
}

/// Conversations written to after the token, with their heads; `None` when the token cannot tell.
fn since(state: &State, token: &str) -> Option<Vec<(ConversationId, Seq)>> {
    let (epoch, position) = token.rsplit_once(':')?;
    let position: u64 = position.parse().ok()?;
    let oldest = state.recent.front().map_or(state.position + 1, |(position, _)| *position);
    if epoch.parse() != Ok(state.epoch) || position > state.position || position + 1 < oldest {
        return None;
    }
    let written = state.recent.iter().filter(|(at, _)| *at > position);
    let heads: BTreeMap<ConversationId, Seq> =
        written.filter_map(|(_, id)| Some((*id, state.conversations.get(id)?.meta.head))).collect();
    Some(heads.into_iter().collect())
}
