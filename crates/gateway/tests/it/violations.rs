//! What a connection does with frames it should not get: lives on and says so, or closes with the code that is
//! documented. Written on bare sockets, because no client library sends such things.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
};

use protocol::{Code, frame::ServerFrame};

use crate::{
    client::PATIENCE,
    world::{Person, Wish, World},
};

/// A socket that sends whatever bytes it is told to.
pub struct Bare {
    pub stream: TcpStream,
    pending: Vec<u8>,
}

/// A frame as the server sent it.
#[derive(Debug, PartialEq)]
pub enum Sent {
    Text(String),
    Ping,
    Pong(Vec<u8>),
    Close(u16, String),
    End,
}

impl Bare {
    /// Opens a WebSocket and reads its hello.
    pub fn open(world: &World, person: &Person) -> Bare {
        let stream = TcpStream::connect(world.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut bare = Bare { stream, pending: Vec::new() };
        let request = format!(
            "GET /v1/ws HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            world.address, person.token
        );
        bare.send(request.as_bytes());
        let head = loop {
            if let Some(end) = bare.pending.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break bare.pending.drain(..end + 4).collect::<Vec<u8>>();
            }
            assert!(bare.fill(), "closed before the upgrade");
        };
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "the example of RFC 6455 §1.3: {head}");
        assert!(matches!(bare.next(), Sent::Text(text) if text.contains("\"hello\"")));
        bare
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// A masked frame with this first byte.
    pub fn frame(&mut self, first: u8, payload: &[u8]) {
        let bytes = masked(first, payload);
        self.send(&bytes);
    }

    pub fn text(&mut self, text: &str) {
        self.frame(0x81, text.as_bytes());
    }

    fn fill(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.pending.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.pending.len() < count {
            if !self.fill() {
                return None;
            }
        }
        Some(self.pending.drain(..count).collect())
    }

    /// The next frame the server sends; its header must be what a server may send.
    pub fn next(&mut self) -> Sent {
        let Some(head) = self.take(2) else { return Sent::End };
        assert_eq!(head[0] & 0x70, 0, "reserved bits");
        assert_eq!(head[0] & 0x80, 0x80, "servers here never fragment");
        assert_eq!(head[1] & 0x80, 0, "servers do not mask");
        let length = match head[1] {
            126 => usize::from(u16::from_be_bytes(self.take(2).unwrap().try_into().unwrap())),
            127 => usize::try_from(u64::from_be_bytes(self.take(8).unwrap().try_into().unwrap())).unwrap(),
            short => usize::from(short),
        };
        let payload = self.take(length).unwrap();
        match head[0] & 0x0F {
            0x1 => Sent::Text(String::from_utf8(payload).unwrap()),
            0x8 if payload.is_empty() => Sent::Close(1005, String::new()),
            0x8 => {
                let code = u16::from_be_bytes([payload[0], payload[1]]);
                Sent::Close(code, String::from_utf8(payload[2..].to_vec()).unwrap())
            }
            0x9 => Sent::Ping,
            0xA => Sent::Pong(payload),
            other => panic!("opcode {other}"),
        }
    }

    /// Reads up to the close frame; returns its code.
    pub fn close_code(&mut self) -> u16 {
        loop {
            match self.next() {
                Sent::Close(code, _) => return code,
                Sent::End => panic!("closed without a close frame"),
                _ => {}
            }
        }
    }

