//! The opening handshake (RFC 6455 §4.2) as arithmetic on headers: is this an upgrade, and what answers it.
//! Who may connect is not decided here.

use base64ct::{Base64, Encoding as _};
use http::{HeaderMap, Method, Version, header};
use sha1::{Digest as _, Sha1};
use thiserror::Error;

/// The GUID of RFC 6455 §1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A well-formed request to upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The answer to its key: the value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The subprotocols the client speaks, in its order of preference.
    pub protocols: Vec<String>,
}

/// Why a request is no upgrade this server can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// Plain HTTP.
    #[error("This address is for WebSocket connections: send an upgrade request (RFC 6455).")]
    NotAnUpgrade,
    /// Another version.
    #[error("Only version 13 of the WebSocket protocol is spoken here.")]
    Version,
    /// No key, or not 16 bytes of Base64.
    #[error("The Sec-WebSocket-Key header must be 16 random bytes in Base64.")]
    Key,
}

/// Reads the upgrade request out of a request's head.
///
/// # Errors
/// What is wrong with it.
pub fn offer(method: &Method, version: Version, headers: &HeaderMap) -> Result<Offer, HandshakeError> {
    let upgrades =
        has_token(headers, header::CONNECTION, "upgrade") && has_token(headers, header::UPGRADE, "websocket");
    if method != Method::GET || version != Version::HTTP_11 || !upgrades {
        return Err(HandshakeError::NotAnUpgrade);
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|value| value.as_bytes() != b"13") {
        return Err(HandshakeError::Version);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or(HandshakeError::Key)?.as_bytes();
    let mut nonce = [0_u8; 18];
    match Base64::decode(key, &mut nonce) {
        Ok(bytes) if bytes.len() == 16 => {}
        _ => return Err(HandshakeError::Key),
    }
    let protocols = tokens(headers, header::SEC_WEBSOCKET_PROTOCOL).map(str::to_owned).collect();
    Ok(Offer { accept: accept_key(key), protocols })
}

/// The value of `Sec-WebSocket-Accept` for a key.
#[must_use]
pub fn accept_key(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    Base64::encode_string(&digest)
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

fn tokens(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}
