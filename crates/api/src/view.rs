//! What clients see of what is stored.
//! Invariant: no view holds a password hash, a token hash or a session that is not the reader's own (D7).

use std::borrow::Cow;

use chat::{
    Account, ConversationId, Invite, Meta, Profile, Row, Session, SessionId, UserId,
    ports::{ConversationEntry, MemberEntry},
    unread::{mark_of, unread},
};
use protocol::{
    Time,
    frame::event::{Attachment, ChatEvent, Detail, Message, ReactionCount},
    http::{
        account::{AccountBody, InviteItem, SessionItem, UserItem},
        admin::{AdminConversationItem, AdminUserItem},
        conversation::{ChannelItem, ConversationItem, MemberItem},
        preferences::UserStatus,
    },
};

pub(crate) fn own_account(account: &Account, profile: &Profile) -> AccountBody {
    AccountBody {
        user_id: account.user,
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        role: account.role.into(),
        created_at: Time::from_ms(account.created_at),
        status: UserStatus::of(profile),
        avatar: avatar(profile),
    }
}

/// The version of somebody's picture.
fn avatar(profile: &Profile) -> Option<String> {
    profile.avatar.map(|avatar| avatar.to_string())
}

pub(crate) fn user(account: &Account, profile: &Profile) -> UserItem {
    UserItem {
        user_id: account.user,
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        disabled: account.disabled_at.is_some(),
        status: UserStatus::of(profile),
        avatar: avatar(profile),
    }
}

pub(crate) fn admin_user(account: &Account, profile: &Profile) -> AdminUserItem {
    AdminUserItem {
        user_id: account.user,
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        role: account.role.into(),
        created_at: Time::from_ms(account.created_at),
        disabled_at: account.disabled_at.map(Time::from_ms),
        seen_at: account.seen_at.map(Time::from_ms),
        status: UserStatus::of(profile),
        avatar: avatar(profile),
    }
}

pub(crate) fn admin_conversation(conversation: ConversationId, meta: &Meta) -> AdminConversationItem {
    AdminConversationItem {
        conversation_id: conversation,
        kind: meta.kind.into(),
        title: meta.title.clone(),
        member_count: meta.members,
        head_seq: meta.head,
        created_at: Time::from_ms(meta.created_at),
        active_at: Time::from_ms(meta.active_at),
    }
}

pub(crate) fn session(session: &Session, current: SessionId) -> SessionItem {
    SessionItem {
        session_id: session.session,
        current: session.session == current,
        agent: session.agent.clone(),
        created_at: Time::from_ms(session.created_at),
        expires_at: Time::from_ms(session.expires_at),
    }
}

pub(crate) fn invite(invite: &Invite) -> InviteItem {
    InviteItem {
        invite_id: invite.invite,
        created_by: invite.created_by,
        created_at: Time::from_ms(invite.created_at),
        expires_at: Time::from_ms(invite.expires_at),
        uses_left: invite.uses_left,
    }
}

pub(crate) fn conversation(entry: &ConversationEntry, reader: UserId) -> ConversationItem {
    let meta = &entry.meta;
    let mark = mark_of(reader, entry.mark, entry.last.as_ref());
    ConversationItem {
        conversation_id: entry.conversation,
        kind: meta.kind.into(),
        title: meta.title.clone(),
        description: meta.description.clone(),
        head_seq: meta.head,
        read_seq: mark.read,
        delivered_seq: mark.delivered.max(mark.read),
        unread: unread(meta.messages, mark, entry.joined_ordinal),
        mentions: entry.mentions,
        last_event: entry.last.as_ref().and_then(last_message),
        role: entry.membership.role.into(),
        member_count: meta.members,
        member_ids: meta.pair.map(|(one, two)| vec![one, two]),
        created_at: Time::from_ms(meta.created_at),
        active_at: Time::from_ms(meta.active_at),
        preferences: entry.preferences.into(),
    }
}

/// The last message, on its own feet: the list outlives the rows it was made from.
fn last_message(row: &Row) -> Option<ChatEvent<'static>> {
    let event = ChatEvent::of_row(row, &[]);
    let Detail::Message(message) = event.detail else { return None };
    let reactions = message.reactions.into_iter();
    Some(ChatEvent {
        detail: Detail::Message(Message {
            body: owned(message.body),
            mentions: owned(message.mentions),
            attachments: message.attachments.into_iter().map(Attachment::into_owned).collect(),
            reactions: reactions.map(|one| ReactionCount { emoji: owned(one.emoji), ..one }).collect(),
            ..message
        }),
        ..event
    })
}

fn owned<T: ToOwned + ?Sized>(text: Cow<'_, T>) -> Cow<'static, T> {
    Cow::Owned(text.into_owned())
}

pub(crate) fn channel(conversation: ConversationId, meta: &Meta, joined: bool) -> ChannelItem {
    ChannelItem {
        conversation_id: conversation,
        title: meta.title.clone().unwrap_or_default(),
        description: meta.description.clone(),
        member_count: meta.members,
        joined,
        created_at: Time::from_ms(meta.created_at),
        active_at: Time::from_ms(meta.active_at),
    }
}

pub(crate) fn member(entry: &MemberEntry) -> MemberItem {
    MemberItem {
        user_id: entry.user,
        role: entry.membership.role.into(),
        joined_at: Time::from_ms(entry.membership.joined_at),
        read_seq: entry.mark.read,
        delivered_seq: entry.mark.delivered.max(entry.mark.read),
    }
}
