//! Writes the frames of a server: unmasked, never fragmented, lengths in the shortest form.
//! Knows nothing of sockets; what it makes can be shared between any number of connections.

use super::frame::{CONTROL_BYTES_MAX, OpCode};

/// Longest header that [`write_text`] writes.
const HEADER_BYTES_MAX: usize = 10;

/// A text frame, ready to send.
#[must_use]
pub fn text(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + HEADER_BYTES_MAX);
    write_text(&mut out, payload);
    out
}

/// Appends a text frame.
pub fn write_text(out: &mut Vec<u8>, payload: &[u8]) {
    write_header(out, OpCode::Text, payload.len());
    out.extend_from_slice(payload);
}

/// A control frame. A payload above 125 bytes is cut.
#[must_use]
pub fn control(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    let most = usize::try_from(CONTROL_BYTES_MAX).unwrap_or(usize::MAX);
    let payload = &payload[..payload.len().min(most)];
    let mut out = Vec::with_capacity(payload.len() + 2);
    write_header(&mut out, opcode, payload.len());
    out.extend_from_slice(payload);
    out
}

/// The payload of a close frame; the reason is cut at a character so that it fits.
#[must_use]
pub fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    let most = usize::try_from(CONTROL_BYTES_MAX).unwrap_or(usize::MAX) - 2;
    let reason = &reason[..reason.floor_char_boundary(most)];
    let mut out = Vec::with_capacity(reason.len() + 2);
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
    out
}

fn write_header(out: &mut Vec<u8>, opcode: OpCode, length: usize) {
    out.push(0x80 | opcode.bits());
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..=125), _) => out.push(short),
        (_, Ok(medium)) => {
            out.push(126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}
