//! Unread counts: arithmetic on sequences, nothing stored per member per message (D9).
//! Knows marks and message counts only, so every home and every device gets the same number.

use crate::change::MarkState;

/// Messages after the reader's mark. `messages` is the conversation's count; a mark made before `joined_ordinal`
/// (the count when the reader became a member) does not reach back beyond it.
#[must_use]
pub const fn unread(messages: u64, mark: MarkState, joined_ordinal: u64) -> u64 {
    let read = if mark.read_ordinal > joined_ordinal { mark.read_ordinal } else { joined_ordinal };
    messages.saturating_sub(read)
}
