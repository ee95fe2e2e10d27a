//! The checking mode: an event decoded whole, as a client decodes it, and compared with what was sent.
//! Too slow to measure with, and the reason why the cheap scan may be believed.

use protocol::frame::{event::Detail, server::ServerFrame};

use crate::client::tag::Tag;

/// What every message of a run must look like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// Ids of the rooms by number.
    pub(super) conversations: &'a [String],
    /// Body of every message.
    pub(super) body: &'a str,
}

/// Compares a frame with the message that it must be.
///
/// # Errors
/// What differs, for people.
pub(super) fn verify(payload: &[u8], expected: Expected<'_>, tag: Tag, seq: u64) -> Result<(), String> {
    let text = std::str::from_utf8(payload).map_err(|error| format!("no text: {error}"))?;
    let frame =
        ServerFrame::decode(text).map_err(|error| format!("no frame of the protocol ({error}): {text}"))?;
    let ServerFrame::Event(event) = frame else { return Err(format!("no event: {text}")) };
    let Detail::Message(message) = &event.detail else { return Err(format!("no message: {text}")) };
    let conversation = expected.conversations.get(tag.room as usize).map_or("", String::as_str);
    let facts = [
        ("conversationId", event.conversation_id.to_string() == conversation),
        ("seq", event.seq == seq),
        ("body", message.body == expected.body),
        ("rev", message.rev == seq),
    ];
    match facts.iter().find(|(_, holds)| !holds) {
        None => Ok(()),
        Some((field, _)) => Err(format!("{field} is not what was sent: {text}")),
    }
}
