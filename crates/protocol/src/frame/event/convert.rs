//! chat's events and rows → the wire's, and back for clients written in Rust.
//! Invariant: there and back gives the same event (D10 holds through the wire).

use std::borrow::Cow;

use chat::{ConversationKind, Event, EventKind, MessageId, MessageState, Role, Row};

use super::{
    Attachment, ChatEvent, ConversationCreated, ConversationDescribed, Detail, FirstMember, Kind,
    MemberRemoved, MemberRole, MembersAdded, Message, MessageDeleted, MessageEdited, MessageReaction,
    ReactionCount, RoleChanged,
};
use crate::scalar::Time;

impl<'a> ChatEvent<'a> {
    /// An event that has just happened.
    #[must_use]
    pub fn of_event(event: &'a Event, ordinal: u64) -> ChatEvent<'a> {
        Self::new(event, ordinal, None, &[])
    }

    /// A row of the log, as it is now. `mine` are the reader's own reactions to it.
    #[must_use]
    pub fn of_row(row: &'a Row, mine: &[String]) -> ChatEvent<'a> {
        Self::new(&row.event, row.ordinal, row.message.as_ref(), mine)
    }

    fn new(
        event: &'a Event,
        ordinal: u64,
        state: Option<&'a MessageState>,
        mine: &[String],
    ) -> ChatEvent<'a> {
        ChatEvent {
            conversation_id: event.conversation,
            seq: event.seq,
            sender_id: event.actor,
            sent_at: Time::from_ms(event.at),
            client_message_id: event.command_id,
            ordinal,
            detail: detail(event, state, mine),
        }
    }

    /// The event as the chat knows it, with the body as it stands here.
    #[must_use]
    pub fn to_event(&self) -> Event {
        Event {
            conversation: self.conversation_id,
            seq: self.seq,
            at: self.sent_at.ms(),
            actor: self.sender_id,
            command_id: self.client_message_id,
            kind: self.detail.to_kind(),
        }
    }

    /// The row as the chat knows it.
    #[must_use]
    pub fn to_row(&self) -> Row {
        let mut row = Row::of(&self.to_event(), self.ordinal);
        if let Detail::Edited(edited) = &self.detail
            && let EventKind::Edited { body, mentions, .. } = &mut row.event.kind
        {
            edited.body.as_ref().clone_into(body);
            edited.mentions.as_ref().clone_into(mentions);
        }
        if let Detail::Message(message) = &self.detail {
            row.message = Some(MessageState {
                rev: message.rev,
                edited_at: message.edited_at.map(Time::ms),
                edits: message.edits,
                deleted_at: message.deleted_at.map(Time::ms),
                deleted_by: message.deleted_by,
                reactions: message.reactions.iter().map(|it| (it.emoji.to_string(), it.count)).collect(),
            });
        }
        row
    }

    /// The value as JSON, without a frame around it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: events have text keys and no failing members")
    }
}

