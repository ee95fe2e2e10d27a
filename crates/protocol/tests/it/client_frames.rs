//! What clients send: reading it, and saying what is wrong with it.

use proptest::prelude::*;
use protocol::{
    Code, Ref,
    frame::{
        ClientFrame, FrameError, ServerFrame,
        client::{ACTIONS, MessageName, Target},
        decode,
    },
    limits::{CURSORS_PER_SYNC_MAX, FRAME_BYTES_MAX},
};

use crate::any;

const CONVERSATION: &str = "0190a6a3-7d2c-7c4e-9d5b-3f1e8a9b0c1d";
const COMMAND: &str = "0190a6a3-7d2c-7c4e-9d5b-3f1e8a9b0c1e";

fn wrong(text: &str) -> FrameError {
    decode(text).expect_err(text)
}

proptest! {
    #[test]
    fn p10_what_a_client_encodes_is_what_the_server_reads(request in any::request()) {
        let text = request.encode();
        prop_assert_eq!(decode(&text).map_err(|error| error.to_string()), Ok(request), "{}", text);
    }

    #[test]
    fn p10_any_text_is_read_or_refused(text in "\\PC{0,200}") {
        if let Err(error) = decode(&text) {
            prop_assert!(!error.message.is_empty());
        }
    }

    #[test]
    fn p10_damaged_frames_are_read_or_refused(request in any::request(), at in any::<prop::sample::Index>(), with in any::<char>()) {
        let mut chars: Vec<char> = request.encode().chars().collect();
        let at = at.index(chars.len());
        chars[at] = with;
        let _ = decode(&chars.into_iter().collect::<String>());
    }
}

#[test]
fn p11_every_action_is_read() {
    for action in ACTIONS {
        let all = format!(
            r#"{{"unknown":{{"deep":[1]}},"action":"{action}","conversationId":"{CONVERSATION}","seq":3,"body":"b",
                "emoji":"x","userIds":[],"conversationIds":[],"active":true}}"#
        );
        assert_eq!(decode(&all).unwrap().frame.action(), action);
    }
}

