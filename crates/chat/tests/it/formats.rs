//! What is stored reads back as it was, and numbers of variants never move: stored things outlive releases.
//! A failure here means that data written before cannot be read; append variants and fields instead.

use chat::{
    Account, AccountRole, Announcement, Attachment, AttachmentId, AvatarId, Change, Command, CommandId,
    ConversationKind, Envelope, Event, EventKind, Invite, InviteId, Mark, MessageState, Preferences, Profile,
    Refusal, RegistrationPolicy, Role, Row, Session, SessionId, Upload, UserId, Version,
    announcement::Presence,
    attachment::{Claim, Shown},
    change::MarkState,
    profile::{ConversationPreferencesPatch, Density, Notify, PreferencesPatch, Theme},
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use crate::commands::{CONVERSATION, command};

const USER: UserId = UserId::from_u128(7);

fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("stored things can be written")
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let read: T = postcard::from_bytes(&bytes(value)).expect("what was written can be read");
    assert_eq!(&read, value);
}

fn numbers<T: Serialize>(values: &[T]) -> Vec<u8> {
    values.iter().map(|value| bytes(value)[0]).collect()
}

/// One command of each kind, in the order of their numbers.
fn commands() -> Vec<Command> {
    let (target, emoji) = (1, "x".to_owned());
    vec![
        Command::Send {
            body: "b".to_owned(),
            reply_to: Some(1),
            mentions: vec![USER],
            attachments: vec![file()],
        },
        Command::Edit { target, body: "b".to_owned(), mentions: vec![] },
        Command::Delete { target },
        Command::React { target, emoji: emoji.clone() },
        Command::Unreact { target, emoji },
        Command::Describe { title: Some("t".to_owned()), description: None },
        Command::Join,
        Command::Leave,
        Command::AddMembers { users: vec![USER] },
        Command::RemoveMember { user: USER },
        Command::SetRole { user: USER, role: Role::Admin },
    ]
}

/// One event of each kind, in the order of their numbers.
fn kinds() -> Vec<EventKind> {
    let (target, emoji) = (1, "x".to_owned());
    vec![
        EventKind::Created {
            kind: ConversationKind::Group,
            title: None,
            description: Some("d".to_owned()),
            members: vec![(USER, Role::Owner)],
        },
        EventKind::Message {
            body: "b".to_owned(),
            reply_to: None,
            mentions: vec![],
            attachments: vec![file()],
        },
        EventKind::Edited { target, body: "b".to_owned(), mentions: vec![USER] },
        EventKind::Deleted { target },
        EventKind::Reacted { target, emoji: emoji.clone() },
        EventKind::Unreacted { target, emoji },
        EventKind::Described { title: None, description: Some(String::new()) },
        EventKind::MembersAdded { users: vec![USER], role: Role::Member },
        EventKind::MemberRemoved { user: USER },
        EventKind::RoleChanged { user: USER, role: Role::Owner },
    ]
}

fn account() -> Account {
    Account {
        user: USER,
        username: "ursula".to_owned(),
        display_name: "Ursula".to_owned(),
        password_hash: "$argon2id$".to_owned(),
        role: AccountRole::Owner,
        created_at: 1,
        disabled_at: None,
        seen_at: Some(2),
    }
}

