//! The checking mode: an event parsed whole and compared with what was sent.
//! Too slow to measure with, and the reason why the cheap scan may be believed.

use serde_json::Value;

use crate::client::tag::Tag;

/// Compares a frame with the message that it must be.
///
/// # Errors
/// What differs, for people.
pub(super) fn verify(payload: &[u8], conversations: &[String], tag: Tag, seq: u64) -> Result<(), String> {
    let frame: Value = serde_json::from_slice(payload).map_err(|error| format!("no JSON: {error}"))?;
    let text = |field: &str| frame.get(field).and_then(Value::as_str).unwrap_or_default();
    let conversation = conversations.get(tag.room as usize).map_or("", String::as_str);
    let facts = [
        ("type", text("type") == "event"),
        ("kind", text("kind") == "message"),
        ("conversationId", text("conversationId") == conversation),
        ("seq", frame.get("seq").and_then(Value::as_u64) == Some(seq)),
        ("body", !text("body").is_empty()),
        ("senderId", text("senderId").len() == 36),
        ("messageId", text("messageId").len() == 36),
        ("sentAt", text("sentAt").ends_with('Z')),
    ];
    match facts.iter().find(|(_, holds)| !holds) {
        None => Ok(()),
        Some((field, _)) => Err(format!("{field} is not what was sent: {frame}")),
    }
}
