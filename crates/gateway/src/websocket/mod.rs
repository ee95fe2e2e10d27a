//! RFC 6455 as a server needs it: the handshake's arithmetic, reading masked frames, writing unmasked ones.
//! Does no I/O and knows nothing of the chat; the application's close codes are the caller's.

mod frame;
mod handshake;
mod reader;
mod writer;

pub use self::{
    frame::{OpCode, Violation},
    handshake::{HandshakeError, Offer, accept_key, offer},
    reader::{Incoming, Reader},
    writer::{close_payload, control, text, write_text},
};
