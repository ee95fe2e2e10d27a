//! What searching means: which words a text has, what is asked for, what is found, and how a hit is shown.
//! Pure rules shared by every backend: an index may only find faster what [`SearchQuery::finds`] says.
//!
//! [`words`] cuts a text, [`Phrase`] is what has to stand in it, [`parse`] reads what people type, [`snippet`] shows why
//! a message was found.

mod parse;
mod phrase;
mod snippet;
mod words;

use crate::{
    event::{EventKind, Row},
    ids::{ConversationId, Seq, TimestampMs, UserId},
};

pub use self::{
    parse::{Asked, SearchError, parse},
    phrase::Phrase,
    snippet::{Part, snippet},
    words::{Word, folded, words},
};

/// Where a message stands among all messages: results come from the greatest place to the smallest, so newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// When it was sent.
    pub at: TimestampMs,
    /// In which conversation.
    pub conversation: ConversationId,
    /// Its place there.
    pub seq: Seq,
}

/// A search, with every name resolved to an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    /// Who searches: nothing outside their conversations is found (D7).
    pub reader: UserId,
    /// All of them have to stand in the text.
    pub phrases: Vec<Phrase>,
    /// Sent by one of them; empty: by anybody.
    pub from: Vec<UserId>,
    /// In one of these conversations, as far as the reader is a member; `None`: in all of the reader's.
    pub within: Option<Vec<ConversationId>>,
    /// Sent earlier than this.
    pub before: Option<TimestampMs>,
    /// Sent at this time or later.
    pub since: Option<TimestampMs>,
    /// With at least one file.
    pub has_file: bool,
    /// Only what comes after this place in the order of results: where the page before ended.
    pub after: Option<Place>,
    /// Messages of the page at most.
    pub rows_max: usize,
}

impl Place {
    /// Where a row stands.
    #[must_use]
    pub fn of(row: &Row) -> Place {
        Place { at: row.event.at, conversation: row.event.conversation, seq: row.event.seq }
    }
}

impl SearchQuery {
    /// Everything that somebody may see, newest first: to be narrowed.
    #[must_use]
    pub fn of(reader: UserId, rows_max: usize) -> SearchQuery {
        SearchQuery {
            reader,
            phrases: Vec::new(),
            from: Vec::new(),
            within: None,
            before: None,
            since: None,
            has_file: false,
            after: None,
            rows_max,
        }
    }

    /// Whether a row, as it is now, is a result. Membership is not looked at: that is for who reads the row.
    #[must_use]
    pub fn finds(&self, row: &Row) -> bool {
        let event = &row.event;
        let is_deleted = row.message.as_ref().is_none_or(|state| state.deleted_at.is_some());
        let EventKind::Message { body, attachments, .. } = &event.kind else { return false };
        !is_deleted
            && (self.from.is_empty() || self.from.contains(&event.actor))
            && self.within.as_ref().is_none_or(|within| within.contains(&event.conversation))
            && self.before.is_none_or(|before| event.at < before)
            && self.since.is_none_or(|since| event.at >= since)
            && (!self.has_file || !attachments.is_empty())
            && self.after.is_none_or(|after| Place::of(row) < after)
            && self.stands_in(body)
    }

    fn stands_in(&self, body: &str) -> bool {
        if self.phrases.is_empty() {
            return true;
        }
        let words = words(body);
        self.phrases.iter().all(|phrase| phrase.stands_in(&words))
    }
}
