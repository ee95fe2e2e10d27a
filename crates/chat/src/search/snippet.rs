//! The piece of a message that shows why it was found.
//! Knows no markup: who shows it decides what a hit looks like, so nothing in a message can become markup.

use std::ops::Range;

use super::{phrase::Phrase, words::words};
use crate::limits::{SNIPPET_CHARS_BEFORE, SNIPPET_CHARS_MAX};

/// A stretch of a snippet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The text as it stands in the message.
    pub text: String,
    /// Whether it is what was searched for.
    pub hit: bool,
}

/// About [`SNIPPET_CHARS_MAX`] characters of a body around its first hit, cut at gaps where there are some, with an
/// ellipsis where something is left out. Without phrases, the beginning.
#[must_use]
pub fn snippet(body: &str, phrases: &[Phrase]) -> Vec<Part> {
    let hits = hits(body, phrases);
    let window = window(body, hits.first().map_or(0, |first| first.start));
    let mut parts = Vec::new();
    let mut at = window.start;
    if window.start > 0 {
        push(&mut parts, "…", false);
    }
    for hit in hits {
        let (start, end) = (hit.start.clamp(at, window.end), hit.end.clamp(at, window.end));
        push(&mut parts, &body[at..start], false);
        push(&mut parts, &body[start..end], true);
        at = end;
    }
    push(&mut parts, &body[at..window.end], false);
    if window.end < body.len() {
        push(&mut parts, "…", false);
    }
    parts
}

/// Where the phrases stand, ascending, without overlaps.
fn hits(body: &str, phrases: &[Phrase]) -> Vec<Range<usize>> {
    let words = words(body);
    let mut hits: Vec<Range<usize>> = phrases.iter().flat_map(|phrase| phrase.places(&words)).collect();
    hits.sort_unstable_by_key(|hit| (hit.start, hit.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(hits.len());
    for hit in hits {
        match merged.last_mut() {
            Some(last) if hit.start <= last.end => last.end = last.end.max(hit.end),
            _ => merged.push(hit),
        }
    }
    merged
}

/// The piece to show: on character borders, with some text before the first hit.
fn window(body: &str, first_hit: usize) -> Range<usize> {
    let before = body[..first_hit].char_indices().rev().take(SNIPPET_CHARS_BEFORE);
    let mut start = before.last().map_or(first_hit, |(at, _)| at);
    if start > 0
        && let Some(gap) = body[start..first_hit].find(char::is_whitespace)
    {
        start += gap + 1;
        // The gap may be wider than a byte.
        while !body.is_char_boundary(start) {
            start += 1;
        }
    }
    let rest = &body[start..];
    let Some((cut, _)) = rest.char_indices().nth(SNIPPET_CHARS_MAX) else { return start..body.len() };
    let shown = &rest[..cut];
    let gap = shown.rfind(char::is_whitespace).filter(|gap| start + gap > first_hit && *gap > cut / 2);
    start..start + gap.unwrap_or(cut)
}

fn push(parts: &mut Vec<Part>, text: &str, hit: bool) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.hit == hit => last.text.push_str(text),
        _ => parts.push(Part { text: text.to_owned(), hit }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(body: &str, wanted: &[&str]) -> String {
        let phrases: Vec<Phrase> = wanted.iter().filter_map(|text| Phrase::of(text, false)).collect();
        let marked = |part: Part| if part.hit { format!("[{}]", part.text) } else { part.text };
        snippet(body, &phrases).into_iter().map(marked).collect()
    }

    #[test]
    fn hits_are_marked_as_they_stand() {
        assert_eq!(shown("The Quick brown fox", &["quick brown", "FOX"]), "The [Quick brown] [fox]");
        assert_eq!(shown("私は東京都に住む", &["京"]), "私は東[京]都に住む");
        assert_eq!(shown("私は東京都に住む", &["東京都"]), "私は[東京都]に住む");
        assert_eq!(shown("<b>café</b>", &["cafe"]), "<b>[café]</b>");
        assert_eq!(shown("plain", &[]), "plain");
    }

    #[test]
    fn a_long_message_is_cut_around_its_first_hit() {
        let body = format!("{} needle {}", "before ".repeat(100), "after ".repeat(100));
        let text = shown(&body, &["needle"]);
        assert!(text.starts_with("…before") && text.ends_with("after…"), "{text}");
        assert!(text.contains(" [needle] "), "{text}");
    }

    proptest! {
        #[test]
        fn a_snippet_is_bounded_and_a_piece_of_the_body(body in "[a-c日é \n]{0,600}", wanted in "[a-c日]{1,3}") {
            let phrases: Vec<Phrase> = Phrase::of(&wanted, false).into_iter().collect();
            let parts = snippet(&body, &phrases);
            let text: String = parts.iter().map(|part| part.text.as_str()).collect();
            prop_assert!(text.chars().count() <= SNIPPET_CHARS_MAX + 2);
            prop_assert!(body.contains(text.trim_matches('…')));
            let found = phrases.iter().any(|phrase| phrase.stands_in(&words(&body)));
            prop_assert_eq!(parts.iter().any(|part| part.hit), found);
        }
    }
}
