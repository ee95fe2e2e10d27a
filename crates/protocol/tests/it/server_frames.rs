//! What servers send: every frame reads back as it was, and newer ones are recognised as such.

use chat::{
    Announcement, CommandId, ConnectionId, ConversationId, Epoch, Refusal, SessionId, UserId,
    announcement::Presence, change::MarkState,
};
use protocol::{
    Code, Ref, Time,
    frame::{
        DecodeError, ServerFrame, presence_frames,
        server::{
            Done, Hello, HelloLimits, Marks, Pong, PreferencesChanged, PresenceFrame, PresenceStatus,
            Reconnect, Resync, Synced, Typing, Unlisted, UserPresence, peek_type,
        },
    },
};

const COMMAND: CommandId = CommandId::from_u128(7);
const CONVERSATION: ConversationId = ConversationId::from_u128(8);
const USER: UserId = UserId::from_u128(9);

pub(crate) fn hello() -> Hello {
    Hello {
        connection_id: ConnectionId::from_u128(1),
        user_id: USER,
        session_id: SessionId::from_u128(2),
        epoch: Epoch::from_u128(3),
        heartbeat_ms: 30_000,
        server_time: Time::from_ms(1_700_000_000_123),
        limits: HelloLimits {
            frame_bytes: 32_768,
            body_bytes: 16_384,
            pipelining: true,
            sends_per_second: 50,
            send_burst: 500,
            sync_conversations: 500,
        },
    }
}

pub(crate) fn one_of_each() -> Vec<ServerFrame<'static>> {
    let reference = Ref::text("a \"ref\"");
    vec![
        ServerFrame::Hello(hello()),
        ServerFrame::accepted(None, COMMAND),
        ServerFrame::accepted(reference.clone(), COMMAND),
        ServerFrame::refused(Ref::number(7), Some(COMMAND), Refusal::EmptyBody),
        ServerFrame::rejected(None, None, Code::SlowDown, "later", Some(250)),
        ServerFrame::error(reference.clone(), Code::UnknownAction, "what?", None),
        ServerFrame::error(None, Code::SlowDown, "later", Some(1)),
        ServerFrame::not_in_sync(reference.clone(), CONVERSATION),
        ServerFrame::Done(Done { reference: Ref::number(-1).unwrap() }),
        ServerFrame::Pong(Pong { reference: reference.clone(), server_time: Time::from_ms(5) }),
        ServerFrame::Synced(Synced {
            reference,
            token: "7:42".into(),
            unlisted: vec![Unlisted { conversation_id: CONVERSATION, head_seq: 12 }],
            more: true,
        }),
        ServerFrame::Synced(Synced { reference: None, token: String::new(), unlisted: vec![], more: false }),
        ServerFrame::Resync(Resync { epoch: Epoch::from_u128(4) }),
        ServerFrame::Typing(Typing { conversation_id: CONVERSATION, user_id: USER }),
        ServerFrame::Presence(PresenceFrame {
            users: vec![UserPresence::of(USER, Presence::Offline { last_seen: Some(86_400_000) })],
        }),
        ServerFrame::Marks(Marks {
            conversation_id: CONVERSATION,
            user_id: USER,
            read_seq: 4,
            delivered_seq: 9,
        }),
        ServerFrame::Preferences(PreferencesChanged { conversation_id: Some(CONVERSATION) }),
        ServerFrame::Preferences(PreferencesChanged { conversation_id: None }),
        ServerFrame::Reconnect(Reconnect { after_ms: 1_234 }),
    ]
}

#[test]
fn p20_every_frame_reads_back_as_it_was() {
    for frame in one_of_each() {
        let text = frame.encode_text();
        assert_eq!(text.as_bytes(), frame.encode());
        assert_eq!(ServerFrame::decode(&text).unwrap(), frame, "{text}");
    }
}