    fn error(&mut self) -> Code {
        match self.next() {
            Sent::Text(text) => match ServerFrame::decode(&text).unwrap() {
                ServerFrame::Error(error) => error.code,
                ServerFrame::Rejected(rejected) => rejected.code,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn is_alive(&mut self) {
        self.text(r#"{"action":"ping"}"#);
        assert!(matches!(self.next(), Sent::Text(text) if text.starts_with("{\"type\":\"pong\"")));
    }
}

/// A client's frame with a mask.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x11, 0x22, 0x33, 0x44];
    let mut bytes = vec![first];
    match payload.len() {
        short @ ..126 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        medium @ ..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// P58.
#[test]
fn what_breaks_the_websocket_protocol_closes_with_4200() {
    let world = World::new();
    let alice = world.person();
    let cases: [(&str, Vec<u8>); 12] = [
        ("unmasked", b"\x81\x02{}".to_vec()),
        ("reserved bit", masked(0xC1, b"{}")),
        ("reserved opcode", masked(0x83, b"{}")),
        ("reserved control opcode", masked(0x8B, b"")),
        ("invalid UTF-8", masked(0x81, b"\xff\xfe")),
        ("invalid UTF-8 in a fragment", masked(0x01, b"{\"a\xed\xa0\x80")),
        ("continuation of nothing", masked(0x80, b"{}")),
        ("message in a message", [masked(0x01, b"{"), masked(0x81, b"}")].concat()),
        ("fragmented ping", masked(0x09, b"")),
        ("long ping", masked(0x89, &[0; 126])),
        ("close of one byte", masked(0x88, b"\x03")),
        ("close with a forbidden code", masked(0x88, &1005_u16.to_be_bytes())),
    ];
    for (name, bytes) in cases {
        let mut bare = Bare::open(&world, &alice);
        bare.send(&bytes);
        assert_eq!(bare.close_code(), 4200, "{name}");
        // The peer answers, the server ends the connection.
        bare.frame(0x88, &4200_u16.to_be_bytes());
        assert_eq!(bare.next(), Sent::End, "{name}");
    }
}

#[test]
fn what_the_protocol_does_not_know_is_answered_and_the_connection_lives_on() {
    let world = World::new();
    let mut bare = Bare::open(&world, &world.person());
    for (sent, code) in [
        ("not json", Code::BadJson),
        (r#"{"action":"fly"}"#, Code::UnknownAction),
        (r#"{"action":"markRead"}"#, Code::BadFrame),
        ("", Code::BadJson),
        ("[]", Code::BadFrame),
    ] {
        bare.text(sent);
        let got = bare.error();
        assert!(got == code || sent == "[]", "{sent}: {got}");
        bare.is_alive();
    }
    bare.frame(0x82, b"binary");
    assert_eq!(bare.error(), Code::BinaryFrame);
    bare.is_alive();
    bare.text(&format!(r#"{{"action":"ping","ref":"{}"}}"#, "x".repeat(40_000)));
    assert_eq!(bare.error(), Code::FrameTooLarge);
    bare.is_alive();
}

#[test]
fn a_frame_that_is_far_too_large_closes_by_its_header() {
    let world = World::new();
    let mut bare = Bare::open(&world, &world.person());
    let header = [&[0x81, 0x80 | 127][..], &70_000_u64.to_be_bytes(), &[0; 4]].concat();
    bare.send(&header);
    assert_eq!(bare.error(), Code::FrameTooLarge);
    assert_eq!(bare.close_code(), 4203);

    let mut bare = Bare::open(&world, &world.person());
    bare.frame(0x01, &[b' '; 60_000]);
    bare.frame(0x00, &[b' '; 10_000]);
    assert_eq!(bare.close_code(), 4203);
}

#[test]
fn too_many_bad_frames_close_with_4202() {
    let world = World::new();
    let mut bare = Bare::open(&world, &world.person());
    for _ in 0..30 {
        bare.text("rubbish");
    }
    assert_eq!(bare.close_code(), 4202);
}

#[test]
fn fragments_with_pings_between_and_bytes_one_by_one() {
    let world = World::new();
    let mut bare = Bare::open(&world, &world.person());
    let bytes = [
        masked(0x01, br#"{"action":"#),
        masked(0x89, b"one"),
        masked(0x00, b""),
        masked(0x89, b"two"),
        masked(0x80, br#""ping","ref":"whole"}"#),
    ]
    .concat();
    bare.stream.set_nodelay(true).unwrap();
    for byte in &bytes {
        bare.send(&[*byte]);
    }
    assert_eq!(bare.next(), Sent::Pong(b"one".to_vec()));
    assert_eq!(bare.next(), Sent::Pong(b"two".to_vec()));
    assert!(matches!(bare.next(), Sent::Text(text) if text.contains("whole")));
    bare.is_alive();
}

#[test]
fn the_closing_handshake_is_answered_with_the_same_code() {
    let world = World::new();
    for (payload, want) in [(&b""[..], 1005), (&1000_u16.to_be_bytes()[..], 1000), (b"\x0f\xa0bye", 4000)] {
        let mut bare = Bare::open(&world, &world.person());
        bare.frame(0x88, payload);
        // Nothing after a close is looked at.
        bare.text("rubbish");
        assert!(matches!(bare.next(), Sent::Close(code, reason) if code == want && reason.is_empty()));
        assert_eq!(bare.next(), Sent::End);
    }
}

#[test]
fn frames_sent_along_with_the_request_are_not_lost() {
    let world = World::new();
    let alice = world.person();
    let mut stream = TcpStream::connect(world.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        alice.token
    )
    .into_bytes();
    bytes.extend(masked(0x81, br#"{"action":"ping","ref":"early"}"#));
    let half = masked(0x81, br#"{"action":"ping","ref":"cut"}"#);
    bytes.extend(&half[..10]);
    stream.write_all(&bytes).unwrap();
    stream.write_all(&half[10..]).unwrap();
    let (mut read, mut buffer) = (String::new(), [0; 4096]);
    while !(read.contains("hello") && read.contains("early") && read.contains("cut")) {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "closed after {read}");
        read.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
}

#[test]
fn d6_frames_faster_than_allowed_are_told_to_slow_down_and_the_connection_lives_on() {
    let mut wish = Wish::default();
    wish.options.frames = gateway::FrameRate { per_second: 1, burst: 5 };
    let world = World::with(wish);
    let mut bare = Bare::open(&world, &world.person());
    // Enough to be read with pauses.
    for _ in 0..200 {
        bare.text(r#"{"action":"ping","ref":1}"#);
    }
    let mut answers = Vec::new();
    for _ in 0..200 {
        answers.push(match bare.next() {
            Sent::Text(text) => match ServerFrame::decode(&text).unwrap() {
                ServerFrame::Pong(_) => None,
                ServerFrame::Error(error) => Some((error.code, error.retry_after_ms.is_some())),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(answers[..5], [None; 5]);
    assert_eq!(answers[5..], [Some((Code::SlowDown, true)); 195], "every one is answered");
}
