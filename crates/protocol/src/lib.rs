//! Steps 2 and 3 of a message's journey: bytes → frame → command, and events → bytes on the way back.
//! Does no I/O and knows no runtime, clock or randomness; what it needs of them comes in as arguments.
//!
//! Read in this order: [`frame::client`] (what clients send), [`frame::server`] (what they get), [`code`] (how a no is
//! told), [`session`] (what is legal when), [`http`] (the bodies of the HTTP routes). The numbered rules these modules
//! keep are in `docs/protocol.md`; tests cite the numbers.

pub mod code;
pub mod frame;
pub mod http;
pub mod limits;
pub mod scalar;
pub mod session;

pub use code::{CloseCode, Code};
pub use scalar::{Ref, Time};

/// The version of the protocol, as named in `Sec-WebSocket-Protocol`.
pub const SUBPROTOCOL: &str = "dynamowave.v1";
