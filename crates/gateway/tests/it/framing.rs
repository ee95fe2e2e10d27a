//! RFC 6455 frame by frame: our reader and writer against another implementation and against the letter of the text.
//! Works on bytes alone; what a whole connection makes of them is in `violations`.

use gateway::websocket::{Incoming, OpCode, Reader, Violation, close_payload, control, text};
use proptest::prelude::*;
use tungstenite::protocol::{
    Message, Role, WebSocket,
    frame::{
        Frame, FrameHeader,
        coding::{Control, Data, OpCode as TheirOpCode},
    },
};

const BYTES_MAX: usize = 64 * 1024;

/// What a reader made of a stream, as values.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Read {
    Text(String),
    Binary(usize),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
    Failed(Violation),
}

/// Feeds bytes in chunks of these sizes, over and over.
fn read(bytes: &[u8], chunks: &[usize]) -> Vec<Read> {
    let (mut reader, mut pending, mut found) = (Reader::default(), Vec::new(), Vec::new());
    let (mut rest, mut sizes) = (bytes, chunks.iter().cycle());
    while !rest.is_empty() {
        let size = (*sizes.next().unwrap()).clamp(1, rest.len());
        let (chunk, after) = rest.split_at(size);
        rest = after;
        pending.extend_from_slice(chunk);
        let mut used = 0;
        loop {
            match reader.read(&mut pending[used..], BYTES_MAX) {
                Ok((0, _)) => break,
                Ok((count, incoming)) => {
                    used += count;
                    found.extend(incoming.map(|incoming| match incoming {
                        Incoming::Text(text) => Read::Text(text.to_owned()),
                        Incoming::Binary(length) => Read::Binary(length),
                        Incoming::Ping(payload) => Read::Ping(payload.to_vec()),
                        Incoming::Pong => Read::Pong,
                        Incoming::Close(code) => Read::Close(code),
                    }));
                }
                Err(violation) => {
                    found.push(Read::Failed(violation));
                    return found;
                }
            }
        }
        pending.drain(..used);
    }
    found
}

fn read_whole(bytes: &[u8]) -> Vec<Read> {
    read(bytes, &[usize::MAX])
}

/// A client's frame as the other implementation writes it.
fn frame(opcode: TheirOpCode, is_final: bool, payload: &[u8]) -> Vec<u8> {
    let header =
        FrameHeader { is_final, opcode, mask: Some([0x37, 0xfa, 0x21, 0x3d]), ..FrameHeader::default() };
    let mut bytes = Vec::new();
    Frame::from_payload(header, payload.to_vec().into()).format(&mut bytes).unwrap();
    bytes
}

fn data(kind: Data, is_final: bool, payload: &[u8]) -> Vec<u8> {
    frame(TheirOpCode::Data(kind), is_final, payload)
}

fn control_frame(kind: Control, payload: &[u8]) -> Vec<u8> {
    frame(TheirOpCode::Control(kind), true, payload)
}

#[test]
fn text_of_every_length_encoding_is_read() {
    for length in [0, 1, 125, 126, 127, 128, 65_535, 65_536] {
        let body = "x".repeat(length);
        assert_eq!(read_whole(&data(Data::Text, true, body.as_bytes())), [Read::Text(body)], "{length}");
    }
}

#[test]
fn lengths_must_be_encoded_in_the_shortest_way() {
    let mask = [1, 2, 3, 4];
    let medium = [&[0x81, 0x80 | 126, 0, 125][..], &mask, &[0; 125]].concat();
    assert_eq!(read_whole(&medium), [Read::Failed(Violation::LengthEncoding)]);
    let long = [&[0x81, 0x80 | 127][..], &65_535_u64.to_be_bytes(), &mask].concat();
    assert_eq!(read_whole(&long), [Read::Failed(Violation::LengthEncoding)]);
    let negative = [&[0x81, 0x80 | 127][..], &(1_u64 << 63).to_be_bytes(), &mask].concat();
    assert_eq!(read_whole(&negative), [Read::Failed(Violation::LengthEncoding)]);
}

#[test]
fn too_large_a_message_is_refused_by_its_header() {
    let header = [&[0x81, 0x80 | 127][..], &(BYTES_MAX as u64 + 1).to_be_bytes(), &[0; 4]].concat();
    assert_eq!(read_whole(&header), [Read::Failed(Violation::TooLarge)]);
    let fragments = [data(Data::Text, false, &[b'x'; BYTES_MAX]), data(Data::Continue, true, b"x")].concat();
    assert_eq!(read_whole(&fragments), [Read::Failed(Violation::TooLarge)]);
}

