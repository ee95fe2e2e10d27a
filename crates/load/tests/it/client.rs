//! Frames, tags and the scan against independent implementations.
//! Sockets here talk to tungstenite, never to our own server code.

use std::{
    collections::HashSet,
    net::{SocketAddr, TcpListener},
    thread,
};

use load::{
    client::{
        frame::{self, FrameError, Opcode},
        scan::{self, Kind, Scanner},
        tag::{SendFrame, Tag, mix, number_of, text_of},
        upgrade::{self, Answer},
    },
    clock::{NS_PER_S, RunClock},
    engine::{CloseReason, ConnectionId, Driver, Engine, Next, Sockets},
};
use proptest::prelude::*;
use tungstenite::{
    Message,
    protocol::{Role, WebSocket, frame::coding::CloseCode},
};

/// What tungstenite reads from these bytes as a server, and what it answers.
fn server_reads(bytes: &[u8]) -> Message {
    let mut socket = WebSocket::from_raw_socket(std::io::Cursor::new(bytes.to_vec()), Role::Server, None);
    socket.read().expect("a whole frame")
}

/// A frame as tungstenite writes it as a server.
fn server_writes(message: Message) -> Vec<u8> {
    let mut socket = WebSocket::from_raw_socket(std::io::Cursor::new(Vec::new()), Role::Server, None);
    socket.send(message).expect("a frame");
    socket.get_ref().get_ref().clone()
}

proptest! {
    #[test]
    fn frames_we_write_are_read_by_others(text in ".{0,70}", repeat in 1_usize..1_500) {
        let text = text.repeat(repeat);
        prop_assert_eq!(server_reads(&frame::text(text.as_bytes())), Message::text(text.clone()));
        prop_assert_eq!(frame::text(text.as_bytes()).len(), frame::header_length(text.len()) + text.len());
    }

    #[test]
    fn frames_others_write_are_read_by_us(text in ".{0,70}", repeat in 1_usize..1_500, more in proptest::collection::vec(any::<u8>(), 0..9)) {
        let text = text.repeat(repeat);
        let mut bytes = server_writes(Message::text(text.clone()));
        let length = bytes.len();
        bytes.extend(more);
        let parsed = frame::parse(&bytes).unwrap().unwrap();
        prop_assert_eq!((parsed.opcode, parsed.payload, parsed.length), (Opcode::Text, text.as_bytes(), length));
        for cut in [0, 1, 2, 3, length / 2, length - 1] {
            prop_assert_eq!(frame::parse(&bytes[..cut.min(length - 1)]), Ok(None));
        }
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(Some(frame)) = frame::parse(&bytes) {
            prop_assert!(frame.length <= bytes.len());
        }
        let _ = (scan::kind(&bytes), Scanner::default().event(&bytes).is_some(), upgrade::answer(&bytes));
    }

    #[test]
    fn a_tag_survives_the_wire_and_is_a_uuid_of_version_7(after_ns in 0..86_400 * NS_PER_S, room in 0_u32..1 << 20, serial in 0_u64..1 << 42) {
        let clock = RunClock::start();
        let text = Tag { scheduled_ns: after_ns, room, serial }.encode(&clock);
        let back = Tag::decode(&text, &clock).unwrap();
        prop_assert_eq!((back.room, back.serial), (room, serial));
        prop_assert!(back.scheduled_ns <= after_ns && after_ns - back.scheduled_ns < 500, "{} {after_ns}", back.scheduled_ns);
        prop_assert_eq!(text[14], b'7');
        prop_assert!(b"89ab".contains(&text[19]));
        let again = text_of(number_of(&text).unwrap());
        prop_assert_eq!(again.as_bytes(), &text[..]);
    }

    #[test]
    fn text_that_is_no_id_is_no_tag(text in "[0-9a-fA-F-]{0,40}", at in 0_usize..36) {
        let clock = RunClock::start();
        if text.len() < 36 {
            prop_assert_eq!(Tag::decode(text.as_bytes(), &clock), None);
        }
        let mut broken = Tag { scheduled_ns: 1, room: 2, serial: 3 }.encode(&clock);
        broken[at] = b'x';
        prop_assert_eq!(Tag::decode(&broken, &clock), None);
    }
}

#[test]
fn control_frames_and_closes_are_read() {
    let ping = server_writes(Message::Ping("who".into()));
    assert_eq!(frame::parse(&ping).unwrap().unwrap().opcode, Opcode::Ping);
    let close = tungstenite::protocol::CloseFrame { code: CloseCode::Library(4001), reason: "resume".into() };
    let bytes = server_writes(Message::Close(Some(close)));
    let parsed = frame::parse(&bytes).unwrap().unwrap();
    assert_eq!((parsed.opcode, frame::close_code(parsed.payload)), (Opcode::Close, Some(4001)));
    assert_eq!(server_reads(&frame::pong(b"who")), Message::Pong("who".into()));
    assert_eq!(server_reads(&frame::close()), Message::Close(None));
}

#[test]
fn what_no_server_may_send_is_refused() {
    assert_eq!(frame::parse(&[0x82, 0]), Err(FrameError::Unexpected(0x82)));
    assert_eq!(frame::parse(&[0x01, 0]), Err(FrameError::Unexpected(0x01)));
    assert_eq!(frame::parse(&[0x81, 0x80]), Err(FrameError::Masked));
    let huge = [0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0];
    assert_eq!(frame::parse(&huge), Err(FrameError::TooLong(1 << 40)));
}