#[test]
fn p12_unknown_action_names_the_known_ones() {
    for (text, found) in [
        (r#"{"action":"sendMesage","ref":"r1"}"#, "\"sendMesage\""),
        (r#"{"ref":"r1"}"#, "missing"),
        (r#"{"action":7,"ref":"r1"}"#, "a number"),
        (r#"{"action":null,"ref":"r1"}"#, "missing"),
    ] {
        let error = wrong(text);
        assert_eq!((error.code, &error.reference), (Code::UnknownAction, &Ref::text("r1")), "{text}");
        assert!(error.message.contains(found), "{}", error.message);
        let ServerFrame::Error(frame) = ServerFrame::from(error) else { panic!("no command, so an error") };
        assert_eq!(frame.known_actions.unwrap(), ACTIONS);
    }
}

#[test]
fn p12_a_long_unknown_action_is_not_repeated_whole() {
    let action = "é".repeat(5_000);
    let error = wrong(&format!(r#"{{"action":"{action}"}}"#));
    assert!(error.message.len() < 500, "{} bytes", error.message.len());
}

#[test]
fn p13_what_is_not_one_json_object_is_bad_json() {
    for text in
        ["", "{", "[]", "7", "\"ping\"", "null", "{} {}", r#"{"action":"ping",}"#, r#"{"action":"ping"}x"#]
    {
        assert_eq!(wrong(text).code, Code::BadJson, "{text}");
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(wrong(&format!(r#"{{"action":"ping","x":{deep}}}"#)).code, Code::BadJson);
}

#[test]
fn p13_a_member_given_twice_is_refused() {
    let error = wrong(r#"{"action":"ping","action":"typing"}"#);
    assert_eq!(error.code, Code::BadJson);
    assert!(error.message.contains("\"action\" occurs twice"), "{}", error.message);
    let cursors = format!(r#"{{"action":"sync","cursors":{{"{CONVERSATION}":1,"{CONVERSATION}":2}}}}"#);
    assert_eq!(wrong(&cursors).code, Code::BadJson);
}

#[test]
fn p14_errors_name_the_field_and_what_would_be_right() {
    let of = |action: &str, rest: &str| {
        wrong(&format!(r#"{{"action":"{action}","ref":9,"clientMessageId":"{COMMAND}"{rest}}}"#))
    };
    let conversation = format!(r#","conversationId":"{CONVERSATION}""#);
    for (error, field, expected) in [
        (of("sendMessage", ""), "conversationId", "needs"),
        (of("sendMessage", r#","conversationId":"abc""#), "conversationId", "UUID"),
        (of("sendMessage", r#","conversationId":7"#), "conversationId", "a number"),
        (of("sendMessage", &conversation), "body", "needs"),
        (of("sendMessage", &format!(r#"{conversation},"body":["x"]"#)), "body", "not an array"),
        (
            of("sendMessage", &format!(r#"{conversation},"body":"b","replyTo":-1"#)),
            "replyTo",
            "a negative number",
        ),
        (
            of("sendMessage", &format!(r#"{conversation},"body":"b","mentions":"{COMMAND}""#)),
            "mentions",
            "array",
        ),
        (of("sendMessage", &format!(r#"{conversation},"body":"b","mentions":["x"]"#)), "mentions", "\"x\""),
        (of("editMessage", &format!(r#"{conversation},"body":"b""#)), "messageId", "seq"),
        (of("react", &format!(r#"{conversation},"seq":1.5,"emoji":"x""#)), "seq", "a fraction"),
        (of("react", &format!(r#"{conversation},"seq":9007199254740992,"emoji":"x""#)), "seq", "2^53"),
        (of("react", &format!(r#"{conversation},"seq":1"#)), "emoji", "needs"),
        (of("markRead", &conversation), "seq", "needs"),
        (of("watchPresence", ""), "userIds", "needs"),
        (of("setActive", r#","active":1"#), "active", "true or false"),
        (of("sync", r#","cursors":[]"#), "cursors", "an object"),
        (of("sync", r#","cursors":{"x":1}"#), "cursors", "\"x\""),
        (of("sync", r#","token":5"#), "token", "string"),
        (of("sync", r#","epoch":"now""#), "epoch", "UUID"),
    ] {
        assert_eq!(error.code, Code::BadFrame, "{}", error.message);
        assert_eq!(error.reference, Ref::number(9), "{}", error.message);
        assert!(error.message.contains(&format!("\"{field}\"")), "{field}: {}", error.message);
        assert!(error.message.contains(expected), "{expected}: {}", error.message);
    }
}

#[test]
fn p14_a_command_that_cannot_be_read_is_rejected_by_its_id() {
    let text = format!(r#"{{"action":"sendMessage","ref":"r","clientMessageId":"{COMMAND}"}}"#);
    let ServerFrame::Rejected(frame) = ServerFrame::from(wrong(&text)) else { panic!("a command: rejected") };
    assert_eq!(frame.reference, Ref::text("r"));
    assert_eq!(frame.client_message_id, COMMAND.parse().ok());
    assert_eq!(frame.code, Code::BadFrame);
    let ServerFrame::Error(frame) = ServerFrame::from(wrong(r#"{"action":"typing","ref":"r"}"#)) else {
        panic!("no command: error")
    };
    assert_eq!((frame.reference, frame.known_actions), (Ref::text("r"), None));
}

#[test]
fn p15_refs_are_echoed_as_given() {
    for (given, want) in [
        (r#""""#.to_owned(), Ref::text("")),
        (format!("{:?}", "x".repeat(64)), Ref::text(&"x".repeat(64))),
        ("0".to_owned(), Ref::number(0)),
        ("-5".to_owned(), Ref::number(-5)),
        ("9007199254740991".to_owned(), Ref::number(9_007_199_254_740_991)),
    ] {
        let read = decode(&format!(r#"{{"action":"ping","ref":{given}}}"#)).unwrap().reference;
        assert_eq!(read, want);
        assert_eq!(serde_json::to_string(&read).unwrap(), given);
    }
    for given in ["1.5", "9007199254740992", "true", "[]", "{}", &format!("{:?}", "x".repeat(65))] {
        let error = wrong(&format!(r#"{{"action":"ping","ref":{given}}}"#));
        assert_eq!((error.code, error.reference), (Code::BadFrame, None), "{given}");
        assert!(error.message.contains("\"ref\""));
    }
}

#[test]
fn p16_null_is_absent_and_unknown_members_are_ignored() {
    let text = format!(
        r#"{{"action":"sendMessage","conversationId":"{CONVERSATION}","body":"b","replyTo":null,"mentions":null,
            "clientMessageId":null,"ref":null,"seq":"not for this action","later":{{"x":[]}}}}"#
    );
    let request = decode(&text).unwrap();
    let ClientFrame::SendMessage(message) = request.frame else { panic!("{:?}", request.frame) };
    assert_eq!((message.reply_to, message.client_message_id, request.reference), (None, None, None));
    assert!(message.mentions.is_empty());
    assert_eq!(wrong(r#"{"action":"typing","conversationId":null}"#).code, Code::BadFrame);
}

#[test]
fn p17_messages_are_named_by_id_or_by_seq() {
    let conversation = CONVERSATION.parse().unwrap();
    let id = chat::MessageId::new(conversation, 12, 1_700_000_000_000);
    let of = |rest: &str| {
        decode(&format!(r#"{{"action":"deleteMessage","conversationId":"{CONVERSATION}"{rest}}}"#))
    };
    for rest in
        [format!(r#","messageId":"{id}""#), r#","seq":12"#.into(), format!(r#","messageId":"{id}","seq":12"#)]
    {
        let ClientFrame::DeleteMessage(frame) = of(&rest).unwrap().frame else { panic!("{rest}") };
        assert_eq!(frame.target.seq_in(conversation), Some(12), "{rest}");
    }
    assert!(
        of(&format!(r#","messageId":"{id}","seq":13"#)).unwrap_err().message.contains("different messages")
    );
}

#[test]
fn p17_an_id_of_another_conversation_names_no_message_here() {
    let (one, two) = (chat::ConversationId::from_u128(1), chat::ConversationId::from_u128(2));
    let id = chat::MessageId::new(one, 12, 1_700_000_000_000);
    assert_eq!(Target::Id { message_id: id }.seq_in(one), Some(12));
    assert_eq!(Target::Id { message_id: id }.seq_in(two), None);
    assert_eq!(MessageName::Id(id).seq_in(two), None);
    assert_eq!(MessageName::Id(CONVERSATION.parse().unwrap()).seq_in(one), None);
}

#[test]
fn p18_ids_have_one_spelling_but_for_case() {
    let of = |id: &str| decode(&format!(r#"{{"action":"typing","conversationId":"{id}"}}"#));
    assert_eq!(of(CONVERSATION).unwrap(), of(&CONVERSATION.to_uppercase()).unwrap());
    for other in
        [CONVERSATION.replace('-', ""), format!("{{{CONVERSATION}}}"), format!("urn:uuid:{CONVERSATION}")]
    {
        assert_eq!(of(&other).unwrap_err().code, Code::BadFrame, "{other}");
    }
}

#[test]
fn p3_a_frame_above_32_kib_is_refused_and_one_below_is_not() {
    let frame = |bytes: usize| {
        let start = r#"{"action":"ping","pad":""#;
        format!("{start}{}\"}}", "x".repeat(bytes - start.len() - 2))
    };
    assert_eq!(frame(FRAME_BYTES_MAX).len(), FRAME_BYTES_MAX);
    assert!(decode(&frame(FRAME_BYTES_MAX)).is_ok());
    assert_eq!(wrong(&frame(FRAME_BYTES_MAX + 1)).code, Code::FrameTooLarge);
}

#[test]
fn p30_a_sync_names_at_most_500_conversations() {
    let of = |count: usize| {
        let cursors: Vec<String> =
            (0..count).map(|n| format!(r#""{}":{n}"#, chat::ConversationId::from_u128(n as u128))).collect();
        format!(r#"{{"action":"sync","cursors":{{{}}}}}"#, cursors.join(","))
    };
    assert!(decode(&of(CURSORS_PER_SYNC_MAX)).is_ok());
    assert!(wrong(&of(CURSORS_PER_SYNC_MAX + 1)).message.contains("at most 500"));
}

#[test]
fn p46_what_is_watched_is_bounded() {
    let of = |action: &str, name: &str, count: usize| {
        let ids = vec![format!("\"{CONVERSATION}\""); count].join(",");
        decode(&format!(r#"{{"action":"{action}","{name}":[{ids}]}}"#))
    };
    assert!(of("watchPresence", "userIds", 500).is_ok());
    assert!(of("watchPresence", "userIds", 501).unwrap_err().message.contains("at most 500"));
    assert!(of("watchMarks", "conversationIds", 100).is_ok());
    assert!(of("watchMarks", "conversationIds", 101).unwrap_err().message.contains("at most 100"));
}
