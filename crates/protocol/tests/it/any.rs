//! Strategies: any frame, any event, any valid history.
//! Histories are made by `chat`'s own rules, so that what they contain can really happen.

use chat::{
    Attachment, AttachmentId, Command, CommandId, ConversationId, ConversationKind, Envelope, Event,
    EventKind, MessageId, Role, Seq, UserId, View,
};
use proptest::{collection::vec, option, prelude::*};
use protocol::{
    Ref,
    frame::client::{
        ClientFrame, DeleteMessage, EditMessage, Mark, MessageName, Ping, Reaction, Request, SendMessage,
        SetActive, Sync, Target, TypingNow, WatchMarks, WatchPresence,
    },
};

pub(crate) fn user() -> impl Strategy<Value = UserId> {
    any::<u128>().prop_map(UserId::from_u128)
}

pub(crate) fn conversation() -> impl Strategy<Value = ConversationId> {
    any::<u128>().prop_map(ConversationId::from_u128)
}

pub(crate) fn command_id() -> impl Strategy<Value = CommandId> {
    any::<u128>().prop_map(CommandId::from_u128)
}

pub(crate) fn seq() -> impl Strategy<Value = Seq> {
    prop_oneof![0..5_u64, 1..(1_u64 << 40)]
}

/// Text with everything JSON has to escape.
pub(crate) fn text() -> impl Strategy<Value = String> {
    vec(
        prop_oneof![any::<char>(), Just('"'), Just('\\'), Just('\n'), Just('\u{1}'), Just('é'), Just('👍')],
        0..40,
    )
    .prop_map(|chars| chars.into_iter().collect())
}

fn message_id() -> impl Strategy<Value = MessageId> {
    (conversation(), seq(), 0..(1_u64 << 48))
        .prop_map(|(conversation, seq, at)| MessageId::new(conversation, seq, at))
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        message_id().prop_map(|message_id| Target::Id { message_id }),
        seq().prop_map(|seq| Target::Seq { seq }),
    ]
}

fn message_name() -> impl Strategy<Value = MessageName> {
    prop_oneof![message_id().prop_map(MessageName::Id), seq().prop_map(MessageName::Seq)]
}

fn reference() -> impl Strategy<Value = Ref> {
    prop_oneof![
        "\\PC{0,16}".prop_filter_map("longer than 64 bytes", |text| Ref::text(&text)),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_filter_map("rounded", Ref::number),
    ]
}

fn send_message() -> impl Strategy<Value = SendMessage> {
    let attachment = any::<u128>().prop_map(AttachmentId::from_u128);
    (
        conversation(),
        option::of(command_id()),
        text(),
        option::of(message_name()),
        vec(user(), 0..4),
        vec(attachment, 0..3),
    )
        .prop_map(|(conversation_id, client_message_id, body, reply_to, mentions, attachment_ids)| {
            SendMessage { conversation_id, client_message_id, body, reply_to, mentions, attachment_ids }
        })
}

fn edit_message() -> impl Strategy<Value = EditMessage> {
    (conversation(), target(), text(), vec(user(), 0..4), option::of(command_id())).prop_map(
        |(conversation_id, target, body, mentions, client_message_id)| EditMessage {
            conversation_id,
            target,
            body,
            mentions,
            client_message_id,
        },
    )
}

fn reaction() -> impl Strategy<Value = Reaction> {
    (conversation(), target(), text(), option::of(command_id())).prop_map(
        |(conversation_id, target, emoji, client_message_id)| Reaction {
            conversation_id,
            target,
            emoji,
            client_message_id,
        },
    )
}

fn mark() -> impl Strategy<Value = Mark> {
    (conversation(), seq()).prop_map(|(conversation_id, seq)| Mark { conversation_id, seq })
}

fn sync() -> impl Strategy<Value = Sync> {
    let cursors = proptest::collection::btree_map(conversation(), seq(), 0..20);
    (option::of(any::<u128>()), cursors, option::of("[a-z0-9:]{0,40}"))
        .prop_map(|(epoch, cursors, token)| Sync { epoch: epoch.map(chat::Epoch::from_u128), cursors, token })
}

