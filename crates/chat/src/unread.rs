//! Unread counts: arithmetic on sequences, nothing stored per member per message (D9).
//! Knows marks and message counts only, so every home and every device gets the same number.

use crate::{change::MarkState, event::Row, ids::UserId};

/// Messages after the reader's mark. `messages` is the conversation's count; a mark made before `joined_ordinal`
/// (the count when the reader became a member) does not reach back beyond it.
#[must_use]
pub const fn unread(messages: u64, mark: MarkState, joined_ordinal: u64) -> u64 {
    let read = if mark.read_ordinal > joined_ordinal { mark.read_ordinal } else { joined_ordinal };
    messages.saturating_sub(read)
}

/// A reader's mark as it counts: who wrote the last message has read everything up to it, also before a mark says so.
#[must_use]
pub fn mark_of(reader: UserId, mark: MarkState, last: Option<&Row>) -> MarkState {
    match last {
        Some(row) if row.event.actor == reader && row.event.seq > mark.read => {
            MarkState { read: row.event.seq, read_ordinal: row.ordinal, ..mark }
        }
        _ => mark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Event, EventKind},
        ids::{CommandId, ConversationId},
    };

    fn message(seq: u64, ordinal: u64, actor: UserId) -> Row {
        let kind =
            EventKind::Message { body: "hi".into(), reply_to: None, mentions: vec![], attachments: vec![] };
        let (conversation, command_id) =
            (ConversationId::from_u128(1), CommandId::from_u128(u128::from(seq)));
        Row::of(&Event { conversation, seq, at: 0, actor, command_id, kind }, ordinal)
    }

    #[test]
    fn d9_ones_own_last_message_is_read_and_somebody_elses_is_not() {
        let (ada, bob) = (UserId::from_u128(1), UserId::from_u128(2));
        let mark = MarkState { read: 2, read_ordinal: 1, delivered: 2 };
        let last = message(9, 5, ada);
        assert_eq!(unread(5, mark_of(ada, mark, Some(&last)), 0), 0);
        assert_eq!(unread(5, mark_of(bob, mark, Some(&last)), 0), 4);
        assert_eq!(mark_of(ada, mark, None), mark);
        let ahead = MarkState { read: 10, read_ordinal: 5, delivered: 10 };
        assert_eq!(mark_of(ada, ahead, Some(&last)), ahead, "a mark never goes back");
    }
}
