//! RFC 6455 frames as a client needs them: headers parsed in place, own frames built once and sent many times.
//! The mask is all zeros, which the standard allows and which costs nothing: this is a measuring tool on a private wire.

use crate::limits::FRAME_BYTES_MAX;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// Text, the only kind that carries the protocol.
    Text,
    /// The peer closes.
    Close,
    /// The peer asks for a pong.
    Ping,
    /// Answer to a ping.
    Pong,
}

/// A frame that is complete in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it carries.
    pub opcode: Opcode,
    /// Its content.
    pub payload: &'a [u8],
    /// Bytes of header and content together.
    pub length: usize,
}

/// Why bytes are no frame this client takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Reserved bits or an opcode that was not negotiated.
    #[error("frame with first byte {0:#04x}: only whole text and control frames are expected")]
    Unexpected(u8),
    /// A server must not mask.
    #[error("masked frame from a server")]
    Masked,
    /// Longer than any frame of the protocol.
    #[error("frame of {0} bytes")]
    TooLong(u64),
}

/// Bytes of the mask.
const MASK: [u8; 4] = [0; 4];
const FINAL: u8 = 0x80;

/// The first frame of `bytes`, or nothing when it is not complete yet.
///
/// # Errors
/// When the bytes can never become a frame this client takes.
#[inline]
pub fn parse(bytes: &[u8]) -> Result<Option<Frame<'_>>, FrameError> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let opcode = match *first {
        0x81 => Opcode::Text,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8a => Opcode::Pong,
        other => return Err(FrameError::Unexpected(other)),
    };
    if second & 0x80 != 0 {
        return Err(FrameError::Masked);
    }
    let (header, length) = match second & 0x7f {
        126 => match rest {
            [a, b, ..] => (4, usize::from(u16::from_be_bytes([*a, *b]))),
            _ => return Ok(None),
        },
        127 => match rest {
            [a, b, c, d, e, f, g, h, ..] => {
                (10, bounded(u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))?)
            }
            _ => return Ok(None),
        },
        short => (2, usize::from(short)),
    };
    Ok(bytes.get(header..header + length).map(|payload| Frame { opcode, payload, length: header + length }))
}

fn bounded(length: u64) -> Result<usize, FrameError> {
    let fits = usize::try_from(length).ok().filter(|_| length <= FRAME_BYTES_MAX);
    fits.ok_or(FrameError::TooLong(length))
}

/// A text frame as a client sends it.
#[must_use]
pub fn text(payload: &[u8]) -> Vec<u8> {
    client_frame(0x1, payload)
}

/// The answer to a ping.
#[must_use]
pub fn pong(payload: &[u8]) -> Vec<u8> {
    client_frame(0xa, payload)
}

/// A close frame without a code.
#[must_use]
pub fn close() -> Vec<u8> {
    client_frame(0x8, &[])
}

/// Bytes before the content of a client's frame of `length` bytes.
#[must_use]
pub fn header_length(length: usize) -> usize {
    MASK.len()
        + match length {
            0..=125 => 2,
            126..=0xffff => 4,
            _ => 10,
        }
}

fn client_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(header_length(payload.len()) + payload.len());
    frame.push(FINAL | opcode);
    match u16::try_from(payload.len()) {
        Ok(short @ 0..=125) => frame.push(0x80 | short.to_be_bytes()[1]),
        Ok(medium) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&medium.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend_from_slice(payload);
    frame
}

/// The code of a close frame's content, if it has one.
#[must_use]
pub fn close_code(payload: &[u8]) -> Option<u16> {
    payload.first_chunk::<2>().map(|code| u16::from_be_bytes(*code))
}
