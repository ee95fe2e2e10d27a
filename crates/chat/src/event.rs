//! What happened in a conversation: events as announced, and rows as stored.
//! Invariant: the only places that hold a message's text are its row and its superseded versions, so that deleting
//! it erases it everywhere.

use serde::{Deserialize, Serialize};

use crate::{
    attachment::Attachment,
    conversation::{ConversationKind, Role},
    ids::{CommandId, ConversationId, MessageId, Seq, TimestampMs, UserId},
};

/// One entry of a conversation's log (D3). Carries the change, complete for a client that has all before it (D10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Whose log.
    pub conversation: ConversationId,
    /// Place in the log: contiguous from 1.
    pub seq: Seq,
    /// When the command was accepted.
    pub at: TimestampMs,
    /// Who did it.
    pub actor: UserId,
    /// The actor's id for the command that caused it.
    pub command_id: CommandId,
    /// What happened.
    pub kind: EventKind,
}

/// What can happen. Stored: variants and fields are only ever appended, see `docs/storage-format.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// The conversation began; always `seq` 1.
    Created {
        /// Direct, group or channel.
        kind: ConversationKind,
        /// Its title, if it has one.
        title: Option<String>,
        /// Its description, if it has one.
        description: Option<String>,
        /// The first members with their roles, the creator included.
        members: Vec<(UserId, Role)>,
    },
    /// A message was sent.
    Message {
        /// Markdown source as sent; empty once deleted.
        body: String,
        /// The message it answers.
        reply_to: Option<Seq>,
        /// Members it notifies.
        mentions: Vec<UserId>,
        /// Files shown with it.
        attachments: Vec<Attachment>,
    },
    /// A message's body was replaced. Stored without body and mentions: readers get those of the message as it is now.
    Edited {
        /// The message.
        target: Seq,
        /// The new body.
        body: String,
        /// Members it notifies now.
        mentions: Vec<UserId>,
    },
    /// A message was erased.
    Deleted {
        /// The message.
        target: Seq,
    },
    /// A reaction was added.
    Reacted {
        /// The message.
        target: Seq,
        /// The reaction.
        emoji: String,
    },
    /// A reaction was taken back.
    Unreacted {
        /// The message.
        target: Seq,
        /// The reaction.
        emoji: String,
    },
    /// Title or description changed; `None` means unchanged.
    Described {
        /// The new title.
        title: Option<String>,
        /// The new description.
        description: Option<String>,
    },
    /// People became members: by themselves when `users` is the actor alone, else added by the actor.
    MembersAdded {
        /// The new members.
        users: Vec<UserId>,
        /// Their role.
        role: Role,
    },
    /// Somebody's membership ended: by themselves when `user` is the actor, else removed by the actor.
    MemberRemoved {
        /// Whose.
        user: UserId,
    },
    /// A member has another role.
    RoleChanged {
        /// Whose.
        user: UserId,
        /// The new role.
        role: Role,
    },
}

/// One stored row of the log: the event and, for a message, its state as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The event; a message's body here is the current one.
    pub event: Event,
    /// Messages in the log up to and including this row: unread counts are differences of it (D9).
    pub ordinal: u64,
    /// Present for messages.
    pub message: Option<MessageState>,
}

/// What later events made of a message, besides its body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MessageState {
    /// `seq` of the event that changed it last: an event not above it is in here already (D10).
    pub rev: Seq,
    /// When it was last edited.
    pub edited_at: Option<TimestampMs>,
    /// How often it was edited.
    pub edits: u32,
    /// When it was deleted.
    pub deleted_at: Option<TimestampMs>,
    /// Who deleted it.
    pub deleted_by: Option<UserId>,
    /// Reactions with their counts, in the order of their first appearance.
    pub reactions: Vec<(String, u64)>,
}