fn detail<'a>(event: &'a Event, state: Option<&'a MessageState>, mine: &[String]) -> Detail<'a> {
    match &event.kind {
        EventKind::Created { kind, title, description, members } => Detail::Created(ConversationCreated {
            conversation_kind: (*kind).into(),
            title: title.as_deref().map(Cow::Borrowed),
            description: description.as_deref().map(Cow::Borrowed),
            members: members
                .iter()
                .map(|(user_id, role)| FirstMember { user_id: *user_id, role: (*role).into() })
                .collect(),
        }),
        EventKind::Message { body, reply_to, mentions, attachments } => Detail::Message(Message {
            message_id: MessageId::new(event.conversation, event.seq, event.at),
            body: body.into(),
            reply_to: *reply_to,
            mentions: mentions.into(),
            attachments: attachments.iter().map(Into::into).collect(),
            rev: state.map_or(event.seq, |state| state.rev),
            edited_at: state.and_then(|state| state.edited_at).map(Time::from_ms),
            edits: state.map_or(0, |state| state.edits),
            deleted_at: state.and_then(|state| state.deleted_at).map(Time::from_ms),
            deleted_by: state.and_then(|state| state.deleted_by),
            reactions: state.map(|state| reactions(state, mine)).unwrap_or_default(),
        }),
        EventKind::Edited { target, body, mentions } => {
            Detail::Edited(MessageEdited { target: *target, body: body.into(), mentions: mentions.into() })
        }
        EventKind::Deleted { target } => Detail::Deleted(MessageDeleted { target: *target }),
        EventKind::Reacted { target, emoji } => {
            Detail::Reacted(MessageReaction { target: *target, emoji: emoji.into() })
        }
        EventKind::Unreacted { target, emoji } => {
            Detail::Unreacted(MessageReaction { target: *target, emoji: emoji.into() })
        }
        EventKind::Described { title, description } => Detail::Described(ConversationDescribed {
            title: title.as_deref().map(Cow::Borrowed),
            description: description.as_deref().map(Cow::Borrowed),
        }),
        EventKind::MembersAdded { users, role } => {
            Detail::MembersAdded(MembersAdded { user_ids: users.into(), role: (*role).into() })
        }
        EventKind::MemberRemoved { user } => Detail::MemberRemoved(MemberRemoved { removed_user_id: *user }),
        EventKind::RoleChanged { user, role } => {
            Detail::RoleChanged(RoleChanged { member_id: *user, role: (*role).into() })
        }
    }
}

fn reactions<'a>(state: &'a MessageState, mine: &[String]) -> Vec<ReactionCount<'a>> {
    state
        .reactions
        .iter()
        .map(|(emoji, count)| ReactionCount {
            emoji: emoji.into(),
            count: *count,
            mine: mine.contains(emoji),
        })
        .collect()
}

impl Detail<'_> {
    fn to_kind(&self) -> EventKind {
        match self {
            Detail::Created(it) => EventKind::Created {
                kind: it.conversation_kind.into(),
                title: it.title.as_deref().map(str::to_owned),
                description: it.description.as_deref().map(str::to_owned),
                members: it.members.iter().map(|member| (member.user_id, member.role.into())).collect(),
            },
            Detail::Message(it) => EventKind::Message {
                body: it.body.to_string(),
                reply_to: it.reply_to,
                mentions: it.mentions.to_vec(),
                attachments: it.attachments.iter().map(Attachment::to_chat).collect(),
            },
            Detail::Edited(it) => EventKind::Edited {
                target: it.target,
                body: it.body.to_string(),
                mentions: it.mentions.to_vec(),
            },
            Detail::Deleted(it) => EventKind::Deleted { target: it.target },
            Detail::Reacted(it) => EventKind::Reacted { target: it.target, emoji: it.emoji.to_string() },
            Detail::Unreacted(it) => EventKind::Unreacted { target: it.target, emoji: it.emoji.to_string() },
            Detail::Described(it) => EventKind::Described {
                title: it.title.as_deref().map(str::to_owned),
                description: it.description.as_deref().map(str::to_owned),
            },
            Detail::MembersAdded(it) => {
                EventKind::MembersAdded { users: it.user_ids.to_vec(), role: it.role.into() }
            }
            Detail::MemberRemoved(it) => EventKind::MemberRemoved { user: it.removed_user_id },
            Detail::RoleChanged(it) => EventKind::RoleChanged { user: it.member_id, role: it.role.into() },
        }
    }
}

impl From<ConversationKind> for Kind {
    fn from(kind: ConversationKind) -> Self {
        match kind {
            ConversationKind::Direct => Kind::Direct,
            ConversationKind::Group => Kind::Group,
            ConversationKind::Channel => Kind::Channel,
        }
    }
}

impl From<Kind> for ConversationKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Direct => ConversationKind::Direct,
            Kind::Group => ConversationKind::Group,
            Kind::Channel => ConversationKind::Channel,
        }
    }
}

impl From<Role> for MemberRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Member => MemberRole::Member,
            Role::Admin => MemberRole::Admin,
            Role::Owner => MemberRole::Owner,
        }
    }
}

impl From<MemberRole> for Role {
    fn from(role: MemberRole) -> Self {
        match role {
            MemberRole::Member => Role::Member,
            MemberRole::Admin => Role::Admin,
            MemberRole::Owner => Role::Owner,
        }
    }
}