#[test]
fn a_fragmented_text_may_be_interrupted_by_control_frames() {
    let bytes = [
        data(Data::Text, false, b"frag"),
        control_frame(Control::Ping, b"now"),
        data(Data::Continue, false, b""),
        control_frame(Control::Pong, b""),
        data(Data::Continue, true, b"ments"),
        data(Data::Text, true, b"next"),
    ]
    .concat();
    let want =
        [Read::Ping(b"now".to_vec()), Read::Pong, Read::Text("fragments".into()), Read::Text("next".into())];
    assert_eq!(read_whole(&bytes), want);
    assert_eq!(read(&bytes, &[1]), want);
}

#[test]
fn fragments_out_of_turn_are_refused() {
    let lonely = data(Data::Continue, true, b"x");
    assert_eq!(read_whole(&lonely), [Read::Failed(Violation::NothingToContinue)]);
    let again = [data(Data::Text, true, b"x"), data(Data::Continue, true, b"y")].concat();
    assert_eq!(read_whole(&again), [Read::Text("x".into()), Read::Failed(Violation::NothingToContinue)]);
    for second in [Data::Text, Data::Binary] {
        let twice = [data(Data::Text, false, b"x"), data(second, true, b"y")].concat();
        assert_eq!(read_whole(&twice), [Read::Failed(Violation::InterleavedMessage)]);
    }
}

#[test]
fn utf8_may_be_split_anywhere_and_is_refused_as_soon_as_it_is_wrong() {
    let body = "κόσμε 🐟 end";
    for at in 0..=body.len() {
        let (front, back) = body.as_bytes().split_at(at);
        let bytes = [data(Data::Text, false, front), data(Data::Continue, true, back)].concat();
        assert_eq!(read_whole(&bytes), [Read::Text(body.into())], "{at}");
    }
    // A surrogate, then more: refused at the first fragment.
    let wrong = data(Data::Text, false, b"ok \xed\xa0\x80 more");
    assert_eq!(read_whole(&wrong), [Read::Failed(Violation::NotUtf8)]);
    let whole = data(Data::Text, true, b"\xc3\x28");
    assert_eq!(read_whole(&whole), [Read::Failed(Violation::NotUtf8)]);
    let cut = [data(Data::Text, false, b"\xf0\x9f"), data(Data::Continue, true, b"\x90")].concat();
    assert_eq!(read_whole(&cut), [Read::Failed(Violation::NotUtf8)]);
    // Overlong and beyond Unicode.
    for bad in [&b"\xc0\xaf"[..], b"\xf4\x90\x80\x80", b"\xfe"] {
        assert_eq!(read_whole(&data(Data::Text, true, bad)), [Read::Failed(Violation::NotUtf8)], "{bad:?}");
    }
}

#[test]
fn reserved_bits_and_opcodes_are_refused() {
    for bit in [0x40, 0x20, 0x10] {
        let mut bytes = data(Data::Text, true, b"x");
        bytes[0] |= bit;
        assert_eq!(read_whole(&bytes), [Read::Failed(Violation::ReservedBit)]);
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        let bytes = [0x80 | opcode, 0x80, 0, 0, 0, 0];
        assert_eq!(read_whole(&bytes), [Read::Failed(Violation::ReservedOpCode)], "{opcode}");
    }
}

#[test]
fn control_frames_are_short_and_whole() {
    let most = control_frame(Control::Ping, &[7; 125]);
    assert_eq!(read_whole(&most), [Read::Ping(vec![7; 125])]);
    let long = control_frame(Control::Ping, &[7; 126]);
    assert_eq!(read_whole(&long), [Read::Failed(Violation::LongControl)]);
    for kind in [Control::Ping, Control::Pong, Control::Close] {
        let bytes = frame(TheirOpCode::Control(kind), false, b"");
        assert_eq!(read_whole(&bytes), [Read::Failed(Violation::FragmentedControl)]);
    }
}

#[test]
fn unmasked_frames_are_refused() {
    assert_eq!(read_whole(&text(b"from a server")), [Read::Failed(Violation::Unmasked)]);
}