#[test]
fn a_send_frame_changes_its_id_alone() {
    let clock = RunClock::start();
    let mut frame = SendFrame::new("00000000-0000-7000-8000-000000000001", &"x".repeat(200));
    let mut seen = HashSet::new();
    for serial in 0..50 {
        let id = Tag { scheduled_ns: serial, room: 0, serial }.encode(&clock);
        let Message::Text(text) = server_reads(frame.with(&id)) else { panic!("no text") };
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["action"], "sendMessage");
        assert_eq!(value["clientMessageId"].as_str().unwrap().as_bytes(), id);
        assert_eq!(value["body"].as_str().unwrap().len(), 200);
        seen.insert(value["clientMessageId"].to_string());
    }
    assert_eq!(seen.len(), 50);
}

#[test]
fn sums_of_mixed_serials_tell_sets_apart() {
    let all: u64 = (0..1_000).fold(0, |sum: u64, serial| sum.wrapping_add(mix(serial)));
    for lost in 0..1_000 {
        for other in [lost + 1, lost + 7, 5_000] {
            assert_ne!(all.wrapping_sub(mix(lost)).wrapping_add(mix(other)), all, "{lost} for {other}");
        }
    }
}

#[test]
fn the_scan_finds_fields_whose_place_moves() {
    let clock = RunClock::start();
    let mut scanner = Scanner::default();
    for seq in [1_u64, 9, 10, 99_999, 3, 9_007_199_254_740_991] {
        let id = Tag { scheduled_ns: 5_000, room: 7, serial: seq & 0xffff }.encode(&clock);
        let id = std::str::from_utf8(&id).unwrap();
        let event = format!(
            r#"{{"type":"event","conversationId":"c","seq":{seq},"kind":"message","clientMessageId":"{id}","body":"b"}}"#
        );
        assert_eq!(scan::kind(event.as_bytes()), Kind::Event);
        let (found, text) = scanner.event(event.as_bytes()).unwrap();
        assert_eq!((found, Tag::decode(text, &clock).unwrap().serial), (seq, seq & 0xffff));
    }
    assert_eq!(scan::kind(br#"{"kind":"x","type":"event"}"#), Kind::Other);
    assert_eq!(scan::number(b"18446744073709551616"), None);
}

#[test]
fn answers_to_the_upgrade_are_told_apart() {
    assert_eq!(upgrade::answer(b"HTTP/1.1 101 Switching"), Answer::Incomplete);
    assert_eq!(upgrade::answer(b"HTTP/1.1 101 S\r\nA: b\r\n\r\nxyz"), Answer::Switched(24));
    assert!(
        matches!(upgrade::answer(b"HTTP/1.1 401 Unauthorized\r\n\r\n{}"), Answer::Refused(text) if text.contains("401"))
    );
}

/// Sends a few frames and expects each back.
struct Echo {
    texts: Vec<String>,
    back: Vec<String>,
    closed: Option<CloseReason>,
}

impl Driver for Echo {
    fn opened(&mut self, sockets: &mut Sockets, id: ConnectionId, _: u64) {
        for text in &self.texts {
            sockets.send(id, &frame::text(text.as_bytes()));
        }
    }

    fn frame(&mut self, _: &mut Sockets, _: ConnectionId, payload: &[u8], _: u64) {
        self.back.push(String::from_utf8(payload.to_vec()).unwrap());
    }

    fn closed(&mut self, _: &mut Sockets, _: ConnectionId, reason: CloseReason, _: u64) {
        self.closed = Some(reason);
    }

    fn turn(&mut self, _: &mut Sockets, _: u64) -> Next {
        if self.closed.is_some() { Next::Done } else { Next::At(20 * NS_PER_S) }
    }
}

/// A real server that echoes `count` frames, pings before each, and closes with 4000.
fn echo_server(count: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        let (mut echoed, mut pongs) = (0, 0);
        while pongs < count {
            match socket.read().unwrap() {
                Message::Text(text) => {
                    socket.send(Message::Ping("are you there".into())).unwrap();
                    socket.send(Message::Text(text)).unwrap();
                    echoed += 1;
                }
                Message::Pong(_) => pongs += 1,
                other => panic!("{other:?} after {echoed}"),
            }
        }
        let close = tungstenite::protocol::CloseFrame { code: CloseCode::Library(4000), reason: "".into() };
        socket.close(Some(close)).unwrap();
        while socket.read().is_ok() {}
    });
    address
}

#[test]
fn the_engine_speaks_with_a_foreign_server() {
    let texts: Vec<String> = [1, 125, 126, 65_535, 65_536, 250_000]
        .iter()
        .map(|length| "é".repeat(length / 2 + 1))
        .map(|text| text[..text.len() / 2 * 2].to_owned())
        .collect();
    let mut echo = Echo { texts: texts.clone(), back: Vec::new(), closed: None };
    let mut engine = Engine::new(echo_server(texts.len()), RunClock::start()).unwrap();
    let id = engine.sockets().reserve();
    engine.sockets().open(id, "token").unwrap();
    engine.run(&mut echo).unwrap();
    assert_eq!(echo.back, texts);
    assert_eq!(echo.closed, Some(CloseReason::Code(4000)));
}

#[test]
fn a_refused_upgrade_is_told_with_its_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 2_048];
        let _ = std::io::Read::read(&mut stream, &mut request).unwrap();
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 401 Unauthorized\r\n\r\nno").unwrap();
    });
    let mut echo = Echo { texts: Vec::new(), back: Vec::new(), closed: None };
    let mut engine = Engine::new(address, RunClock::start()).unwrap();
    let id = engine.sockets().reserve();
    engine.sockets().open(id, "token").unwrap();
    engine.run(&mut echo).unwrap();
    assert!(
        matches!(&echo.closed, Some(CloseReason::Refused(text)) if text.contains("401")),
        "{:?}",
        echo.closed
    );
}
