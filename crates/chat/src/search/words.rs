//! The words of a text, as they are compared: without case, accents and width, in the order of the text.
//! Invariant: the word at index `n` has position `n`, so that an index and a plain scan agree on what stands beside what.
//!
//! Scripts written without spaces (Chinese, Japanese, Korean, Thai and their neighbours) have no words that could be told
//! without a dictionary: there each character and the one after it are a word, and the last one of a run stands alone.

use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class};

use crate::limits::SEARCH_WORD_CHARS_MAX;

/// One word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it is compared.
    pub text: String,
    /// Where it begins in the text, bytes.
    pub start: usize,
    /// Where it ends, bytes.
    pub end: usize,
    /// Where its first character ends, if it is a pair; else as `end`.
    pub first_end: usize,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a word is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters and digits between gaps, or a pictogram.
    Whole,
    /// Two neighbours of a run without spaces.
    Pair,
    /// The last character of such a run, which the pair before holds already.
    Tail,
    /// A run of a single character.
    Single,
}

/// What a character does to the words around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Run,
    Pictogram,
    Gap,
}

/// A character with the marks that belong to it.
struct Cluster<'a> {
    class: Class,
    text: &'a str,
    start: usize,
}

/// The words of a text, each at most [`SEARCH_WORD_CHARS_MAX`] characters of it: what is longer is compared by its
/// beginning.
#[must_use]
pub fn words(text: &str) -> Vec<Word> {
    let mut cutter = Cutter { words: Vec::with_capacity(text.len() / 6 + 1), letters: None, run: Vec::new() };
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        let mut end = start + first.len_utf8();
        while let Some((at, mark)) = rest.next_if(|(_, next)| continues(*next)) {
            end = at + mark.len_utf8();
        }
        cutter.take(&Cluster { class: class(first), text: &text[start..end], start });
    }
    cutter.finish()
}

/// A text as it is compared: lower case, without accents, half and full width alike.
#[must_use]
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold_into(text, &mut folded);
    folded
}

struct Cutter {
    words: Vec<Word>,
    letters: Option<Letters>,
    run: Vec<(String, usize, usize)>,
}

struct Letters {
    text: String,
    chars: usize,
    start: usize,
    end: usize,
}

impl Cutter {
    fn take(&mut self, cluster: &Cluster<'_>) {
        let end = cluster.start + cluster.text.len();
        match cluster.class {
            Class::Letter => {
                self.end_run();
                let new = || Letters { text: String::new(), chars: 0, start: cluster.start, end };
                let letters = self.letters.get_or_insert_with(new);
                letters.end = end;
                if letters.chars < SEARCH_WORD_CHARS_MAX {
                    letters.chars += 1;
                    fold_into(cluster.text, &mut letters.text);
                }
            }
            Class::Run => {
                self.end_letters();
                self.run.push((folded(cluster.text), cluster.start, end));
            }
            Class::Pictogram => {
                self.end_all();
                let text = cluster.text.chars().take(1).collect();
                let start = cluster.start;
                self.words.push(Word { text, start, end, first_end: end, kind: Kind::Whole });
            }
            Class::Gap => self.end_all(),
        }
    }

    fn finish(mut self) -> Vec<Word> {
        self.end_all();
        self.words
    }

    fn end_all(&mut self) {
        self.end_letters();
        self.end_run();
    }

    fn end_letters(&mut self) {
        if let Some(Letters { text, start, end, .. }) = self.letters.take()
            && !text.is_empty()
        {
            self.words.push(Word { text, start, end, first_end: end, kind: Kind::Whole });
        }
    }

    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        for pair in run.windows(2) {
            let [(one, start, first_end), (two, _, end)] = pair else { continue };
            let (start, first_end, end) = (*start, *first_end, *end);
            self.words.push(Word { text: format!("{one}{two}"), start, end, first_end, kind: Kind::Pair });
        }
        let kind = if run.len() > 1 { Kind::Tail } else { Kind::Single };
        if let Some((text, start, end)) = run.into_iter().next_back() {
            self.words.push(Word { text, start, end, first_end: end, kind });
        }
    }
}

/// Whether a character belongs to the one before it: accents, vowels of a Korean syllable, Japanese sound marks.
fn continues(c: char) -> bool {
    !c.is_ascii()
        && (canonical_combining_class(c) != 0
            || matches!(c, '\u{1160}'..='\u{11ff}' | '\u{ff9e}' | '\u{ff9f}' | '\u{fe00}'..='\u{fe0f}'))
}

fn class(c: char) -> Class {
    match c {
        _ if c.is_ascii() => {
            if c.is_ascii_alphanumeric() {
                Class::Letter
            } else {
                Class::Gap
            }
        }
        '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}' => Class::Pictogram,
        _ if !c.is_alphanumeric() => Class::Gap,
        '\u{0e00}'..='\u{0eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1100}'..='\u{11ff}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ffdc}'
        | '\u{1b000}'..='\u{1b16f}'
        | '\u{20000}'..='\u{3ffff}' => Class::Run,
        _ => Class::Letter,
    }
}

fn fold_into(text: &str, folded: &mut String) {
    if text.is_ascii() {
        folded.extend(text.chars().map(|c| c.to_ascii_lowercase()));
        return;
    }
    let is_kept = |c: &char| !matches!(c, '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}');
    for c in text.nfkd().filter(is_kept).nfc().flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            other => folded.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_have_neither_case_nor_accents() {
        assert_eq!(texts("Hello, WORLD-wide café!"), ["hello", "world", "wide", "cafe"]);
        assert_eq!(
            texts("Straße Ærø Łódź İstanbul cafe\u{301}"),
            ["strasse", "aero", "lodz", "istanbul", "cafe"]
        );
        assert_eq!(texts("ＦＵＬＬ ｶﾞ"), ["full", "ガ"]);
        assert_eq!(texts("🎉🎉 party 👍🏽"), ["🎉", "🎉", "party", "👍"]);
        assert_eq!(texts("  ,.; \u{301}"), Vec::<String>::new());
    }

    #[test]
    fn scripts_without_spaces_are_cut_into_pairs() {
        assert_eq!(texts("日本語"), ["日本", "本語", "語"]);
        assert_eq!(texts("한국어 말"), ["한국", "국어", "어", "말"]);
        assert_eq!(texts("v2东京に"), ["v2", "东京", "京に", "に"]);
        assert_eq!(texts("\u{1112}\u{1161}\u{11ab}국"), ["한국", "국"], "composed or not");
    }

    #[test]
    fn a_word_without_end_is_compared_by_its_beginning() {
        let word = "x".repeat(SEARCH_WORD_CHARS_MAX + 10);
        let found = words(&word);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].text.len(), found[0].end), (SEARCH_WORD_CHARS_MAX, word.len()));
    }

    proptest! {
        #[test]
        fn words_lie_in_the_text_in_order(text in any::<String>()) {
            let found = words(&text);
            for word in &found {
                prop_assert!(text.get(word.start..word.first_end).is_some());
                prop_assert!(text.get(word.start..word.end).is_some());
                prop_assert!(!word.text.is_empty() && word.start < word.end);
            }
            for pair in found.windows(2) {
                prop_assert!(pair[0].start < pair[1].start);
            }
        }

        #[test]
        fn folding_twice_changes_nothing(text in "[a-zA-ZÀ-ſ가-힣ぁ-ヾΑ-ωА-я0-9]{0,20}") {
            let once = folded(&text);
            prop_assert_eq!(&folded(&once), &once);
        }
    }
}