#[test]
fn close_codes_are_those_that_may_be_sent() {
    assert_eq!(read_whole(&control_frame(Control::Close, b"")), [Read::Close(None)]);
    let one_byte = control_frame(Control::Close, b"\x03");
    assert_eq!(read_whole(&one_byte), [Read::Failed(Violation::CloseLength)]);
    for code in 0..=u16::MAX {
        let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let want = if allowed { Read::Close(Some(code)) } else { Read::Failed(Violation::CloseCode) };
        assert_eq!(read_whole(&control_frame(Control::Close, &close_payload(code, "why"))), [want]);
    }
    let mut payload = close_payload(1000, "");
    payload.extend_from_slice(b"\xff");
    assert_eq!(read_whole(&control_frame(Control::Close, &payload)), [Read::Failed(Violation::NotUtf8)]);
}

#[test]
fn a_close_reason_is_cut_at_a_character() {
    let payload = close_payload(4000, &"ß".repeat(100));
    assert_eq!(payload.len(), 2 + 122);
    assert!(std::str::from_utf8(&payload[2..]).is_ok());
}

/// A message and how a client cuts it into fragments.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let texts = prop_oneof!["\\PC{0,40}", "[a-z]{100,400}", Just("y".repeat(40_000))];
    let fragmented = (texts.clone(), prop::collection::vec(any::<prop::sample::Index>(), 0..4)).prop_map(
        |(text, cuts)| {
            let bytes = text.into_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.sort_unstable();
            at.insert(0, 0);
            at.push(bytes.len());
            let last = at.len() - 2;
            let parts = at.windows(2).enumerate().map(|(index, part)| {
                let kind = if index == 0 { Data::Text } else { Data::Continue };
                data(kind, index == last, &bytes[part[0]..part[1]])
            });
            parts.collect::<Vec<_>>().concat()
        },
    );
    prop_oneof![
        4 => fragmented,
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| data(Data::Binary, true, &bytes)),
        1 => prop::collection::vec(any::<u8>(), 0..125).prop_map(|bytes| control_frame(Control::Ping, &bytes)),
        1 => Just(control_frame(Control::Pong, b"pong")),
    ]
}

/// What the other implementation makes of it.
fn read_by_tungstenite(bytes: &[u8]) -> Vec<Read> {
    struct OneWay<'a>(&'a [u8]);
    impl std::io::Read for OneWay<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            std::io::Read::read(&mut self.0, into)
        }
    }
    impl std::io::Write for OneWay<'_> {
        fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
            Ok(from.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut socket = WebSocket::from_raw_socket(OneWay(bytes), Role::Server, None);
    let mut found = Vec::new();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => found.push(Read::Text(text.to_string())),
            Ok(Message::Binary(bytes)) => found.push(Read::Binary(bytes.len())),
            Ok(Message::Ping(payload)) => found.push(Read::Ping(payload.to_vec())),
            Ok(Message::Pong(_)) => found.push(Read::Pong),
            Ok(Message::Close(frame)) => found.push(Read::Close(frame.map(|frame| frame.code.into()))),
            Ok(Message::Frame(_)) => {}
            Err(_) => return found,
        }
    }
}

proptest! {
    #[test]
    fn messages_are_read_as_another_implementation_reads_them(
        messages in prop::collection::vec(message(), 0..12),
        chunks in prop::collection::vec(1_usize..5_000, 1..8),
    ) {
        let bytes = messages.concat();
        let ours = read(&bytes, &chunks);
        prop_assert_eq!(&ours, &read_by_tungstenite(&bytes));
    }

    #[test]
    fn what_is_read_does_not_depend_on_how_it_arrives(
        messages in prop::collection::vec(message(), 1..6),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        chunks in prop::collection::vec(1_usize..400, 1..8),
    ) {
        let mut bytes = messages.concat();
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= with;
        }
        prop_assert_eq!(read(&bytes, &chunks), read_whole(&bytes));
    }

    #[test]
    fn what_we_write_is_read_by_another_implementation(texts in prop::collection::vec("\\PC{0,300}", 0..8)) {
        let mut bytes = Vec::new();
        for body in &texts {
            bytes.extend(text(body.as_bytes()));
            bytes.extend(control(OpCode::Ping, b"hi"));
        }
        let mut socket = WebSocket::from_raw_socket(std::io::Cursor::new(bytes), Role::Client, None);
        for body in &texts {
            prop_assert_eq!(socket.read().unwrap(), Message::text(body.as_str()));
            prop_assert_eq!(socket.read().unwrap(), Message::Ping("hi".into()));
        }
    }
}
