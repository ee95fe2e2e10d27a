//! Reading conversations, members, marks and unread counts.
//! Unread counts are made by the caller from what is returned here: messages, mark, joined ordinal (D9).

use chat::{
    ConversationId, Membership, Meta, UserId,
    change::MarkState,
    limits::{CONVERSATIONS_PER_USER_MAX, CONVERSATIONS_PER_USER_OVERRUN},
    ports::{ConversationEntry, MemberEntry},
};

use crate::{
    codec::{StoredMember, decode},
    core::Core,
    error::Fault,
    keys::{self, Keyspace},
    limits::MENTIONS_COUNTED_MAX,
};

/// Memberships of one account that are read.
const MEMBERSHIPS_MAX: usize = CONVERSATIONS_PER_USER_MAX + CONVERSATIONS_PER_USER_OVERRUN;

impl Core {
    pub(crate) fn mark(&self, id: ConversationId, user: UserId) -> Result<MarkState, Fault> {
        match self.engine.get(&keys::mark(id, user))? {
            Some(bytes) => decode("mark", &bytes),
            None => Ok(MarkState::default()),
        }
    }

    pub(crate) fn members(
        &self,
        id: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MemberEntry>, Fault> {
        let all = keys::members(id);
        let Some(first) = after.map_or(Some(0), |after| after.as_u128().checked_add(1)) else {
            return Ok(Vec::new());
        };
        let first = keys::member(id, UserId::from_u128(first));
        let mut members = Vec::new();
        for pair in self.engine.range::<&[u8], _>(&first[..]..) {
            let (key, value) = pair?;
            if members.len() >= limit || !key.starts_with(&all) {
                break;
            }
            let user = UserId::from_bytes(keys::id(&key, all.len()));
            let stored: StoredMember = decode("member", &value)?;
            members.push(MemberEntry { user, membership: stored.membership, mark: self.mark(id, user)? });
        }
        Ok(members)
    }

    pub(crate) fn memberships(&self, user: UserId) -> Result<Vec<(ConversationId, Meta, Membership)>, Fault> {
        let all = keys::memberships(user);
        let mut memberships = Vec::new();
        for pair in self.engine.prefix(&all).take(MEMBERSHIPS_MAX) {
            let (key, value) = pair?;
            let id = ConversationId::from_bytes(keys::id(&key, all.len()));
            let stored: StoredMember = decode("membership", &value)?;
            if let Some(meta) = self.meta(id)? {
                memberships.push((id, Meta::clone(&meta), stored.membership));
            }
        }
        Ok(memberships)
    }

    pub(crate) fn membership_count(&self, user: UserId) -> Result<usize, Fault> {
        let all = keys::memberships(user);
        self.engine.prefix(&all).take(MEMBERSHIPS_MAX).try_fold(0, |count, pair| pair.map(|_| count + 1))
    }

    pub(crate) fn entry(&self, user: UserId, id: ConversationId) -> Result<Option<ConversationEntry>, Fault> {
        let Some(member) = self.member(id, user)? else { return Ok(None) };
        let Some(meta) = self.meta(id)? else { return Ok(None) };
        let mark = self.mark(id, user)?;
        let last = if meta.last_message == 0 { None } else { self.row(id, meta.last_message)? };
        Ok(Some(ConversationEntry {
            conversation: id,
            mentions: self.mentions(user, id, mark.read.max(member.membership.joined_seq))?,
            meta: Meta::clone(&meta),
            membership: member.membership,
            mark,
            joined_ordinal: member.joined_ordinal,
            last,
            preferences: self.conversation_preferences(user, id)?,
        }))
    }

    /// Mentions after what is read, counted up to a bound.
    fn mentions(&self, user: UserId, id: ConversationId, read: u64) -> Result<u64, Fault> {
        let all = keys::mentions(user, id);
        let first = keys::mention(user, id, read.saturating_add(1));
        let mut count = 0;
        for pair in self.engine.range::<&[u8], _>(&first[..]..) {
            if count >= MENTIONS_COUNTED_MAX || !pair?.0.starts_with(&all) {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    pub(crate) fn channels(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, Fault> {
        let all = keys::Key::new(Keyspace::Channel);
        let Some(first) = after.map_or(Some(0), |after| after.as_u128().checked_add(1)) else {
            return Ok(Vec::new());
        };
        let first = keys::channel(ConversationId::from_u128(first));
        let mut channels = Vec::new();
        for pair in self.engine.range::<&[u8], _>(&first[..]..) {
            let key = pair?.0;
            if channels.len() >= limit || !key.starts_with(&all) {
                break;
            }
            let id = ConversationId::from_bytes(keys::id(&key, all.len()));
            if let Some(meta) = self.meta(id)? {
                channels.push((id, Meta::clone(&meta)));
            }
        }
        Ok(channels)
    }
}
