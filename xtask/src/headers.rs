//! Every Rust file says what it is, and what it does not know or keeps true, before anything else.
//! Does not judge the words: only that two lines of `//!` are there.

use crate::{Finding, Repository};

/// Files whose first two lines are not both `//!` with text.
#[must_use]
pub fn check(repository: &Repository) -> Vec<Finding> {
    repository
        .rust()
        .filter(|file| !starts_with_header(&file.text))
        .map(|file| {
            let message = "begin with two lines of //!: what it is, then what it does not know or keeps true";
            Finding::at(&file.path, 1, message)
        })
        .collect()
}

fn starts_with_header(text: &str) -> bool {
    let mut lines = text.lines();
    let says_something = |line: Option<&str>| {
        line.and_then(|line| line.strip_prefix("//! ")).is_some_and(|rest| !rest.trim().is_empty())
    };
    says_something(lines.next()) && says_something(lines.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_both_lines() {
        let good = ("a.rs", "//! What.\n//! What not.\n\nfn f() {}\n");
        let one = ("b.rs", "//! What.\n\nfn f() {}\n");
        let none = ("c.rs", "fn f() {}\n");
        let found = check(&Repository::of(&[good, one, none]));
        let paths: Vec<_> = found.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["b.rs", "c.rs"]);
    }
}
