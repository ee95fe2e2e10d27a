//! The query language: words, "phrases", beginnings* and filters such as `from:ann`, as people type them.
//! Knows nobody's name: who `ann` is and which conversation `general` means is for who has a store.

use thiserror::Error;
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

use super::phrase::Phrase;
use crate::{
    ids::TimestampMs,
    limits::{SEARCH_NAMES_MAX, SEARCH_PHRASES_MAX, SEARCH_QUERY_CHARS_MAX, SEARCH_WORDS_MAX},
};

const DAY_MS: TimestampMs = 24 * 3_600 * 1_000;

/// What was asked for, as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// Each of them has to stand in the message.
    pub phrases: Vec<Phrase>,
    /// Names of senders, any of which will do; `me` is who asks.
    pub from: Vec<String>,
    /// Titles or ids of conversations, any of which will do.
    pub within: Vec<String>,
    /// Sent earlier than this.
    pub before: Option<TimestampMs>,
    /// Sent at this time or later.
    pub since: Option<TimestampMs>,
    /// With a file.
    pub has_file: bool,
}

/// Why a query cannot be answered. The text is for who typed it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SearchError {
    /// Neither a word nor a filter.
    #[error("There is no word and no filter to search for.")]
    Empty,
    /// Longer than [`SEARCH_QUERY_CHARS_MAX`].
    #[error("A search has at most {SEARCH_QUERY_CHARS_MAX} characters.")]
    TooLong,
    /// More words, phrases or names than allowed.
    #[error("A search has at most {SEARCH_WORDS_MAX} words and {SEARCH_NAMES_MAX} names.")]
    TooMany,
    /// A filter's value is not one it can have.
    #[error("{filter}:{value} – {wanted}")]
    BadFilter {
        /// Its name.
        filter: &'static str,
        /// What was written.
        value: String,
        /// What can be written, as a sentence.
        wanted: &'static str,
    },
}

/// Reads a query.
///
/// # Errors
/// [`SearchError`], which names the filter that is wrong.
pub fn parse(text: &str) -> Result<Asked, SearchError> {
    if text.chars().count() > SEARCH_QUERY_CHARS_MAX {
        return Err(SearchError::TooLong);
    }
    let mut asked = Asked::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (piece, after) = next_piece(rest);
        asked.take(&piece)?;
        rest = after.trim_start();
    }
    asked.checked()
}

/// One piece of a query.
struct Piece<'a> {
    filter: Option<&'static str>,
    value: &'a str,
    is_quoted: bool,
}

/// The first piece of what is left, and the rest. A quotation that does not end goes on to the end.
fn next_piece(text: &str) -> (Piece<'_>, &str) {
    let (filter, body) = match text.split_once(':') {
        Some((name, body)) => match filter_named(name) {
            Some(filter) => (Some(filter), body),
            None => (None, text),
        },
        None => (None, text),
    };
    if let Some(quoted) = body.strip_prefix(is_quote) {
        let (value, rest) = quoted.split_once(is_quote).unwrap_or((quoted, ""));
        return (Piece { filter, value, is_quoted: true }, rest);
    }
    let ends = |c: char| c.is_whitespace() || (filter.is_none() && is_quote(c));
    let end = body.find(ends).unwrap_or(body.len());
    (Piece { filter, value: &body[..end], is_quoted: false }, &body[end..])
}

fn filter_named(name: &str) -> Option<&'static str> {
    ["from", "in", "before", "after", "has"].into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»')
}

impl Asked {
    fn take(&mut self, piece: &Piece<'_>) -> Result<(), SearchError> {
        let Some(filter) = piece.filter else {
            let (text, is_prefix) = match piece.value.strip_suffix('*') {
                Some(text) if !piece.is_quoted => (text, true),
                _ => (piece.value, false),
            };
            self.phrases.extend(Phrase::of(text, is_prefix));
            return Ok(());
        };
        let value = piece.value.trim();
        match filter {
            "from" => self.from.push(name(filter, value, "name a person, as in from:ann or from:me.")?),
            "in" => self.within.push(name(
                filter,
                value,
                "name a conversation, as in in:general or in:\"two words\".",
            )?),
            "before" => {
                let (begins, _) = moment(filter, value)?;
                self.before = Some(self.before.map_or(begins, |other| other.min(begins)));
            }
            "after" => {
                let (_, ends) = moment(filter, value)?;
                self.since = Some(self.since.map_or(ends, |other| other.max(ends)));
            }
            _ if value.eq_ignore_ascii_case("file") => self.has_file = true,
            _ => return Err(bad(filter, value, "only has:file is known.")),
        }
        Ok(())
    }

    fn checked(self) -> Result<Asked, SearchError> {
        let words: usize = self.phrases.iter().map(|phrase| phrase.words().len()).sum();
        if words > SEARCH_WORDS_MAX
            || self.phrases.len() > SEARCH_PHRASES_MAX
            || self.from.len() + self.within.len() > SEARCH_NAMES_MAX
        {
            return Err(SearchError::TooMany);
        }
        if self == Asked::default() { Err(SearchError::Empty) } else { Ok(self) }
    }
}

fn name(filter: &'static str, value: &str, wanted: &'static str) -> Result<String, SearchError> {
    let value = value.trim_start_matches(['@', '#']);
    if value.is_empty() { Err(bad(filter, value, wanted)) } else { Ok(value.to_owned()) }
}

