//! Pages of lists: how many rows, and where the next page begins.
//! A cursor is opaque to clients; nothing in it is trusted when it comes back.

use std::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding};
use chat::{
    ConversationId, TimestampMs, UserId,
    limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX},
    search::Place,
};
use protocol::Code;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Problem;

/// The query of a list in the order of ids.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct PageQuery {
    /// `next` of the page before.
    pub(crate) after: Option<String>,
    /// Rows, 1 to 500; 50 when absent.
    pub(crate) limit: Option<u64>,
}

/// Rows of a page: what was asked for, or the default.
///
/// # Errors
/// `bad_request` when it is not between 1 and [`PAGE_ROWS_MAX`].
pub(crate) fn limit(asked: Option<u64>) -> Result<usize, Problem> {
    let Some(asked) = asked else { return Ok(PAGE_ROWS_DEFAULT) };
    let rows = usize::try_from(asked).unwrap_or(usize::MAX);
    if (1..=PAGE_ROWS_MAX).contains(&rows) {
        Ok(rows)
    } else {
        Err(Problem::new(Code::BadRequest, format!("limit: 1 to {PAGE_ROWS_MAX}.")).in_field("limit"))
    }
}

/// The cursor behind a page that was filled to its limit.
pub(crate) fn next<T>(rows: &[T], limit: usize, cursor: impl FnOnce(&T) -> String) -> Option<String> {
    if rows.len() < limit { None } else { rows.last().map(cursor) }
}

/// An id that a client was given as a cursor.
///
/// # Errors
/// `bad_cursor`.
pub(crate) fn parse_after<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| bad_cursor("after"))
}

/// As [`parse_after`], for lists whose parameter is called `cursor`.
///
/// # Errors
/// `bad_cursor`.
pub(crate) fn parse_cursor<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| bad_cursor("cursor"))
}

/// The cursor behind a reaction.
pub(crate) fn reaction(last: &(UserId, String)) -> String {
    format!("{}~{}", last.0, Base64UrlUnpadded::encode_string(last.1.as_bytes()))
}

/// # Errors
/// `bad_cursor`.
pub(crate) fn parse_reaction(text: &str) -> Result<(UserId, String), Problem> {
    let parse = || {
        let (user, emoji) = text.split_once('~')?;
        let emoji = Base64UrlUnpadded::decode_vec(emoji).ok()?;
        Some((user.parse().ok()?, String::from_utf8(emoji).ok()?))
    };
    parse().ok_or_else(|| bad_cursor("after"))
}

fn bad_cursor(field: &'static str) -> Problem {
    Problem::new(Code::BadCursor, "The cursor is not one of this list. Begin again without one.")
        .in_field(field)
}

/// The place of a conversation in a list by activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ActivityCursor {
    pub(crate) active_at: TimestampMs,
    pub(crate) conversation: ConversationId,
}

impl ActivityCursor {
    pub(crate) fn encode(self) -> String {
        let mut bytes = [0_u8; 24];
        bytes[..8].copy_from_slice(&self.active_at.to_be_bytes());
        bytes[8..].copy_from_slice(&self.conversation.to_bytes());
        Base64UrlUnpadded::encode_string(&bytes)
    }

    /// # Errors
    /// `bad_cursor`.
    pub(crate) fn decode(text: &str) -> Result<ActivityCursor, Problem> {
        let mut bytes = [0_u8; 24];
        let decoded = Base64UrlUnpadded::decode(text, &mut bytes).map_or(0, <[u8]>::len);
        if decoded != bytes.len() {
            return Err(bad_cursor("cursor"));
        }
        let (mut time, mut id) = ([0_u8; 8], [0_u8; 16]);
        time.copy_from_slice(&bytes[..8]);
        id.copy_from_slice(&bytes[8..]);
        Ok(ActivityCursor {
            active_at: TimestampMs::from_be_bytes(time),
            conversation: ConversationId::from_bytes(id),
        })
    }
}

/// The place of a message among the results of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SearchCursor(pub(crate) Place);

impl SearchCursor {
    pub(crate) fn encode(self) -> String {
        let Place { at, conversation, seq } = self.0;
        let mut bytes = [0_u8; 32];
        bytes[..8].copy_from_slice(&at.to_be_bytes());
        bytes[8..24].copy_from_slice(&conversation.to_bytes());
        bytes[24..].copy_from_slice(&seq.to_be_bytes());
        Base64UrlUnpadded::encode_string(&bytes)
    }

    /// # Errors
    /// `bad_cursor`.
    pub(crate) fn decode(text: &str) -> Result<SearchCursor, Problem> {
        let mut bytes = [0_u8; 32];
        let decoded = Base64UrlUnpadded::decode(text, &mut bytes).map_or(0, <[u8]>::len);
        if decoded != bytes.len() {
            return Err(bad_cursor("cursor"));
        }
        let (mut at, mut id, mut seq) = ([0_u8; 8], [0_u8; 16], [0_u8; 8]);
        at.copy_from_slice(&bytes[..8]);
        id.copy_from_slice(&bytes[8..24]);
        seq.copy_from_slice(&bytes[24..]);
        Ok(SearchCursor(Place {
            at: TimestampMs::from_be_bytes(at),
            conversation: ConversationId::from_bytes(id),
            seq: u64::from_be_bytes(seq),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_as_they_went() {
        let cursor = ActivityCursor {
            active_at: 1_700_000_000_000,
            conversation: ConversationId::from_u128(u128::MAX / 3),
        };
        assert_eq!(ActivityCursor::decode(&cursor.encode()).unwrap(), cursor);
        let place = Place { at: 5, conversation: cursor.conversation, seq: u64::MAX };
        assert_eq!(SearchCursor::decode(&SearchCursor(place).encode()).unwrap().0, place);
        assert_eq!(SearchCursor::decode(&cursor.encode()).unwrap_err().code(), Code::BadCursor);
        for bad in ["", "x", "AAAA", "!!!!", &"A".repeat(33), &"A".repeat(400)] {
            assert_eq!(ActivityCursor::decode(bad).unwrap_err().code(), Code::BadCursor, "{bad}");
        }
    }

    #[test]
    fn limits_are_kept() {
        assert_eq!(limit(None).unwrap(), PAGE_ROWS_DEFAULT);
        assert_eq!(limit(Some(1)).unwrap(), 1);
        for bad in [0, PAGE_ROWS_MAX as u64 + 1, u64::MAX] {
            assert_eq!(limit(Some(bad)).unwrap_err().code(), Code::BadRequest);
        }
    }
}
