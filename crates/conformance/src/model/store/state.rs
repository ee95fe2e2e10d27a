//! What the model store holds: plain maps, one per kind of thing.
//! Invariant: nothing is kept twice, except the two indexes `usernames` and `pairs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chat::{
    Account, Announcement, AttachmentId, CommandId, ConversationId, ConversationPreferences, Epoch, Invite,
    InviteId, Membership, Meta, Preferences, Profile, Row, Seq, Session, SessionId, Upload, UserId, Version,
    account::SecretHash, attachment::Shown, change::MarkState,
};

/// Everything the store holds.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) epoch: Epoch,
    pub(super) accounts: BTreeMap<UserId, Account>,
    pub(super) usernames: BTreeMap<String, UserId>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) invites: BTreeMap<InviteId, Invite>,
    pub(super) profiles: BTreeMap<UserId, Profile>,
    pub(super) preferences: BTreeMap<UserId, Preferences>,
    pub(super) conversation_preferences: BTreeMap<(UserId, ConversationId), ConversationPreferences>,
    pub(super) uploads: BTreeMap<AttachmentId, Upload>,
    /// Where uploads are or were shown.
    pub(super) shown: BTreeMap<AttachmentId, Shown>,
    pub(super) conversations: BTreeMap<ConversationId, Conversation>,
    pub(super) pairs: BTreeMap<(UserId, UserId), ConversationId>,
    /// Requests to create conversations that were answered.
    pub(super) requests: BTreeMap<(UserId, CommandId), ConversationId>,
    pub(super) failures: BTreeMap<UserId, VecDeque<Announcement>>,
    /// Writes to logs so far; the token of `changed_since`.
    pub(super) position: u64,
    /// The last of them.
    pub(super) recent: VecDeque<(u64, ConversationId)>,
}

/// One conversation.
#[derive(Debug, Clone)]
pub(super) struct Conversation {
    pub(super) meta: Meta,
    pub(super) members: BTreeMap<UserId, Membership>,
    pub(super) rows: BTreeMap<Seq, Row>,
    pub(super) versions: BTreeMap<(Seq, u32), Version>,
    pub(super) reactions: BTreeSet<(Seq, UserId, String)>,
    pub(super) mentions: BTreeSet<(UserId, Seq)>,
    pub(super) commands: BTreeMap<(UserId, CommandId), Seq>,
    pub(super) marks: BTreeMap<UserId, MarkState>,
}

impl State {
    pub(super) fn new(epoch: Epoch) -> State {
        State {
            epoch,
            accounts: BTreeMap::new(),
            usernames: BTreeMap::new(),
            sessions: BTreeMap::new(),
            invites: BTreeMap::new(),
            profiles: BTreeMap::new(),
            preferences: BTreeMap::new(),
            conversation_preferences: BTreeMap::new(),
            uploads: BTreeMap::new(),
            shown: BTreeMap::new(),
            conversations: BTreeMap::new(),
            pairs: BTreeMap::new(),
            requests: BTreeMap::new(),
            failures: BTreeMap::new(),
            position: 0,
            recent: VecDeque::new(),
        }
    }

    pub(super) fn invite_by_code(&self, code_hash: &SecretHash) -> Option<&Invite> {
        self.invites.values().find(|invite| invite.code_hash == *code_hash)
    }

    pub(super) fn sessions_of(&self, user: UserId) -> impl Iterator<Item = &Session> {
        self.sessions.values().filter(move |session| session.user == user)
    }

    pub(super) fn conversations_of(
        &self,
        user: UserId,
    ) -> impl Iterator<Item = (ConversationId, &Conversation, Membership)> {
        self.conversations.iter().filter_map(move |(id, conversation)| {
            Some((*id, conversation, *conversation.members.get(&user)?))
        })
    }
}

impl Conversation {
    pub(super) fn new(meta: Meta) -> Conversation {
        Conversation {
            meta,
            members: BTreeMap::new(),
            rows: BTreeMap::new(),
            versions: BTreeMap::new(),
            reactions: BTreeSet::new(),
            mentions: BTreeSet::new(),
            commands: BTreeMap::new(),
            marks: BTreeMap::new(),
        }
    }

    /// Messages in the log up to and including `seq`.
    pub(super) fn ordinal(&self, seq: Seq) -> u64 {
        self.rows.range(..=seq).next_back().map_or(0, |(_, row)| row.ordinal)
    }

    pub(super) fn mark(&self, user: UserId) -> MarkState {
        self.marks.get(&user).copied().unwrap_or_default()
    }
}