fn client_frame() -> impl Strategy<Value = ClientFrame> {
    prop_oneof![
        sync().prop_map(ClientFrame::Sync),
        send_message().prop_map(ClientFrame::SendMessage),
        edit_message().prop_map(ClientFrame::EditMessage),
        (conversation(), target(), option::of(command_id())).prop_map(
            |(conversation_id, target, client_message_id)| ClientFrame::DeleteMessage(DeleteMessage {
                conversation_id,
                target,
                client_message_id
            })
        ),
        reaction().prop_map(ClientFrame::React),
        reaction().prop_map(ClientFrame::Unreact),
        mark().prop_map(ClientFrame::MarkRead),
        mark().prop_map(ClientFrame::MarkDelivered),
        conversation().prop_map(|conversation_id| ClientFrame::Typing(TypingNow { conversation_id })),
        vec(user(), 0..5).prop_map(|user_ids| ClientFrame::WatchPresence(WatchPresence { user_ids })),
        vec(conversation(), 0..5)
            .prop_map(|conversation_ids| ClientFrame::WatchMarks(WatchMarks { conversation_ids })),
        any::<bool>().prop_map(|active| ClientFrame::SetActive(SetActive { active })),
        Just(ClientFrame::Ping(Ping {})),
    ]
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    (client_frame(), option::of(reference())).prop_map(|(frame, reference)| Request { frame, reference })
}

/// A picture with everything that is told of one.
pub(crate) fn file() -> Attachment {
    Attachment {
        attachment: AttachmentId::from_u128(7),
        name: "\"wave\".png".to_owned(),
        size_bytes: 70_000,
        content_type: "image/png".to_owned(),
        dimensions: Some((640, 480)),
        has_thumbnail: true,
    }
}

/// One person of a small cast doing something.
#[derive(Debug, Clone)]
struct Deed {
    actor: usize,
    command: Command,
}

const CAST: usize = 4;

fn cast(number: usize) -> UserId {
    UserId::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number as u128)
}

fn deed() -> impl Strategy<Value = Deed> {
    let target = 1..30_u64;
    let emoji = prop_oneof![Just("👍".to_owned()), Just("\"quoted\"".to_owned()), Just("ok".to_owned())];
    let person = (0..CAST).prop_map(cast);
    let role = prop_oneof![Just(Role::Member), Just(Role::Admin), Just(Role::Owner)];
    let command = prop_oneof![
        4 => (text(), option::of(target.clone()), vec(person.clone(), 0..3)).prop_map(|(body, reply_to, mentions)| {
            Command::Send { body, reply_to, mentions, attachments: vec![file()] }
        }),
        2 => (target.clone(), text(), vec(person.clone(), 0..3))
            .prop_map(|(target, body, mentions)| Command::Edit { target, body, mentions }),
        1 => target.clone().prop_map(|target| Command::Delete { target }),
        2 => (target.clone(), emoji.clone()).prop_map(|(target, emoji)| Command::React { target, emoji }),
        1 => (target, emoji).prop_map(|(target, emoji)| Command::Unreact { target, emoji }),
        1 => (option::of(text()), option::of(text()))
            .prop_map(|(title, description)| Command::Describe { title, description }),
        1 => Just(Command::Join),
        1 => Just(Command::Leave),
        1 => vec(person.clone(), 0..3).prop_map(|users| Command::AddMembers { users }),
        1 => person.clone().prop_map(|user| Command::RemoveMember { user }),
        1 => (person, role).prop_map(|(user, role)| Command::SetRole { user, role }),
    ];
    (0..CAST, command).prop_map(|(actor, command)| Deed { actor, command })
}

/// The events of a conversation that really came about, by the rules of `chat`, from seq 1.
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let kind = prop_oneof![Just(ConversationKind::Group), Just(ConversationKind::Channel)];
    (conversation(), kind, text(), option::of(text()), vec(deed(), 1..60)).prop_map(
        |(conversation, kind, title, description, deeds)| {
            let created = Event {
                conversation,
                seq: 1,
                at: 1_700_000_000_000,
                actor: cast(0),
                command_id: CommandId::from_u128(1),
                kind: EventKind::Created {
                    kind,
                    title: Some(title),
                    description,
                    members: vec![(cast(0), Role::Owner), (cast(1), Role::Member)],
                },
            };
            let mut view = View::new(conversation, None);
            view.apply(&created);
            for (number, deed) in deeds.into_iter().enumerate() {
                view.execute(&Envelope {
                    conversation,
                    actor: cast(deed.actor),
                    command_id: CommandId::from_u128(2 + number as u128),
                    accepted_at: 1_700_000_000_001 + number as u64 * 997,
                    command: deed.command,
                });
            }
            view.into_effects().map(|effects| effects.events).unwrap_or_default()
        },
    )
}
