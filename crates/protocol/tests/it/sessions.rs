//! The session state machine: what is legal when, what is answered, and what never happens.

use chat::{Command, CommandId, ConversationId, Epoch, Refusal, Seq, UserId};
use proptest::{collection::vec, prelude::*};
use protocol::{
    CloseCode, Code, Ref, SUBPROTOCOL, Time,
    frame::ServerFrame,
    limits::{BAD_FRAMES_MAX, FRAME_BYTES_HARD_MAX, FRAME_BYTES_MAX},
    session::{Input, Negotiation, Output, Phase, Session, Step, done, negotiate},
};

const CONVERSATION: ConversationId = ConversationId::from_u128(0x0190_a6a3_7d2c_7c4e_9d5b_3f1e_8a9b_0c1d);
const NEW_ID: CommandId = CommandId::from_u128(77);

fn step(session: &mut Session, input: Input<'_>) -> Step {
    session.step(input, Time::from_ms(5), || NEW_ID)
}

fn say(session: &mut Session, text: &str) -> Step {
    step(session, Input::Text(text))
}

fn live() -> Session {
    let mut session = Session::opened();
    assert!(step(&mut session, Input::GraceElapsed).go_live);
    session
}

fn about(action: &str, rest: &str) -> String {
    format!(r#"{{"action":"{action}","ref":"r","conversationId":"{CONVERSATION}"{rest}}}"#)
}

fn reply(step: Step) -> ServerFrame<'static> {
    match step.output {
        Some(Output::Reply(frame)) => frame,
        other => panic!("not a reply: {other:?}"),
    }
}

fn code(step: Step) -> Code {
    match reply(step) {
        ServerFrame::Error(frame) => frame.code,
        ServerFrame::Rejected(frame) => frame.code,
        other => panic!("not a refusal: {other:?}"),
    }
}

#[test]
fn p31_the_first_sync_starts_before_the_connection_is_live() {
    let mut session = Session::opened();
    let text = format!(
        r#"{{"action":"sync","ref":1,"epoch":"{}","cursors":{{"{CONVERSATION}":7}},"token":"t"}}"#,
        Epoch::from_u128(9)
    );
    let step_taken = say(&mut session, &text);
    assert!(!step_taken.go_live);
    let Some(Output::StartSync(sync)) = step_taken.output else { panic!("{step_taken:?}") };
    assert_eq!((sync.reference, sync.epoch), (Ref::number(1), Some(Epoch::from_u128(9))));
    assert_eq!((sync.cursors, sync.token), (vec![(CONVERSATION, 7)], Some("t".to_owned())));
    assert_eq!(session.phase(), Phase::Syncing);
    assert_eq!(step(&mut session, Input::GraceElapsed), Step::default());
    assert_eq!(step(&mut session, Input::SyncFinished), Step::default());
    assert_eq!(session.phase(), Phase::Live);
}

#[test]
fn p31_any_other_first_frame_or_a_second_of_silence_makes_it_live_at_the_head() {
    for text in [r#"{"action":"ping"}"#, "no json", &about("typing", "")] {
        let mut session = Session::opened();
        assert!(say(&mut session, text).go_live, "{text}");
        assert!(!say(&mut session, text).go_live, "{text}: once only");
        assert!(!step(&mut session, Input::GraceElapsed).go_live);
    }
    let mut session = Session::opened();
    assert!(step(&mut session, Input::GraceElapsed).go_live);
    assert!(!step(&mut session, Input::GraceElapsed).go_live);
}