/// One change of each kind, in the order of their numbers.
fn changes() -> Vec<Change> {
    let session = Session {
        session: SessionId::from_u128(1),
        user: USER,
        token_hash: [1; 32],
        agent: "agent".to_owned(),
        created_at: 1,
        expires_at: 2,
    };
    let invite = Invite {
        invite: InviteId::from_u128(1),
        code_hash: [2; 32],
        created_by: USER,
        created_at: 1,
        expires_at: 2,
        uses_left: 3,
    };
    vec![
        Change::CreateAccount {
            account: account(),
            invite: Some([3; 32]),
            policy: RegistrationPolicy::Invite,
        },
        Change::SetDisplayName { user: USER, display_name: "U".to_owned() },
        Change::SetPassword {
            user: USER,
            password_hash: "h".to_owned(),
            keep: Some(SessionId::from_u128(1)),
        },
        Change::SetAccountRole { user: USER, role: AccountRole::Admin },
        Change::SetDisabled { user: USER, at: Some(5) },
        Change::CreateSession(session),
        Change::RevokeSession { user: USER, session: SessionId::from_u128(1) },
        Change::CreateInvite(invite),
        Change::RevokeInvite(InviteId::from_u128(1)),
        Change::CreateConversation {
            conversation: CONVERSATION,
            creator: USER,
            request: CommandId::from_u128(1),
            at: 1,
            kind: ConversationKind::Channel,
            title: Some("t".to_owned()),
            description: None,
            members: vec![USER],
        },
        Change::Mark(vec![Mark { conversation: CONVERSATION, user: USER, read: Some(1), delivered: None }]),
        Change::Seen(vec![(USER, 9)]),
        Change::RenewPasswordHash {
            user: USER,
            verified_hash: "h".to_owned(),
            password_hash: "i".to_owned(),
        },
        Change::SetStatus { user: USER, emoji: Some("🌊".to_owned()), text: None },
        Change::SetAvatar { user: USER, avatar: Some(AvatarId::from_u128(4)) },
        Change::SetPreferences { user: USER, patch: patch() },
        Change::SetConversationPreferences {
            user: USER,
            conversation: CONVERSATION,
            patch: ConversationPreferencesPatch { notify: Some(None), is_pinned: Some(true), is_muted: None },
        },
        Change::AddUpload(Upload { file: file(), owner: USER, at: 5, checksum: [6; 32], claim: None }),
        Change::ClaimUploads { user: USER, claim: claim(), attachments: vec![file().attachment] },
        Change::RemoveUploads(vec![file().attachment]),
    ]
}

fn patch() -> PreferencesPatch {
    PreferencesPatch {
        notify: Some(Notify::Mentions),
        do_not_disturb_until: Some(None),
        sound: Some(false),
        enter_sends: None,
        locale: Some(Some("de".to_owned())),
        theme: Some(Theme::Dark),
        density: Some(Density::Compact),
    }
}

fn claim() -> Claim {
    Claim { conversation: CONVERSATION, command: CommandId::from_u128(1), at: 7 }
}

fn file() -> Attachment {
    Attachment {
        attachment: AttachmentId::from_u128(0x0a0b),
        name: "a.png".to_owned(),
        size_bytes: 300,
        content_type: "image/png".to_owned(),
        dimensions: Some((2, 3)),
        has_thumbnail: true,
    }
}

#[test]
fn numbers_of_variants_never_move() {
    assert_eq!(numbers(&commands()), (0..11).collect::<Vec<u8>>());
    assert_eq!(numbers(&kinds()), (0..10).collect::<Vec<u8>>());
    assert_eq!(numbers(&changes()), (0..20).collect::<Vec<u8>>());
    let kinds = [ConversationKind::Direct, ConversationKind::Group, ConversationKind::Channel];
    assert_eq!(numbers(&kinds), [0, 1, 2]);
    assert_eq!(numbers(&[Role::Member, Role::Admin, Role::Owner]), [0, 1, 2]);
    assert_eq!(numbers(&[AccountRole::Member, AccountRole::Admin, AccountRole::Owner]), [0, 1, 2]);
    let policies = [RegistrationPolicy::Open, RegistrationPolicy::Invite, RegistrationPolicy::Closed];
    assert_eq!(numbers(&policies), [0, 1, 2]);
    let refusals = [Refusal::ConversationNotFound, Refusal::DeadLettered, Refusal::TooManyUploads];
    assert_eq!(numbers(&refusals), [0, 33, 36]);
    assert_eq!(numbers(&[Notify::All, Notify::Mentions, Notify::None]), [0, 1, 2]);
    assert_eq!(numbers(&[Theme::System, Theme::Light, Theme::Dark]), [0, 1, 2]);
    assert_eq!(numbers(&[Density::Comfortable, Density::Compact]), [0, 1]);
}

/// The bytes of one stored command, whole: a change of field order or of an id's form would show here.
#[test]
fn a_stored_command_has_these_bytes() {
    let envelope = Envelope {
        conversation: CONVERSATION,
        actor: USER,
        command_id: CommandId::from_u128(0x0102),
        accepted_at: 300,
        command: Command::Send {
            body: "hi".to_owned(),
            reply_to: Some(2),
            mentions: vec![],
            attachments: vec![],
        },
    };
    let id = |last: [u8; 2]| [[16].as_slice(), &[0; 14], &last].concat();
    let wanted =
        [id([0, 0xc0]), id([0, 7]), id([1, 2]), vec![0xac, 0x02], vec![0, 2, b'h', b'i', 1, 2, 0, 0]]
            .concat();
    assert_eq!(bytes(&envelope), wanted);
}

