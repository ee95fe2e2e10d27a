//! Everything a home holds, as records that any other home can take in: what it is, never how anybody stores it.
//! Invariant: a record is whole by itself, so that records can be taken in in any order, and twice.

use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, Invite, Session},
    announcement::Announcement,
    attachment::{Shown, Upload},
    change::MarkState,
    command::Envelope,
    conversation::{Membership, Meta},
    event::{Row, Version},
    ids::{CommandId, ConversationId, Seq, TimestampMs, UserId},
    profile::{ConversationPreferences, Preferences, Profile},
};

/// One record. Written to folders that outlive programs: variants are only ever appended, structs never gain a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Portable {
    /// Somebody, with all that is theirs alone.
    Person(Box<PortablePerson>),
    /// An invitation that is still there.
    Invite(Invite),
    /// A file, and where it is shown.
    Upload {
        /// The file.
        upload: Upload,
        /// The message that shows it, if one does or did.
        shown: Option<Shown>,
    },
    /// What a conversation is.
    Conversation {
        /// Which.
        conversation: ConversationId,
        /// What it is.
        meta: Meta,
        /// Its creator's name for the request that began it (D2).
        request: CommandId,
    },
    /// Some members of a conversation.
    Members {
        /// Which.
        conversation: ConversationId,
        /// They.
        members: Vec<PortableMember>,
    },
    /// A piece of a log without a gap, ascending. The rows also say which command became which event (D2), and who is
    /// mentioned.
    Rows {
        /// Whose log.
        conversation: ConversationId,
        /// Rows as they are now; an edit's without its text, which is that of its message.
        rows: Vec<Row>,
        /// `seq` of the last message of the log up to the last row, 0 while there is none.
        last_message: Seq,
    },
    /// Superseded bodies of messages.
    Versions {
        /// Where.
        conversation: ConversationId,
        /// They.
        versions: Vec<Version>,
    },
    /// Who reacted how.
    Reactions {
        /// Where.
        conversation: ConversationId,
        /// Message, person, reaction.
        reactions: Vec<(Seq, UserId, String)>,
    },
    /// A command that was given up (D5).
    Letter(Box<PortableLetter>),
}

/// Somebody, with all that is theirs alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortablePerson {
    /// The account.
    pub account: Account,
    /// What others see besides the name.
    pub profile: Profile,
    /// How they want the app to be.
    pub preferences: Preferences,
    /// Their logins: whoever holds a token goes on with it.
    pub sessions: Vec<Session>,
    /// What no list of the store tells.
    pub kept: Kept,
}

/// What somebody keeps that no list of the store tells whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kept {
    /// How they want conversations to be, those that they have left included.
    pub conversations: Vec<(ConversationId, ConversationPreferences)>,
    /// Failures that they may not have heard of, with when that was, oldest first.
    pub failures: Vec<(TimestampMs, Announcement)>,
}

/// A member with everything that is arithmetic's input (D9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortableMember {
    /// Who.
    pub user: UserId,
    /// Their membership.
    pub membership: Membership,
    /// Messages in the log when it began.
    pub joined_ordinal: u64,
    /// Their marks.
    pub mark: MarkState,
}

/// A dead letter of the queue of commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortableLetter {
    /// 1, 2, 3… within one export: what keeps letters apart where each home names them its own way.
    pub number: u64,
    /// The command.
    pub envelope: Envelope,
    /// Why it was given up.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed first.
    pub first_failed_at: TimestampMs,
    /// When it was given up.
    pub last_failed_at: TimestampMs,
}

impl Portable {
    /// The kind's name, in the plural, for people.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Person(_) => "people",
            Self::Invite(_) => "invitations",
            Self::Upload { .. } => "files",
            Self::Conversation { .. } => "conversations",
            Self::Members { .. } => "members",
            Self::Rows { .. } => "events",
            Self::Versions { .. } => "versions",
            Self::Reactions { .. } => "reactions",
            Self::Letter(_) => "dead letters",
        }
    }

    /// How many things of its kind it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Person(_)
            | Self::Invite(_)
            | Self::Upload { .. }
            | Self::Conversation { .. }
            | Self::Letter(_) => 1,
            Self::Members { members, .. } => members.len(),
            Self::Rows { rows, .. } => rows.len(),
            Self::Versions { versions, .. } => versions.len(),
            Self::Reactions { reactions, .. } => reactions.len(),
        }
    }
}
