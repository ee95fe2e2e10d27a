//! What the pure crates must not name: a runtime, a web framework, a cloud, a clock, randomness.
//! Looks at identifiers in code outside tests; `arrows` looks at what is depended on.

use regex::Regex;

use crate::{Finding, Repository, rust::Syntax};

/// Crates that are functions of their arguments.
pub const PURE: &[&str] = &["chat", "journal", "protocol"];

/// Forbidden names in the sources of pure crates, and `aws_sdk_` outside backend-aws.
#[must_use]
pub fn check(repository: &Repository) -> Vec<Finding> {
    let impure = pattern(
        r"\b(tokio|axum|hyper|tower|aws_\w+|SystemTime|Instant::now|std::time::Instant|OffsetDateTime::now\w*|now_v7|now_v4|new_v4|new_v7|getrandom|fastrand|thread_rng|OsRng)\b|\brand::",
    );
    let cloud = pattern(r"\baws_(sdk_\w+|config|smithy_\w+)\b");
    let mut findings = Vec::new();
    for file in repository.rust() {
        let Some(name) = file.crate_name() else { continue };
        let pure = PURE.contains(&name);
        if name == "backend-aws" || name == "xtask" {
            continue;
        }
        let Ok(syntax) = Syntax::of(file) else { continue };
        for (number, line) in file.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            if !syntax.is_test(number + 1)
                && pure
                && let Some(found) = impure.find(code)
            {
                let message = format!("`{}`: {name} gets these as arguments or not at all", found.as_str());
                findings.push(Finding::at(&file.path, number + 1, message));
            }
            if let Some(found) = cloud.find(code) {
                let message = format!("`{}`: only backend-aws names the cloud", found.as_str());
                findings.push(Finding::at(&file.path, number + 1, message));
            }
        }
    }
    findings
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("invariant: the patterns above are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Repository::of(&[(path, text)])).len()
    }

    #[test]
    fn pure_crates_name_no_runtime_clock_or_randomness() {
        for line in ["use tokio::sync::mpsc;", "let t = Instant::now();", "let r = rand::random();"] {
            assert_eq!(found("crates/chat/src/a.rs", &format!("fn f() {{ {line} }}")), 1, "{line}");
            assert_eq!(found("crates/gateway/src/a.rs", &format!("fn f() {{ {line} }}")), 0, "{line}");
        }
        assert_eq!(found("crates/journal/src/a.rs", "fn f(d: std::time::Duration) {} // no tokio"), 0);
        assert_eq!(found("crates/journal/tests/it/main.rs", "fn f() { Instant::now(); }"), 0);
    }

    #[test]
    fn only_one_crate_names_the_cloud() {
        assert_eq!(found("crates/cli/src/a.rs", "use aws_sdk_sqs::Client;"), 1);
        assert_eq!(found("crates/backend-aws/src/a.rs", "use aws_sdk_sqs::Client;"), 0);
    }
}
