//! Words that have to stand beside each other.
//! Invariant: what a phrase matches in a list of words is what an index with positions matches.

use std::ops::Range;

use super::words::{Kind, Word, words};

/// Words in a row; the last one may be only the beginning of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    words: Vec<(usize, String)>,
    is_prefix: bool,
}

impl Phrase {
    /// The phrase of a text as people type it, `None` when there is no word in it. `is_prefix`: its last word is only
    /// the beginning of one. A single character of a script without spaces always is.
    #[must_use]
    pub fn of(text: &str, is_prefix: bool) -> Option<Phrase> {
        let found = words(text);
        let last = found.last()?.kind;
        let is_prefix = match last {
            Kind::Whole => is_prefix,
            Kind::Single => true,
            Kind::Pair | Kind::Tail => false,
        };
        let asked = found.into_iter().enumerate().filter(|(_, word)| word.kind != Kind::Tail);
        Some(Phrase { words: asked.map(|(at, word)| (at, word.text)).collect(), is_prefix })
    }

    /// The words with their distances from the first one, which is 0.
    #[must_use]
    pub fn words(&self) -> &[(usize, String)] {
        &self.words
    }

    /// Whether the last word is only the beginning of one.
    #[must_use]
    pub fn is_prefix(&self) -> bool {
        self.is_prefix
    }

    /// Whether it stands in a text with these words.
    #[must_use]
    pub fn stands_in(&self, words: &[Word]) -> bool {
        (0..words.len()).any(|at| self.stands_at(words, at))
    }

    /// Every place of the text where it stands, bytes, ascending; places may overlap.
    pub fn places<'a>(&'a self, words: &'a [Word]) -> impl Iterator<Item = Range<usize>> + 'a {
        let last = self.words.last().map_or(0, |(distance, _)| *distance);
        (0..words.len()).filter(|at| self.stands_at(words, *at)).map(move |at| {
            let end = &words[at + last];
            let end = if self.is_prefix { end.first_end } else { end.end };
            words[at].start..end
        })
    }

    fn stands_at(&self, words: &[Word], at: usize) -> bool {
        let last = self.words.len().saturating_sub(1);
        self.words.iter().enumerate().all(|(index, (distance, wanted))| {
            words.get(at + distance).is_some_and(|word| {
                if self.is_prefix && index == last {
                    word.text.starts_with(wanted)
                } else {
                    word.text == *wanted
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stands(phrase: &str, text: &str) -> bool {
        Phrase::of(phrase, false).unwrap().stands_in(&words(text))
    }

    #[test]
    fn words_stand_as_a_whole_and_in_order() {
        assert!(stands("quick brown", "the QUICK, brown fox"));
        assert!(!stands("brown quick", "the quick brown fox"));
        assert!(!stands("fo", "the quick brown fox"));
        assert!(Phrase::of("fo", true).unwrap().stands_in(&words("the quick brown fox")));
        assert!(Phrase::of("quick bro", true).unwrap().stands_in(&words("the quick brown fox")));
        assert_eq!(Phrase::of("?!", false), None);
    }

    #[test]
    fn any_part_of_a_run_without_spaces_is_found() {
        for part in ["東", "京", "都", "東京", "京都", "東京都", "都に"] {
            assert!(stands(part, "私は東京都に住む"), "{part}");
        }
        assert!(!stands("都京", "私は東京都に住む"));
        assert!(stands("v2东京", "the v2东京 build"));
        assert!(stands("东京build", "the v2东京build"));
    }

    proptest! {
        /// In a script without spaces, searching is looking for a substring.
        #[test]
        fn a_run_is_found_where_it_is_a_substring(text in "[日本語東京]{1,12}", part in "[日本語東京]{1,4}") {
            prop_assert_eq!(stands(&part, &text), text.contains(&part));
        }

        #[test]
        fn every_text_is_found_by_itself(text in any::<String>()) {
            if let Some(phrase) = Phrase::of(&text, false) {
                prop_assert!(phrase.stands_in(&words(&text)));
            }
        }
    }
}
