//! What happens outside a conversation's log: accounts, sessions, invitations, new conversations, read marks,
//! preferences, uploads.
//! Like an [`crate::Envelope`], a change carries the time and random values its effect depends on (D8).

use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, AccountRole, Invite, RegistrationPolicy, SecretHash, Session},
    attachment::{Attachment, Claim, Upload},
    conversation::ConversationKind,
    event::Event,
    ids::{AttachmentId, AvatarId, CommandId, ConversationId, InviteId, Seq, SessionId, TimestampMs, UserId},
    profile::{
        ConversationPreferences, ConversationPreferencesPatch, Preferences, PreferencesPatch, Profile,
    },
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
    /// Say how one is.
    SetStatus {
        /// Who.
        user: UserId,
        /// An emoji; none removes it.
        emoji: Option<String>,
        /// A few words; none removes them.
        text: Option<String>,
    },
    /// Another picture, or none.
    SetAvatar {
        /// Whose.
        user: UserId,
        /// Which.
        avatar: Option<AvatarId>,
    },
    /// Change how one wants the app to be.
    SetPreferences {
        /// Who.
        user: UserId,
        /// What changes.
        patch: PreferencesPatch,
    },
    /// Change how one wants a conversation to be.
    SetConversationPreferences {
        /// Who.
        user: UserId,
        /// Where.
        conversation: ConversationId,
        /// What changes.
        patch: ConversationPreferencesPatch,
    },
    /// A file has been uploaded. Refused above the bounds of unsent uploads.
    AddUpload(Upload),
    /// Keep uploads for a command, before it is sent: the first command that names an upload has it for good, so that
    /// no two messages show it (D2). All or none.
    ClaimUploads {
        /// The sender: only one's own uploads can be claimed.
        user: UserId,
        /// The sender's name for the command, and where it is going.
        claim: Claim,
        /// Which.
        attachments: Vec<AttachmentId>,
    },
    /// Forget uploads whose bytes are gone.
    RemoveUploads(Vec<AttachmentId>),
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
    /// What is known of the files claimed, in the order asked.
    Claimed(Vec<Attachment>),
    /// What others see of somebody now.
    Profile(Box<Profile>),
    /// The preferences as they are now.
    Preferences(Box<Preferences>),
    /// The preferences of a conversation as they are now.
    ConversationPreferences(ConversationPreferences),
}
