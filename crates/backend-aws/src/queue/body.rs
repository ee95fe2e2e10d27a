//! Items as the text of messages: base64 of a versioned record, and names of groups as the service allows them.
//! Invariant: what this version writes every later one reads.

use chat::ports::{ErrorKind, PortError};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    codec::{self, from_hex, hex},
    error::plain,
    limits::QUEUE_BATCH_BYTES_MAX,
};

/// Attribute of a message whose outcome somebody waits for: the waiter's name.
pub(super) const WAITER: &str = "waiter";
/// Bytes of a message besides its body, as counted against the bound of a request.
pub(super) const MESSAGE_OVERHEAD_BYTES: usize = 256;

/// An item's body as text.
pub(super) fn write(body: &impl Serialize) -> Result<String, PortError> {
    let text = codec::to_text(&codec::encode(body));
    if text.len() + MESSAGE_OVERHEAD_BYTES <= QUEUE_BATCH_BYTES_MAX {
        Ok(text)
    } else {
        Err(plain(ErrorKind::Invalid, "sqs.send (an item is too large)"))
    }
}

/// The body of such text.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, PortError> {
    codec::decode("queue item", &codec::from_text("queue item", text)?)
}

/// 128 bits as the service takes them for a group or for deduplication.
pub(super) fn name(bits: u128) -> String {
    hex(&bits.to_be_bytes())
}

/// The 128 bits of a group.
pub(super) fn bits(name: &str) -> Result<u128, PortError> {
    from_hex("queue group", name)
}
