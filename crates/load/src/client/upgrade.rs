//! The opening handshake, client side.
//! Does not verify `Sec-WebSocket-Accept`: nothing that is measured depends on it, and the tests do it with another client.

use crate::limits::UPGRADE_BYTES_MAX;

/// What has arrived of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// More bytes are needed.
    Incomplete,
    /// The socket speaks WebSocket; frames begin at this offset.
    Switched(usize),
    /// The server refused, with this beginning of an answer.
    Refused(String),
}

/// The request for a connection of whoever holds `token`.
#[must_use]
pub fn request(host: &str, token: &str) -> Vec<u8> {
    let version = protocol::SUBPROTOCOL;
    format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: ZHluYW1vd2F2ZS1sb2FkIQ==\r\nSec-WebSocket-Protocol: {version}\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes()
}

/// Reads the answer.
#[must_use]
pub fn answer(bytes: &[u8]) -> Answer {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > UPGRADE_BYTES_MAX {
            Answer::Refused("endless answer to the upgrade".into())
        } else {
            Answer::Incomplete
        };
    };
    if bytes.starts_with(b"HTTP/1.1 101") {
        return Answer::Switched(end + 4);
    }
    Answer::Refused(String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned())
}