/// The first records named files by id alone: they are still read, and new ones have these bytes.
#[test]
fn files_of_the_first_records_are_read_and_new_ones_have_these_bytes() {
    let send = |attachments: Vec<Attachment>| Command::Send {
        body: "hi".to_owned(),
        reply_to: None,
        mentions: vec![],
        attachments,
    };
    let id = [[0; 14].as_slice(), &[0x0a, 0x0b]].concat();
    let first = [vec![0, 2, b'h', b'i', 0, 0, 1, 16], id.clone()].concat();
    let read: Command = postcard::from_bytes(&first).unwrap();
    assert_eq!(read, send(vec![Attachment::named(file().attachment)]));
    let known = [
        vec![0, 2, b'h', b'i', 0, 0, 1, 1, 16],
        id,
        [&[5], b"a.png".as_slice(), &[0xac, 0x02, 9], b"image/png", &[1, 2, 3, 1]].concat(),
    ];
    assert_eq!(bytes(&send(vec![file()])), known.concat());
    assert!(postcard::from_bytes::<Attachment>(&[0]).is_err(), "no third shape is read");
}

#[test]
fn everything_stored_reads_back_as_it_was() {
    round_trip(&Upload { file: file(), owner: USER, at: 5, checksum: [6; 32], claim: Some(claim()) });
    round_trip(&[Shown::With(CONVERSATION, 9), Shown::Erased]);
    round_trip(&Preferences::default().patched(&patch()));
    round_trip(&Profile { status_emoji: None, status_text: Some("x".to_owned()), avatar: None });
    commands().iter().for_each(round_trip);
    changes().iter().for_each(round_trip);
    for (seq, kind) in (1..).zip(kinds()) {
        let event = Event {
            conversation: CONVERSATION,
            seq,
            at: seq * 7,
            actor: USER,
            command_id: CommandId::from_u128(3),
            kind,
        };
        let mut row = Row::of(&event, 4);
        round_trip(&event);
        round_trip(&row);
        row.message = Some(MessageState {
            rev: 9,
            edited_at: Some(1),
            edits: 2,
            deleted_at: Some(3),
            deleted_by: Some(USER),
            reactions: vec![("👍".to_owned(), u64::MAX)],
        });
        round_trip(&row);
        round_trip(&Announcement::Event { event: Box::new(event), ordinal: 5 });
    }
    round_trip(&Version { target: 1, number: 2, at: 3, body: "old".to_owned() });
    let state = MarkState { read: 1, read_ordinal: 2, delivered: 3 };
    for announcement in [
        Announcement::Failed {
            user: USER,
            conversation: CONVERSATION,
            command_id: CommandId::from_u128(1),
            refusal: Refusal::DeadLettered,
        },
        Announcement::Marks { conversation: CONVERSATION, user: USER, state, to_all: true },
        Announcement::Typing { conversation: CONVERSATION, user: USER },
        Announcement::Presence { user: USER, presence: Presence::Offline { last_seen: Some(1) } },
        Announcement::SessionsEnded { user: USER, sessions: vec![SessionId::from_u128(1)] },
        Announcement::AccountDisabled { user: USER, sessions: vec![SessionId::from_u128(1)] },
        Announcement::Preferences { user: USER, conversation: Some(CONVERSATION) },
    ] {
        round_trip(&announcement);
    }
}

proptest! {
    #[test]
    fn any_command_reads_back_as_it_was(command in command(), at in any::<u64>(), id in any::<u128>()) {
        let command_id = CommandId::from_u128(id);
        round_trip(&Envelope { conversation: CONVERSATION, actor: USER, command_id, accepted_at: at, command });
    }

    /// Bytes cut short are an error, never something else.
    #[test]
    fn a_command_cut_short_is_not_read(command in command(), cut in any::<prop::sample::Index>()) {
        let whole = bytes(&command);
        let short = &whole[..cut.index(whole.len())];
        prop_assert!(postcard::from_bytes::<Command>(short).is_err());
    }
}
