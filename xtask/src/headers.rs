//! Every Rust file says what it is, and what it does not know or keeps true, before anything else.
//! Does not judge the words: only that two lines of `//!` are there, one in test code, which says what it proves.

use crate::{Finding, Repository};

/// Files whose first two lines (in test code the first) are not `//!` with text.
#[must_use]
pub fn check(repository: &Repository) -> Vec<Finding> {
    repository
        .rust()
        .filter(|file| !starts_with_header(&file.text, if file.is_test_code() { 1 } else { 2 }))
        .map(|file| {
            let message = "begin with two lines of //!: what it is, then what it does not know or keeps true";
            Finding::at(&file.path, 1, message)
        })
        .collect()
}

fn starts_with_header(text: &str, lines: usize) -> bool {
    let says_something = |line: &str| line.strip_prefix("//! ").is_some_and(|rest| !rest.trim().is_empty());
    text.lines().take_while(|line| says_something(line)).take(lines).count() == lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_both_lines() {
        let good = ("a.rs", "//! What.\n//! What not.\n\nfn f() {}\n");
        let one = ("b.rs", "//! What.\n\nfn f() {}\n");
        let none = ("c.rs", "fn f() {}\n");
        let test = ("crates/a/tests/it/d.rs", "//! What it proves.\n\nfn f() {}\n");
        let bare_test = ("crates/a/tests/it/e.rs", "fn f() {}\n");
        let found = check(&Repository::of(&[good, one, none, test, bare_test]));
        let paths: Vec<_> = found.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["b.rs", "c.rs", "crates/a/tests/it/e.rs"]);
    }
}
