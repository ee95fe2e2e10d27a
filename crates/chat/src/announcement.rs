//! What nodes are told so that they can tell their sockets.
//! Only `Event` and `Failed` pass through the notifications queue; the rest is news that may be lost, because a client
//! that was away learns it by `sync` or by asking.

use serde::{Deserialize, Serialize};

use crate::{
    change::MarkState,
    event::Event,
    ids::{CommandId, ConversationId, Seq, SessionId, TimestampMs, UserId},
    refusal::Refusal,
};

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Announcement {
    /// To every member of the conversation, and to a member whom this event removes.
    Event {
        /// The event, complete.
        event: Box<Event>,
        /// Messages in the log up to and including it (D9).
        ordinal: u64,
    },
    /// To the sender: an accepted command came to nothing (D5).
    Failed {
        /// The sender.
        user: UserId,
        /// Where it was sent.
        conversation: ConversationId,
        /// The sender's id for it.
        command_id: CommandId,
        /// Why.
        refusal: Refusal,
    },
    /// A member's marks moved: to the other members of small conversations, and to the member's own devices.
    Marks {
        /// Where.
        conversation: ConversationId,
        /// Whose.
        user: UserId,
        /// To where.
        state: MarkState,
        /// To all members (true), or to the member's own devices and to subscribers (false).
        to_all: bool,
    },
    /// A member is typing: to the other members who are connected.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
    },
    /// Somebody came, went or is away: to who watches them.
    Presence {
        /// Who.
        user: UserId,
        /// How they are now.
        presence: Presence,
    },
    /// Sessions ended: their sockets are closed.
    SessionsEnded {
        /// Whose.
        user: UserId,
        /// Which.
        sessions: Vec<SessionId>,
    },
    /// An account was disabled, and sessions ended with it: their sockets are closed, and told why.
    AccountDisabled {
        /// Whose.
        user: UserId,
        /// Which.
        sessions: Vec<SessionId>,
    },
    /// Somebody's preferences changed: to their own devices.
    Preferences {
        /// Whose.
        user: UserId,
        /// Those of this conversation, or the general ones.
        conversation: Option<ConversationId>,
    },
}

/// Whether somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// Connected and active on some device.
    Online,
    /// Connected, active on no device.
    Away,
    /// Not connected.
    Offline {
        /// When they last were, if ever.
        last_seen: Option<TimestampMs>,
    },
}

impl Announcement {
    /// The conversation it belongs to, which is also its group in the notifications queue.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Event { event, .. } => Some(event.conversation),
            Self::Failed { conversation, .. }
            | Self::Marks { conversation, .. }
            | Self::Typing { conversation, .. } => Some(*conversation),
            Self::Presence { .. }
            | Self::SessionsEnded { .. }
            | Self::AccountDisabled { .. }
            | Self::Preferences { .. } => None,
        }
    }

    /// The place of the event it tells of.
    #[must_use]
    pub fn seq(&self) -> Option<Seq> {
        if let Self::Event { event, .. } = self { Some(event.seq) } else { None }
    }
}
