//! What happens outside a conversation's log: accounts, sessions, invitations, new conversations, read marks.
//! Like an [`crate::Envelope`], a change carries the time and random values its effect depends on (D8).

use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, AccountRole, Invite, RegistrationPolicy, SecretHash, Session},
    conversation::ConversationKind,
    event::Event,
    ids::{CommandId, ConversationId, InviteId, Seq, SessionId, TimestampMs, UserId},
    refusal::Refusal,
};

/// One change. Applied atomically and at once: who asked waits for its outcome. Applying a change again when nothing
/// came between leaves everything as it is. Stored: variants and fields are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Register. Refused when the name is taken or the policy says no; the role in `account` is set by the rule.
    CreateAccount {
        /// The account to make.
        account: Account,
        /// The invitation used.
        invite: Option<SecretHash>,
        /// The policy in force when it was asked.
        policy: RegistrationPolicy,
    },
    /// Change the name others see.
    SetDisplayName {
        /// Whose.
        user: UserId,
        /// The new name.
        display_name: String,
    },
    /// Change a password and end all other sessions.
    SetPassword {
        /// Whose.
        user: UserId,
        /// The new hash, PHC format.
        password_hash: String,
        /// The session that stays.
        keep: Option<SessionId>,
    },
    /// Give an account another role.
    SetAccountRole {
        /// Whose.
        user: UserId,
        /// The new role.
        role: AccountRole,
    },
    /// Disable an account and end its sessions, or enable it again.
    SetDisabled {
        /// Whose.
        user: UserId,
        /// Disabled since, or `None`.
        at: Option<TimestampMs>,
    },
    /// Log in. Above [`crate::limits::SESSIONS_PER_USER_MAX`] the oldest session ends.
    CreateSession(Session),
    /// Log out one session.
    RevokeSession {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// Invite.
    CreateInvite(Invite),
    /// Take an invitation back.
    RevokeInvite(InviteId),
    /// Begin a conversation. For a pair that has a direct conversation already, and for a request made before, the
    /// outcome is the conversation there is.
    CreateConversation {
        /// Id to give it.
        conversation: ConversationId,
        /// Who begins it; becomes its owner, except in direct conversations.
        creator: UserId,
        /// The creator's id for this request (`Idempotency-Key`).
        request: CommandId,
        /// When.
        at: TimestampMs,
        /// Direct, group or channel.
        kind: ConversationKind,
        /// Title.
        title: Option<String>,
        /// Description.
        description: Option<String>,
        /// The other members.
        members: Vec<UserId>,
    },
    /// Move read and delivered marks forward; a mark behind the current one changes nothing.
    Mark(Vec<Mark>),
    /// People were connected until then.
    Seen(Vec<(UserId, TimestampMs)>),
    /// Hash a password again that stays the same, because the parameters have changed. Ends no session, and changes
    /// nothing if another password was set meanwhile.
    RenewPasswordHash {
        /// Whose.
        user: UserId,
        /// The hash that the password was checked against.
        verified_hash: String,
        /// The new hash of the same password, PHC format.
        password_hash: String,
    },
}

/// A watermark of one member in one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MarkState {
    /// Everything up to here is read.
    pub read: Seq,
    /// Messages up to `read`: the row's ordinal (D9).
    pub read_ordinal: u64,
    /// Everything up to here has arrived on a device.
    pub delivered: Seq,
}

/// A request to move marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Where.
    pub conversation: ConversationId,
    /// Whose.
    pub user: UserId,
    /// Read up to here; never above the head, which the caller checks.
    pub read: Option<Seq>,
    /// Delivered up to here.
    pub delivered: Option<Seq>,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// It is so now.
    Done,
    /// A rule said no.
    Refused(Refusal),
    /// The account as made.
    Account(Box<Account>),
    /// The sessions that ended with it, so that their sockets can be closed.
    Ended(Vec<SessionId>),
    /// The conversation: `created` is its first event, or `None` when it existed before.
    Conversation {
        /// Which.
        conversation: ConversationId,
        /// To announce.
        created: Option<Box<Event>>,
    },
    /// The marks as they are now, in the order asked; `moved` tells which of them changed.
    Marks(Vec<(Mark, MarkState, bool)>),
}
