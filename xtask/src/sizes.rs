//! Files of at most 500 lines and functions of at most 70, held by a ratchet: what was over when the rule came is
//! listed with its size in `xtask/ratchet.toml`, may shrink, and never grows.
//! Invariant: the list holds nothing that is not over the limit, so it can only get shorter.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Finding, Repository, rust::Syntax};

/// Lines of a file, its trailing `#[cfg(test)]` module not counted.
pub const FILE_LINES_MAX: usize = 500;
/// Lines of a function, from its signature to its closing brace.
pub const FUNCTION_LINES_MAX: usize = 70;

const RATCHET: &str = "xtask/ratchet.toml";

/// What was over a limit when it came, with the size it may still have.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ratchet {
    /// Lines by path.
    #[serde(default)]
    files: BTreeMap<String, usize>,
    /// Lines by `path::function`.
    #[serde(default)]
    functions: BTreeMap<String, usize>,
}

/// Files and functions over their limit, and entries of the ratchet that are no longer needed or not tight.
#[must_use]
pub fn check(repository: &Repository) -> Vec<Finding> {
    let ratchet = match ratchet(repository) {
        Ok(ratchet) => ratchet,
        Err(error) => return vec![Finding::of(RATCHET, error.to_string())],
    };
    let mut findings = Vec::new();
    let (mut files, mut functions) = (BTreeMap::new(), BTreeMap::new());
    for file in repository.rust() {
        let syntax = match Syntax::of(file) {
            Ok(syntax) => syntax,
            Err(error) => {
                let line = error.span().start().line;
                findings.push(Finding::at(&file.path, line, format!("does not parse: {error}")));
                continue;
            }
        };
        let lines = file.text.lines().count();
        let tests: usize = if file.is_test_code() {
            0
        } else {
            syntax.test_regions.iter().map(|(first, last)| last + 1 - first).sum()
        };
        files.insert(file.path.clone(), (0, lines - tests));
        for function in &syntax.functions {
            let entry = functions.entry(format!("{}::{}", file.path, function.name)).or_insert((0, 0));
            if function.lines() > entry.1 {
                *entry = (function.start, function.lines());
            }
        }
    }
    compare("file", FILE_LINES_MAX, &files, &ratchet.files, &mut findings);
    compare("function", FUNCTION_LINES_MAX, &functions, &ratchet.functions, &mut findings);
    findings
}

fn ratchet(repository: &Repository) -> Result<Ratchet, toml::de::Error> {
    repository.file(RATCHET).map_or_else(|| Ok(Ratchet::default()), |file| toml::from_str(&file.text))
}

fn compare(
    what: &str,
    limit: usize,
    sizes: &BTreeMap<String, (usize, usize)>,
    allowed: &BTreeMap<String, usize>,
    findings: &mut Vec<Finding>,
) {
    for (name, (line, size)) in sizes {
        let allowed = allowed.get(name).copied().unwrap_or(limit);
        if *size > allowed {
            let path = name.split("::").next().unwrap_or(name);
            let message = format!("{what} {name} has {size} lines, at most {allowed} are allowed: split it");
            findings.push(Finding::at(path, *line, message));
        }
    }
    for (name, allowed) in allowed {
        let size = sizes.get(name).map_or(0, |(_, size)| *size);
        if size <= limit {
            findings.push(Finding::of(RATCHET, format!("{name} is within the limit now: remove its entry")));
        } else if size < *allowed {
            findings.push(Finding::of(RATCHET, format!("{name} has {size} lines now: lower its entry")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    call();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_just_over_the_limit_fails_and_one_at_the_limit_does_not() {
        let (over, at) = (long(FUNCTION_LINES_MAX + 1), long(FUNCTION_LINES_MAX));
        let found = check(&Repository::of(&[("over.rs", over.as_str()), ("at.rs", at.as_str())]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "over.rs");
    }

    #[test]
    fn a_file_over_the_limit_fails_but_its_unit_tests_do_not_count() {
        let constants = "const A: u8 = 0;\n".repeat(FILE_LINES_MAX);
        let with_tests = format!("{constants}#[cfg(test)]\nmod tests {{\n    fn f() {{}}\n}}\n");
        let over = format!("{constants}const B: u8 = 0;\n");
        let found =
            check(&Repository::of(&[("over.rs", over.as_str()), ("tests_inside.rs", with_tests.as_str())]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "over.rs");
    }

    #[test]
    fn the_ratchet_lets_known_sizes_stand_and_only_shrink() {
        let file = long(90);
        let ratchet = |size: usize| format!("[functions]\n\"a.rs::long\" = {size}\n");
        let messages = |size| {
            let ratchet = ratchet(size);
            check(&Repository::of(&[("a.rs", file.as_str()), (RATCHET, ratchet.as_str())]))
                .into_iter()
                .map(|finding| finding.message)
                .collect::<Vec<_>>()
        };
        assert!(messages(90).is_empty());
        assert!(messages(91)[0].contains("lower its entry"));
        assert!(messages(89)[0].contains("at most 89"));
        let gone = check(&Repository::of(&[(RATCHET, ratchet(80).as_str())]));
        assert!(gone[0].message.contains("remove its entry"));
    }
}
