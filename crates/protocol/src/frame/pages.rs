//! Frames as bytes where many are made: live events, pages of events, lists of presences.
//! Invariant: no frame is larger than `SERVER_FRAME_BYTES_MAX`, unless it carries a single event, and then it is not
//! larger than `MESSAGE_BYTES_MAX`.

use chat::{ConversationId, Event, Seq, UserId, announcement::Presence};

use super::{
    event::ChatEvent,
    server::{PresenceFrame, ServerFrame, UserPresence},
};
use crate::limits::{PRESENCE_PER_FRAME_MAX, SERVER_FRAME_BYTES_MAX};

/// The `event` frame of something that has just happened.
#[must_use]
pub fn event_frame(event: &Event, ordinal: u64) -> Vec<u8> {
    ServerFrame::Event(Box::new(ChatEvent::of_event(event, ordinal))).encode()
}

/// Packs ascending events of one conversation into as few `events` frames as fit. All but the last say `more`; the
/// last says it if `more_after`, because the caller has another read to come. No events make no frame.
pub fn event_pages<'a>(
    conversation: ConversationId,
    head: Seq,
    more_after: bool,
    events: impl IntoIterator<Item = ChatEvent<'a>>,
) -> impl Iterator<Item = Vec<u8>> {
    let start = format!(
        "{{\"type\":\"events\",\"conversationId\":\"{conversation}\",\"headSeq\":{head},\"events\":["
    );
    let mut encoded = events.into_iter().map(|event| event.encode()).peekable();
    std::iter::from_fn(move || {
        let first = encoded.next()?;
        let mut page = Vec::with_capacity(start.len() + first.len() + END_BYTES);
        page.extend_from_slice(start.as_bytes());
        page.extend_from_slice(&first);
        while let Some(event) =
            encoded.next_if(|event| page.len() + 1 + event.len() + END_BYTES <= SERVER_FRAME_BYTES_MAX)
        {
            page.push(b',');
            page.extend_from_slice(&event);
        }
        let more = more_after || encoded.peek().is_some();
        page.extend_from_slice(if more { b"],\"more\":true}" } else { b"],\"more\":false}" });
        Some(page)
    })
}

/// The longer of the two ends of a page.
const END_BYTES: usize = b"],\"more\":false}".len();

/// The `presence` frames that tell how these people are.
pub fn presence_frames(users: &[(UserId, Presence)]) -> impl Iterator<Item = Vec<u8>> {
    users.chunks(PRESENCE_PER_FRAME_MAX).map(|chunk| {
        let users = chunk.iter().map(|(user, presence)| UserPresence::of(*user, *presence)).collect();
        ServerFrame::Presence(PresenceFrame { users }).encode()
    })
}