#[test]
fn p32_one_sync_at_a_time() {
    let mut session = live();
    assert!(matches!(say(&mut session, r#"{"action":"sync"}"#).output, Some(Output::StartSync(_))));
    assert_eq!(code(say(&mut session, r#"{"action":"sync","ref":"b"}"#)), Code::SyncInProgress);
    assert!(matches!(
        say(&mut session, &about("sendMessage", r#","body":"b""#)).output,
        Some(Output::Submit(_))
    ));
    step(&mut session, Input::SyncFinished);
    assert!(matches!(say(&mut session, r#"{"action":"sync"}"#).output, Some(Output::StartSync(_))));
}

#[test]
fn p40_a_command_is_submitted_under_the_clients_id() {
    let id = CommandId::from_u128(5);
    let text = about("sendMessage", &format!(r#","clientMessageId":"{id}","body":"hé\n","replyTo":4"#));
    let Some(Output::Submit(submission)) = say(&mut live(), &text).output else { panic!() };
    assert_eq!((submission.conversation, submission.command_id), (CONVERSATION, id));
    let (envelope, reference) = submission.into_envelope(UserId::from_u128(3), 99);
    assert_eq!((envelope.actor, envelope.accepted_at, reference), (UserId::from_u128(3), 99, Ref::text("r")));
    let expected =
        Command::Send { body: "hé\n".into(), reply_to: Some(4), mentions: vec![], attachments: vec![] };
    assert_eq!(envelope.command, expected);
}

#[test]
fn p41_a_command_without_an_id_gets_one() {
    let Some(Output::Submit(submission)) = say(&mut live(), &about("sendMessage", r#","body":"b""#)).output
    else {
        panic!()
    };
    assert_eq!(submission.command_id, NEW_ID);
}

#[test]
fn p40_every_command_becomes_the_chats() {
    let target: Seq = 4;
    for (action, rest, expected) in [
        (
            "editMessage",
            r#","seq":4,"body":"b""#,
            Command::Edit { target, body: "b".into(), mentions: vec![] },
        ),
        ("deleteMessage", r#","seq":4"#, Command::Delete { target }),
        ("react", r#","seq":4,"emoji":"x""#, Command::React { target, emoji: "x".into() }),
        ("unreact", r#","seq":4,"emoji":"x""#, Command::Unreact { target, emoji: "x".into() }),
    ] {
        let Some(Output::Submit(submission)) = say(&mut live(), &about(action, rest)).output else {
            panic!("{action}")
        };
        assert_eq!(submission.command, expected);
        assert_eq!(submission.command.name(), action);
    }
}

#[test]
fn p17_a_message_id_of_another_conversation_is_not_found() {
    let id = chat::MessageId::new(ConversationId::from_u128(1), 4, 9);
    let refused = say(&mut live(), &about("deleteMessage", &format!(r#","messageId":"{id}""#)));
    assert_eq!(code(refused), Code::from(Refusal::MessageNotFound));
    let refused = say(&mut live(), &about("sendMessage", &format!(r#","body":"b","replyTo":"{id}""#)));
    assert_eq!(code(refused), Code::from(Refusal::MessageNotFound));
}

#[test]
fn p44_marks_typing_and_watching_are_handed_on_with_their_ref() {
    let reference = Ref::text("r");
    let Some(Output::Mark(mark)) = say(&mut live(), &about("markRead", r#","seq":9"#)).output else {
        panic!()
    };
    assert_eq!((mark.read, mark.delivered, &mark.reference), (Some(9), None, &reference));
    assert_eq!(mark.of(UserId::from_u128(1)).conversation, CONVERSATION);
    let Some(Output::Mark(mark)) = say(&mut live(), &about("markDelivered", r#","seq":9"#)).output else {
        panic!()
    };
    assert_eq!((mark.read, mark.delivered), (None, Some(9)));
    let expected = Output::Typing { conversation: CONVERSATION, reference: reference.clone() };
    assert_eq!(say(&mut live(), &about("typing", "")).output, Some(expected));
    let expected = Output::SetActive { active: false, reference: reference.clone() };
    assert_eq!(say(&mut live(), r#"{"action":"setActive","ref":"r","active":false}"#).output, Some(expected));
    let expected = Output::WatchPresence { users: vec![UserId::from_u128(1)], reference: None };
    let text = format!(r#"{{"action":"watchPresence","userIds":["{}"]}}"#, UserId::from_u128(1));
    assert_eq!(say(&mut live(), &text).output, Some(expected));
    let expected = Output::WatchMarks { conversations: vec![CONVERSATION], reference: None };
    let text = format!(r#"{{"action":"watchMarks","conversationIds":["{CONVERSATION}"]}}"#);
    assert_eq!(say(&mut live(), &text).output, Some(expected));
    assert_eq!(done(None), None);
    assert!(
        matches!(done(reference), Some(ServerFrame::Done(frame)) if frame.reference == Ref::text("r").unwrap())
    );
}

#[test]
fn p47_ping_is_answered_with_the_servers_time() {
    let ServerFrame::Pong(pong) = reply(say(&mut live(), r#"{"action":"ping","ref":3}"#)) else { panic!() };
    assert_eq!((pong.reference, pong.server_time), (Ref::number(3), Time::from_ms(5)));
}

#[test]
fn p50_limited_frames_are_answered_and_not_carried_out() {
    let mut session = live();
    let text = about("sendMessage", &format!(r#","body":"b","clientMessageId":"{NEW_ID}""#));
    let ServerFrame::Rejected(frame) =
        reply(step(&mut session, Input::Limited { text: &text, retry_after_ms: 40 }))
    else {
        panic!()
    };
    assert_eq!((frame.code, frame.retry_after_ms), (Code::SlowDown, Some(40)));
    assert_eq!((frame.client_message_id, frame.reference), (Some(NEW_ID), Ref::text("r")));
    let text = r#"{"action":"sync","ref":2}"#;
    let ServerFrame::Error(frame) = reply(step(&mut session, Input::Limited { text, retry_after_ms: 40 }))
    else {
        panic!()
    };
    assert_eq!(
        (frame.code, frame.retry_after_ms, frame.reference),
        (Code::SlowDown, Some(40), Ref::number(2))
    );
    assert_eq!(session.phase(), Phase::Live);
}

#[test]
fn p51_frames_that_cannot_be_read_are_refused_and_the_connection_lives_on() {
    let mut session = live();
    assert_eq!(code(say(&mut session, "{")), Code::BadJson);
    assert_eq!(code(step(&mut session, Input::Binary)), Code::BinaryFrame);
    assert_eq!(
        code(step(&mut session, Input::Oversized { bytes: FRAME_BYTES_MAX as u64 + 1 })),
        Code::FrameTooLarge
    );
    assert!(say(&mut session, r#"{"action":"ping"}"#).close.is_none());
}

#[test]
fn p52_too_many_bad_frames_close() {
    let mut session = live();
    for _ in 0..BAD_FRAMES_MAX {
        assert_eq!(say(&mut session, "{").close, None);
    }
    let last = say(&mut session, "{");
    assert_eq!(last.close, Some(CloseCode::TooManyBadFrames));
    assert_eq!(code(last), Code::BadJson);
    assert_eq!(session.phase(), Phase::Closed);
}

#[test]
fn p52_good_frames_pay_bad_ones_back() {
    let mut session = live();
    for _ in 0..10 * BAD_FRAMES_MAX {
        assert_eq!(say(&mut session, "{").close, None);
        assert_eq!(say(&mut session, r#"{"action":"ping"}"#).close, None);
    }
}

#[test]
fn p53_a_frame_far_too_large_closes() {
    let mut session = live();
    let allowed = step(&mut session, Input::Oversized { bytes: FRAME_BYTES_HARD_MAX as u64 });
    assert_eq!(allowed.close, None);
    let closed = step(&mut session, Input::Oversized { bytes: FRAME_BYTES_HARD_MAX as u64 + 1 });
    assert_eq!(closed.close, Some(CloseCode::FrameTooLarge));
    let text = " ".repeat(FRAME_BYTES_HARD_MAX + 1);
    assert_eq!(say(&mut live(), &text).close, Some(CloseCode::FrameTooLarge));
}

#[test]
fn p55_a_draining_connection_goes_on_but_starts_no_sync() {
    let mut session = live();
    let ServerFrame::Reconnect(frame) = reply(step(&mut session, Input::Drain { after_ms: 700 })) else {
        panic!()
    };
    assert_eq!(frame.after_ms, 700);
    assert_eq!(step(&mut session, Input::Drain { after_ms: 900 }), Step::default());
    assert_eq!(code(say(&mut session, r#"{"action":"sync"}"#)), Code::GoingAway);
    assert!(matches!(
        say(&mut session, &about("sendMessage", r#","body":"b""#)).output,
        Some(Output::Submit(_))
    ));
    let closed = step(&mut session, Input::Close(CloseCode::GoingAway));
    assert_eq!(closed, Step { close: Some(CloseCode::GoingAway), ..Step::default() });
}

#[test]
fn p2_the_version_is_the_subprotocol() {
    assert_eq!(negotiate(None), Negotiation::Speak(None));
    assert_eq!(negotiate(Some(" , ")), Negotiation::Speak(None));
    assert_eq!(negotiate(Some("dynamowave.v1")), Negotiation::Speak(Some(SUBPROTOCOL)));
    assert_eq!(negotiate(Some("dynamowave.v2, dynamowave.v1")), Negotiation::Speak(Some(SUBPROTOCOL)));
    assert_eq!(negotiate(Some("mqtt, x")), Negotiation::Unsupported { first: "mqtt" });
}

fn any_input() -> impl Strategy<Value = (u8, String)> {
    let text = prop_oneof![
        3 => crate::any::request().prop_map(|request| request.encode()),
        1 => "\\PC{0,20}",
        1 => Just(r#"{"action":"sync"}"#.to_owned()),
    ];
    (0..20_u8, text)
}

proptest! {
    #[test]
    fn p54_nothing_comes_out_after_the_end_and_syncs_never_overlap(inputs in vec(any_input(), 0..120)) {
        let mut session = Session::opened();
        let (mut syncing, mut closed, mut went_live) = (false, false, false);
        for (choice, text) in inputs {
            let input = match choice {
                0 => Input::Gone,
                1 => Input::Close(CloseCode::SlowReader),
                2 => Input::Drain { after_ms: 1 },
                3 => Input::GraceElapsed,
                4 | 5 => Input::SyncFinished,
                6 => Input::Binary,
                7 => Input::Oversized { bytes: 40_000 },
                8 => Input::Limited { text: &text, retry_after_ms: 1 },
                _ => Input::Text(&text),
            };
            let ends = matches!(input, Input::Gone | Input::Close(_));
            let finishes = matches!(input, Input::SyncFinished);
            let taken = step(&mut session, input);
            prop_assert!(!closed || taken == Step::default(), "{:?}", taken);
            if finishes {
                syncing = false;
            }
            if matches!(taken.output, Some(Output::StartSync(_))) {
                prop_assert!(!syncing);
                syncing = true;
            }
            prop_assert!(!(taken.go_live && (went_live || syncing)), "live once, and not while a sync decides it");
            went_live |= taken.go_live || syncing;
            closed |= ends || taken.close.is_some();
            prop_assert_eq!(session.phase() == Phase::Closed, closed);
        }
    }
}
