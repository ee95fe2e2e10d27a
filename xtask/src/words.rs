//! Words that do not belong into a finished file: postponed work, debugging, skipped tests, somebody's machine.
//! Knows text only; the patterns are put together at run time so that this file does not find itself.

use regex::Regex;

use crate::{Finding, Repository, repository::SourceFile, rust::Syntax};

/// One forbidden word.
struct Word {
    pattern: Regex,
    /// Only in Rust files, or in all text.
    rust_only: bool,
    advice: &'static str,
}

/// Forbidden words, calls of `unwrap` outside tests, and lock files that name other registries.
#[must_use]
pub fn check(repository: &Repository) -> Vec<Finding> {
    let words = words();
    let mut findings = Vec::new();
    for file in &repository.files {
        if is_lock_file(file) {
            findings.extend(check_lock_file(file));
        } else {
            findings.extend(check_words(file, &words));
        }
        if file.extension() == Some("rs") {
            findings.extend(check_unwraps(file));
        }
    }
    findings
}

fn words() -> Vec<Word> {
    let word = |pattern: &[&str], rust_only, advice| {
        let pattern = Regex::new(&pattern.concat()).expect("invariant: the patterns below are valid");
        Word { pattern, rust_only, advice }
    };
    vec![
        word(&[r"\b(TO", r"DO|FIX", r"ME|XX", r"X)\b"], false, "finish it, or describe the gap in an ADR"),
        word(
            &[r"\b(to", r"do|un", r"implemented|db", r"g)!\s*[\(\[{]"],
            true,
            "no unfinished or debugging code",
        ),
        word(
            &[r"#\[ig", r"nore"],
            true,
            "a test runs or goes; a long one takes its size from the environment",
        ),
        word(
            &[r"(^|[\s`'(=:]|\x22)/(wo", r"rk|ro", r"ot|Us", r"ers|ho", r"me/\w+)/"],
            false,
            "names somebody's machine",
        ),
        word(
            &[r"(replace-", r"with\s*=|index-", r"url\s*=|registry-", r"mirror|\[source\.)"],
            false,
            "names a registry; use the public ones by default",
        ),
    ]
}

fn check_words(file: &SourceFile, words: &[Word]) -> Vec<Finding> {
    let is_rust = file.extension() == Some("rs");
    // What writes a fixture for a new format is run by name and proves nothing by itself.
    let makes_a_fixture = |line: &str| line.contains(&["#[ig", "nore = \"writes "].concat());
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for word in words.iter().filter(|word| is_rust || !word.rust_only) {
            if let Some(found) = word.pattern.find(line).filter(|_| !makes_a_fixture(line)) {
                let message = format!("`{}`: {}", found.as_str().trim(), word.advice);
                findings.push(Finding::at(&file.path, number + 1, message));
            }
        }
    }
    findings
}

fn check_unwraps(file: &SourceFile) -> Vec<Finding> {
    // A file that does not parse is reported by `sizes`.
    let Ok(syntax) = Syntax::of(file) else { return Vec::new() };
    let lines = syntax.unwraps.iter().filter(|line| !syntax.is_test(**line));
    let message = "unwrap() outside tests: handle it, or expect(\"invariant: …\")";
    lines.map(|line| Finding::at(&file.path, *line, message)).collect()
}

fn is_lock_file(file: &SourceFile) -> bool {
    ["Cargo.lock", "package-lock.json"].iter().any(|name| file.path.rsplit('/').next() == Some(name))
}

/// Lock files may name the public crates registry only, so that a clean clone builds anywhere: npm finds its own.
fn check_lock_file(file: &SourceFile) -> Vec<Finding> {
    let public = "registry+https://github.com/rust-lang/crates.io-index";
    let names_source = Regex::new(r#"^\s*"?(source|resolved)"?\s*[=:]\s*"([^"]*)"#)
        .expect("invariant: the pattern above is valid");
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let Some(captures) = names_source.captures(line) else { continue };
        if !captures[2].starts_with(public) {
            let message = format!("`{}` is not a public registry", &captures[2]);
            findings.push(Finding::at(&file.path, number + 1, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Repository::of(&[(path, text)])).len()
    }

    #[test]
    fn finds_postponed_and_debugging_code() {
        assert_eq!(found("a.md", &["later: TO", "DO"].concat()), 1);
        assert_eq!(found("a.rs", &["fn f() { to", "do!() }"].concat()), 1);
        assert_eq!(found("a.rs", &["fn f() { db", "g!(1); }"].concat()), 1);
        assert_eq!(found("a.rs", &["#[test]\n#[ig", "nore]\nfn f() {}"].concat()), 1);
        assert_eq!(found("a.rs", &["#[ig", "nore = \"writes the fixture\"]\nfn f() {}"].concat()), 0);
        assert_eq!(found("a.md", "a method, todolist"), 0);
    }

    #[test]
    fn finds_paths_of_a_machine() {
        assert_eq!(found("a.md", &["see `/ho", "me/ann/x`"].concat()), 1);
        assert_eq!(found("a.sh", &["cd /ro", "ot/x"].concat()), 1);
        assert_eq!(found("a.md", "GET /v1/users/x, target/work/x, /var/lib/dynamowave"), 0);
    }

    #[test]
    fn finds_unwrap_outside_tests_only() {
        assert_eq!(found("crates/a/src/lib.rs", "fn f() { g().unwrap(); }"), 1);
        assert_eq!(found("crates/a/src/lib.rs", "fn f() { g().unwrap_or(1); }"), 0);
        assert_eq!(found("crates/a/tests/it/main.rs", "fn f() { g().unwrap(); }"), 0);
        assert_eq!(found("crates/a/src/lib.rs", "#[cfg(test)]\nmod tests { fn f() { g().unwrap(); } }"), 0);
    }

    #[test]
    fn finds_other_registries_in_lock_files() {
        let public = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
        assert_eq!(found("Cargo.lock", public), 0);
        assert_eq!(found("Cargo.lock", "source = \"registry+https://crates.example.com/index\"\n"), 1);
        assert_eq!(found("web/package-lock.json", "  \"resolved\": \"https://npm.example.com/a.tgz\",\n"), 1);
    }
}