/// A body that an edit replaced: the message's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The message.
    pub target: Seq,
    /// 0 is the body as first sent, 1 the first edit, …
    pub number: u32,
    /// When the message got this body.
    pub at: TimestampMs,
    /// The body that was replaced.
    pub body: String,
}

impl Event {
    /// The id of the message this event is, or is about.
    #[must_use]
    pub fn message_id(&self) -> Option<MessageId> {
        matches!(self.kind, EventKind::Message { .. })
            .then(|| MessageId::new(self.conversation, self.seq, self.at))
    }

    /// The event as it is stored: an edit's text lives in the message's row alone.
    #[must_use]
    pub fn for_log(&self) -> Event {
        let mut event = self.clone();
        if let EventKind::Edited { body, mentions, .. } = &mut event.kind {
            body.clear();
            mentions.clear();
        }
        event
    }
}

impl EventKind {
    /// The name on the wire and in logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Message { .. } => "message",
            Self::Edited { .. } => "edited",
            Self::Deleted { .. } => "deleted",
            Self::Reacted { .. } => "reacted",
            Self::Unreacted { .. } => "unreacted",
            Self::Described { .. } => "described",
            Self::MembersAdded { .. } => "membersAdded",
            Self::MemberRemoved { .. } => "memberRemoved",
            Self::RoleChanged { .. } => "roleChanged",
        }
    }

    /// The message the event changes, if it changes one.
    #[must_use]
    pub const fn target(&self) -> Option<Seq> {
        match self {
            Self::Edited { target, .. }
            | Self::Deleted { target }
            | Self::Reacted { target, .. }
            | Self::Unreacted { target, .. } => Some(*target),
            _ => None,
        }
    }
}

impl Row {
    /// The row of an event that has just been appended.
    #[must_use]
    pub fn of(event: &Event, ordinal: u64) -> Row {
        let message = matches!(event.kind, EventKind::Message { .. })
            .then(|| MessageState { rev: event.seq, ..MessageState::default() });
        Row { event: event.for_log(), ordinal, message }
    }

    /// Applies a later event to this message. Changes nothing when the event is in here already, is about another
    /// message, or comes after deletion (D10). Returns whether anything changed.
    pub fn apply(&mut self, change: &Event) -> bool {
        let Some(state) = self.message.as_mut() else { return false };
        if change.seq <= state.rev || change.kind.target() != Some(self.event.seq) {
            return false;
        }
        state.rev = change.seq;
        match &change.kind {
            EventKind::Edited { body, mentions, .. } => {
                state.edited_at = Some(change.at);
                state.edits += 1;
                set_text(&mut self.event.kind, body, mentions);
            }
            EventKind::Deleted { .. } => {
                state.deleted_at = Some(change.at);
                state.deleted_by = Some(change.actor);
                state.reactions.clear();
                erase(&mut self.event.kind);
            }
            EventKind::Reacted { emoji, .. } => state.count(emoji, true),
            EventKind::Unreacted { emoji, .. } => state.count(emoji, false),
            _ => {}
        }
        true
    }
}

impl MessageState {
    fn count(&mut self, emoji: &str, added: bool) {
        match self.reactions.iter().position(|(known, _)| known == emoji) {
            Some(at) if added => self.reactions[at].1 += 1,
            Some(at) if self.reactions[at].1 <= 1 => drop(self.reactions.remove(at)),
            Some(at) => self.reactions[at].1 -= 1,
            None if added => self.reactions.push((emoji.to_owned(), 1)),
            None => {}
        }
    }
}

fn set_text(kind: &mut EventKind, new_body: &str, new_mentions: &[UserId]) {
    if let EventKind::Message { body, mentions, .. } = kind {
        new_body.clone_into(body);
        new_mentions.clone_into(mentions);
    }
}

/// Leaves the tombstone: who, when and where, nothing of what was said.
fn erase(kind: &mut EventKind) {
    if let EventKind::Message { body, mentions, attachments, .. } = kind {
        body.clear();
        mentions.clear();
        attachments.clear();
    }
}
