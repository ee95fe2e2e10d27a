//! Which version of the protocol a connection speaks, from the `Sec-WebSocket-Protocol` header.
//! Knows the header's text only, not HTTP.

use crate::SUBPROTOCOL;

/// What to answer to the subprotocols a client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Negotiation<'a> {
    /// Speak it; name this in the response, if anything was offered.
    Speak(Option<&'static str>),
    /// None of the offered is spoken. Browsers hide the status of a failed upgrade, so complete it with the first one
    /// offered and close at once with [`crate::CloseCode::UnsupportedSubprotocol`].
    Unsupported {
        /// The first one offered.
        first: &'a str,
    },
}

/// Chooses. `offered` is the header's value, several joined by commas; `None` and an empty one offer nothing, which is
/// answered with the version of today.
#[must_use]
pub fn negotiate(offered: Option<&str>) -> Negotiation<'_> {
    let mut names = offered.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    let Some(first) = names.next() else { return Negotiation::Speak(None) };
    if first == SUBPROTOCOL || names.any(|name| name == SUBPROTOCOL) {
        Negotiation::Speak(Some(SUBPROTOCOL))
    } else {
        Negotiation::Unsupported { first }
    }
}
