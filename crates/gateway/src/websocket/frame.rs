//! What a WebSocket frame is made of (RFC 6455 §5.2): opcodes, the header, and how a peer can break the rules.
//! Invariant: a header is accepted only when every one of its bits is legal for a client that negotiated nothing.

use thiserror::Error;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpCode {
    /// Goes on with the message begun before.
    Continuation,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
    /// The closing handshake.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping.
    Pong,
}

/// How a peer broke RFC 6455. The text is the reason of the close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Violation {
    /// A reserved bit is set although no extension was agreed.
    #[error("a reserved bit is set, but no extension was agreed")]
    ReservedBit,
    /// Opcodes 3–7 and 11–15.
    #[error("the opcode is reserved")]
    ReservedOpCode,
    /// Clients mask, always (§5.1).
    #[error("frames of a client must be masked")]
    Unmasked,
    /// Ping, pong and close come in one piece.
    #[error("a control frame must not be fragmented")]
    FragmentedControl,
    /// Ping, pong and close carry at most 125 bytes.
    #[error("a control frame carries at most 125 bytes")]
    LongControl,
    /// A length in more bytes than it needs, or above 2^63.
    #[error("the length is not encoded in the shortest way")]
    LengthEncoding,
    /// A continuation of nothing.
    #[error("a continuation frame without a message to continue")]
    NothingToContinue,
    /// A new message inside another.
    #[error("a new message began before the last one ended")]
    InterleavedMessage,
    /// Text is UTF-8 (§8.1).
    #[error("the text is not valid UTF-8")]
    NotUtf8,
    /// A close payload of one byte.
    #[error("a close frame has no payload or begins with a two-byte code")]
    CloseLength,
    /// A close code nobody may send (§7.4).
    #[error("the close code is not one that may be sent")]
    CloseCode,
    /// More than the reader was told to take.
    #[error("the message is larger than this server takes")]
    TooLarge,
}

/// A parsed header and its own length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: OpCode,
    pub(super) is_final: bool,
    pub(super) mask: [u8; 4],
    pub(super) header_bytes: usize,
    pub(super) payload_bytes: u64,
}

/// Most bytes of a control frame's payload.
pub(super) const CONTROL_BYTES_MAX: u64 = 125;

impl OpCode {
    pub(super) const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    const fn from_bits(bits: u8) -> Result<OpCode, Violation> {
        match bits {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            _ => Err(Violation::ReservedOpCode),
        }
    }

    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

impl Header {
    /// Parses a header; `None` while bytes are missing.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Header>, Violation> {
        let &[first, second, ..] = bytes else { return Ok(None) };
        let opcode = check_first(first)?;
        if second & 0x80 == 0 {
            return Err(Violation::Unmasked);
        }
        let is_final = first & 0x80 != 0;
        let Some((payload_bytes, length_end)) = length(bytes, second & 0x7F)? else { return Ok(None) };
        if opcode.is_control() && !is_final {
            return Err(Violation::FragmentedControl);
        }
        if opcode.is_control() && payload_bytes > CONTROL_BYTES_MAX {
            return Err(Violation::LongControl);
        }
        let Some(mask) = bytes[length_end..].first_chunk::<4>() else { return Ok(None) };
        Ok(Some(Header { opcode, is_final, mask: *mask, header_bytes: length_end + 4, payload_bytes }))
    }
}

fn check_first(first: u8) -> Result<OpCode, Violation> {
    if first & 0x70 != 0 {
        return Err(Violation::ReservedBit);
    }
    OpCode::from_bits(first & 0x0F)
}

/// The payload's length and where the length field ends.
fn length(bytes: &[u8], short: u8) -> Result<Option<(u64, usize)>, Violation> {
    match short {
        126 => {
            let Some(field) = bytes[2..].first_chunk::<2>() else { return Ok(None) };
            let value = u64::from(u16::from_be_bytes(*field));
            if value < 126 { Err(Violation::LengthEncoding) } else { Ok(Some((value, 4))) }
        }
        127 => {
            let Some(field) = bytes[2..].first_chunk::<8>() else { return Ok(None) };
            let value = u64::from_be_bytes(*field);
            let shortest = value > u64::from(u16::MAX) && value >> 63 == 0;
            if shortest { Ok(Some((value, 10))) } else { Err(Violation::LengthEncoding) }
        }
        _ => Ok(Some((u64::from(short), 2))),
    }
}

/// Takes the mask off, or puts it on: eight bytes at a time.
pub(super) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}