#[test]
fn p19_the_type_comes_first() {
    for frame in one_of_each() {
        let text = frame.encode_text();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(peek_type(&text), value["type"].as_str(), "{text}");
    }
}

#[test]
fn p19_a_type_that_does_not_come_first_is_found_all_the_same() {
    let text = r#" { "afterMs" : 5, "type" : "reconnect", "later": [1] } "#;
    assert_eq!(ServerFrame::decode(text).unwrap(), ServerFrame::Reconnect(Reconnect { after_ms: 5 }));
}

#[test]
fn p16_unknown_types_are_told_apart_from_malformed_frames() {
    assert!(
        matches!(ServerFrame::decode(r#"{"type":"later"}"#), Err(DecodeError::UnknownType(name)) if name == "later")
    );
    for text in ["", "{}", "[]", r#"{"type":7}"#, r#"{"type":"reconnect"}"#, r#"{"type":"event","seq":1}"#] {
        assert!(matches!(ServerFrame::decode(text), Err(DecodeError::Malformed(_))), "{text}");
    }
}

#[test]
fn p43_announcements_become_frames() {
    let failed = Announcement::Failed {
        user: USER,
        conversation: CONVERSATION,
        command_id: COMMAND,
        refusal: Refusal::DeadLettered,
    };
    let Some(ServerFrame::Failed(frame)) = ServerFrame::of(&failed) else { panic!("failed") };
    assert_eq!((frame.client_message_id, frame.code), (COMMAND, Code::DeadLettered));
    assert_eq!(frame.message, Refusal::DeadLettered.to_string());

    let marks = Announcement::Marks {
        conversation: CONVERSATION,
        user: USER,
        state: MarkState { read: 4, read_ordinal: 2, delivered: 9 },
        to_all: true,
    };
    let expected = Marks { conversation_id: CONVERSATION, user_id: USER, read_seq: 4, delivered_seq: 9 };
    assert_eq!(ServerFrame::of(&marks), Some(ServerFrame::Marks(expected)));

    let typing = Announcement::Typing { conversation: CONVERSATION, user: USER };
    let expected = Typing { conversation_id: CONVERSATION, user_id: USER };
    assert_eq!(ServerFrame::of(&typing), Some(ServerFrame::Typing(expected)));

    let ended = Announcement::SessionsEnded { user: USER, sessions: vec![SessionId::from_u128(1)] };
    assert_eq!(ServerFrame::of(&ended), None);
    let disabled = Announcement::AccountDisabled { user: USER, sessions: vec![SessionId::from_u128(1)] };
    assert_eq!(ServerFrame::of(&disabled), None);
}

#[test]
fn p45_presence_is_told_in_frames_of_250_people() {
    let people: Vec<_> = (0..501).map(|n| (UserId::from_u128(n), Presence::Online)).collect();
    let frames: Vec<PresenceFrame> = presence_frames(&people)
        .map(|bytes| match ServerFrame::decode(std::str::from_utf8(&bytes).unwrap()).unwrap() {
            ServerFrame::Presence(frame) => frame,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(frames.iter().map(|frame| frame.users.len()).collect::<Vec<_>>(), [250, 250, 1]);
    let told: Vec<UserId> = frames.iter().flat_map(|frame| &frame.users).map(|user| user.user_id).collect();
    assert_eq!(told, people.iter().map(|(user, _)| *user).collect::<Vec<_>>());
}

#[test]
fn p45_each_presence_has_its_status() {
    for (presence, status, last_seen) in [
        (Presence::Online, PresenceStatus::Online, None),
        (Presence::Away, PresenceStatus::Away, None),
        (Presence::Offline { last_seen: None }, PresenceStatus::Offline, None),
        (Presence::Offline { last_seen: Some(9) }, PresenceStatus::Offline, Some(Time::from_ms(9))),
    ] {
        assert_eq!(UserPresence::of(USER, presence), UserPresence { user_id: USER, status, last_seen });
    }
}