/// The first millisecond of a day or moment, and the first one after it. Days are those of UTC.
fn moment(filter: &'static str, value: &str) -> Result<(TimestampMs, TimestampMs), SearchError> {
    let wanted = "write a day as 2026-01-31, or a time as 2026-01-31T09:05:00Z.";
    let ms = |at: OffsetDateTime| TimestampMs::try_from(at.unix_timestamp_nanos() / 1_000_000);
    if let Ok(day) = Date::parse(value, format_description!("[year]-[month]-[day]")) {
        let begins = ms(day.midnight().assume_utc()).map_err(|_| bad(filter, value, wanted))?;
        return Ok((begins, begins + DAY_MS));
    }
    let at = OffsetDateTime::parse(value, &Rfc3339).map_err(|_| bad(filter, value, wanted))?;
    let at = ms(at).map_err(|_| bad(filter, value, wanted))?;
    Ok((at, at + 1))
}

fn bad(filter: &'static str, value: &str, wanted: &'static str) -> SearchError {
    SearchError::BadFilter { filter, value: value.to_owned(), wanted }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn phrases(text: &str) -> Vec<(Vec<String>, bool)> {
        let words = |phrase: &Phrase| phrase.words().iter().map(|(_, word)| word.clone()).collect();
        parse(text).unwrap().phrases.iter().map(|phrase| (words(phrase), phrase.is_prefix())).collect()
    }

    fn plain(words: &[&str]) -> (Vec<String>, bool) {
        (words.iter().map(|word| (*word).to_owned()).collect(), false)
    }

    #[test]
    fn words_phrases_and_beginnings() {
        assert_eq!(phrases("Quick brown"), [plain(&["quick"]), plain(&["brown"])]);
        assert_eq!(phrases("“quick brown” fox"), [plain(&["quick", "brown"]), plain(&["fox"])]);
        assert_eq!(phrases("one\"two three"), [plain(&["one"]), plain(&["two", "three"])]);
        assert_eq!(phrases("foo-bar"), [plain(&["foo", "bar"])]);
        assert_eq!(phrases("hel*"), [(vec!["hel".to_owned()], true)]);
        assert_eq!(phrases("http://a.b note:x"), [plain(&["http", "a", "b"]), plain(&["note", "x"])]);
    }

    #[test]
    fn filters_are_read_whatever_their_case() {
        let asked = parse("From:@ann from:me IN:\"two words\" in:#general has:File lunch").unwrap();
        assert_eq!(asked.from, ["ann", "me"]);
        assert_eq!(asked.within, ["two words", "general"]);
        assert!(asked.has_file);
        assert_eq!(asked.phrases.len(), 1);
    }

    #[test]
    fn a_day_is_left_out_by_before_and_by_after() {
        let asked = parse("before:1970-01-03 after:1970-01-01").unwrap();
        assert_eq!((asked.since, asked.before), (Some(DAY_MS), Some(2 * DAY_MS)));
        let asked = parse("before:1970-01-02T01:00:00+01:00 before:1971-01-01").unwrap();
        assert_eq!(asked.before, Some(DAY_MS), "the earlier one");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, filter) in [
            ("x from:", "from"),
            ("in:\"\"", "in"),
            ("before:yesterday", "before"),
            ("after:2026-02-30", "after"),
            ("after:1960-01-01", "after"),
            ("has:banana", "has"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                matches!(error, SearchError::BadFilter { filter: named, .. } if named == filter),
                "{text}"
            );
            assert!(error.to_string().starts_with(&format!("{filter}:")), "{error}");
        }
        assert_eq!(parse(" ?! \"\" "), Err(SearchError::Empty));
        assert_eq!(parse(&"x".repeat(SEARCH_QUERY_CHARS_MAX + 1)), Err(SearchError::TooLong));
        assert_eq!(parse(&"x ".repeat(SEARCH_WORDS_MAX + 1)), Err(SearchError::TooMany));
    }

    proptest! {
        #[test]
        fn every_text_is_read_or_refused_within_its_bounds(text in any::<String>()) {
            if let Ok(asked) = parse(&text) {
                prop_assert!(asked.phrases.iter().map(|phrase| phrase.words().len()).sum::<usize>() <= SEARCH_WORDS_MAX);
            }
        }

        #[test]
        fn pieces_of_the_language_in_any_order(
            pieces in prop::collection::vec("from:[a-z@ ]{0,4}|in:\"?[a-z ]{0,4}\"?|(before|after):[0-9-]{0,10}|has:[a-z]{0,4}|\"[a-z ]{0,8}|[a-z*:日]{0,5}", 0..6),
        ) {
            let text = pieces.join(" ");
            let twice = (parse(&text), parse(&text));
            prop_assert_eq!(&twice.0, &twice.1);
            if let Err(SearchError::BadFilter { filter, .. }) = twice.0 {
                let named = format!("{filter}:");
                prop_assert!(text.contains(&named), "{}", text);
            }
        }

        #[test]
        fn words_found_are_words_asked(words in prop::collection::vec("[a-z]{1,8}", 1..5)) {
            let asked = parse(&words.join("  ")).unwrap();
            let read: Vec<String> = asked.phrases.iter().map(|phrase| phrase.words()[0].1.clone()).collect();
            prop_assert_eq!(read, words);
        }
    }
}
