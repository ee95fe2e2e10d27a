//! Random commands for the property tests: any actor, any target, every kind of command.
//! Small alphabets on purpose, so that commands meet each other.

use chat::{
    Attachment, AttachmentId, Command, CommandId, ConversationId, ConversationKind, Effects, Envelope, Role,
    UserId, View,
};
use proptest::prelude::*;

/// People there are: few, so that everybody meets everybody.
pub(crate) const USERS: u128 = 4;
/// The one conversation.
pub(crate) const CONVERSATION: ConversationId = ConversationId::from_u128(0xc0);

fn user() -> impl Strategy<Value = UserId> {
    (1..=USERS).prop_map(UserId::from_u128)
}

fn users() -> impl Strategy<Value = Vec<UserId>> {
    prop::collection::vec(user(), 0..3)
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Member), Just(Role::Admin), Just(Role::Owner)]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just("a".to_owned()), Just("b".to_owned()), "[a-z]{1,8}"]
}

/// Any command.
pub(crate) fn command() -> impl Strategy<Value = Command> {
    let target = 2_u64..14;
    let emoji = prop_oneof![3 => Just("x".to_owned()), 1 => Just("y".to_owned())];
    prop_oneof![
        8 => (text(), prop::option::weighted(0.2, target.clone()), users(), prop::collection::vec(0_u128..3, 0..2))
            .prop_map(|(body, reply_to, mentions, files)| Command::Send {
                body,
                reply_to,
                mentions,
                attachments: files.into_iter().map(AttachmentId::from_u128).map(Attachment::named).collect(),
            }),
        4 => (target.clone(), text(), users())
            .prop_map(|(target, body, mentions)| Command::Edit { target, body, mentions }),
        2 => target.clone().prop_map(|target| Command::Delete { target }),
        4 => (target.clone(), emoji.clone()).prop_map(|(target, emoji)| Command::React { target, emoji }),
        4 => (target, emoji).prop_map(|(target, emoji)| Command::Unreact { target, emoji }),
        1 => (prop::option::of(text()), prop::option::of("[a-z]{0,3}"))
            .prop_map(|(title, description)| Command::Describe { title, description }),
        1 => Just(Command::Join),
        1 => Just(Command::Leave),
        2 => users().prop_map(|users| Command::AddMembers { users }),
        1 => user().prop_map(|user| Command::RemoveMember { user }),
        2 => (user(), role()).prop_map(|(user, role)| Command::SetRole { user, role }),
    ]
}

/// Any command of anybody, some of them sent before.
pub(crate) fn envelopes(count: usize) -> impl Strategy<Value = Vec<Envelope>> {
    let one = (user(), command(), 0_u128..40);
    prop::collection::vec(one, 1..count).prop_map(|commands| {
        let envelope = |(number, (actor, command, id)): (usize, (UserId, Command, u128))| Envelope {
            conversation: CONVERSATION,
            actor,
            command_id: CommandId::from_u128(id),
            accepted_at: 1_000 + number as u64,
            command,
        };
        commands.into_iter().enumerate().map(envelope).collect()
    })
}

/// The kinds in which commands of all sorts can succeed, and direct conversations.
pub(crate) fn kind() -> impl Strategy<Value = ConversationKind> {
    prop_oneof![
        1 => Just(ConversationKind::Direct),
        4 => Just(ConversationKind::Group),
        4 => Just(ConversationKind::Channel),
    ]
}

/// The beginning of the conversation: its first two people.
pub(crate) fn creation(kind: ConversationKind) -> Effects {
    let creator = (UserId::from_u128(1), CommandId::from_u128(99));
    let role = if kind == ConversationKind::Direct { Role::Member } else { Role::Owner };
    let members = vec![(creator.0, role), (UserId::from_u128(2), Role::Member)];
    View::create(CONVERSATION, creator, 1, kind, (None, None), members)
}
