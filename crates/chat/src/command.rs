//! What a client asks of a conversation, and the envelope that carries it through the queue.
//! A command says nothing of its effect: order, duplicates and permission are decided when it is applied.

use serde::{Deserialize, Serialize};

use crate::attachment::Attachment;
use crate::ids::{CommandId, ConversationId, Seq, TimestampMs, UserId};

/// One accepted command on its way to being applied. Everything its effect depends on is in here or in the
/// conversation it names, so that applying it again anywhere gives the same result (D2, D8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The queue's group: commands of one conversation are applied in the order they were accepted (D3).
    pub conversation: ConversationId,
    /// Who asks.
    pub actor: UserId,
    /// The actor's name for this command, unique for the actor in the conversation for ever (D2).
    pub command_id: CommandId,
    /// When it was accepted; becomes the event's time.
    pub accepted_at: TimestampMs,
    /// What is asked.
    pub command: Command,
}

/// What can be asked of a conversation. Stored in the journal: variants and fields are only ever appended,
/// see `docs/storage-format.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Send a message. `body` is Markdown source, kept as sent.
    Send {
        /// At most [`crate::limits::BODY_BYTES_MAX`] bytes.
        body: String,
        /// The message this one answers.
        reply_to: Option<Seq>,
        /// Members to notify; who is no member is left out when the command is applied.
        mentions: Vec<UserId>,
        /// Files to show with the message: claimed for it before the command is sent.
        attachments: Vec<Attachment>,
    },
    /// Replace the body of one's own message.
    Edit {
        /// The message.
        target: Seq,
        /// The new body.
        body: String,
        /// Members to notify.
        mentions: Vec<UserId>,
    },
    /// Erase a message; its place in the order stays.
    Delete {
        /// The message.
        target: Seq,
    },
    /// Add a reaction. Adding it twice changes nothing.
    React {
        /// The message.
        target: Seq,
        /// An emoji or short word.
        emoji: String,
    },
    /// Take a reaction back. Taking it back twice changes nothing.
    Unreact {
        /// The message.
        target: Seq,
        /// The reaction to take back.
        emoji: String,
    },
    /// Change title or description; `None` leaves as it is.
    Describe {
        /// New title.
        title: Option<String>,
        /// New description; empty removes it.
        description: Option<String>,
    },
    /// Become a member of a public channel.
    Join,
    /// Stop being a member.
    Leave,
    /// Make others members. Who is one already is left out.
    AddMembers {
        /// The new members.
        users: Vec<UserId>,
    },
    /// End somebody's membership.
    RemoveMember {
        /// Whose.
        user: UserId,
    },
    /// Give a member another role.
    SetRole {
        /// Whose.
        user: UserId,
        /// The new role.
        role: crate::conversation::Role,
    },
}

impl Command {
    /// The name used in logs, metrics and `dlq list`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Send { .. } => "sendMessage",
            Self::Edit { .. } => "editMessage",
            Self::Delete { .. } => "deleteMessage",
            Self::React { .. } => "react",
            Self::Unreact { .. } => "unreact",
            Self::Describe { .. } => "describe",
            Self::Join => "join",
            Self::Leave => "leave",
            Self::AddMembers { .. } => "addMembers",
            Self::RemoveMember { .. } => "removeMember",
            Self::SetRole { .. } => "setRole",
        }
    }

    /// The message the command is about, if it is about one that exists already.
    #[must_use]
    pub const fn target(&self) -> Option<Seq> {
        match self {
            Self::Edit { target, .. }
            | Self::Delete { target }
            | Self::React { target, .. }
            | Self::Unreact { target, .. } => Some(*target),
            _ => None,
        }
    }
}
