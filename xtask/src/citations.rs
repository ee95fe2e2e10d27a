//! What documents promise, tests name: guarantees D1 to D10, the numbered rules of the protocol, metrics.
//! Knows where something is cited, not whether the citing test proves it: that is for its reader.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::{Finding, Repository, rust::Syntax};

/// The guarantees there are.
pub const GUARANTEES: std::ops::RangeInclusive<u32> = 1..=10;

const GUARANTEES_PAGE: &str = "docs/how/guarantees.md";
const PROTOCOL_PAGE: &str = "docs/protocol.md";
const METRICS_PAGE: &str = "docs/operate/metrics.md";

/// A line of test code.
struct TestLine<'a> {
    path: &'a str,
    text: &'a str,
}

/// Guarantees that no test cites, and tests that the page of guarantees names but nobody wrote.
#[must_use]
pub fn check_guarantees(repository: &Repository) -> Vec<Finding> {
    let cited = cited(repository, 'D');
    let mut findings: Vec<Finding> = GUARANTEES
        .filter(|number| !cited.contains_key(number))
        .map(|number| Finding::of(GUARANTEES_PAGE, format!("no test cites D{number}")))
        .collect();
    let Some(page) = repository.file(GUARANTEES_PAGE) else { return findings };
    let functions = test_functions(repository);
    let crates = repository.crates();
    let named = pattern(r"`([a-z][a-z0-9-]*)::(?:\w+::)*(\w+)`");
    for (number, line) in page.text.lines().enumerate() {
        for name in named.captures_iter(line) {
            let of_ours = crates.contains(&&name[1]);
            if of_ours && !functions.contains(&(name[1].to_owned(), name[2].to_owned())) {
                let message = format!("there is no test function {} in {}", &name[2], &name[1]);
                findings.push(Finding::at(&page.path, number + 1, message));
            }
        }
    }
    findings
}

/// Rules of the protocol that no test cites, and citations of rules that do not exist.
#[must_use]
pub fn check_protocol_rules(repository: &Repository) -> Vec<Finding> {
    let Some(page) = repository.file(PROTOCOL_PAGE) else { return Vec::new() };
    let rules = rules(&page.text);
    let cited = cited(repository, 'P');
    let crates = repository.crates();
    let is_here = |kept_by: &str| kept_by.is_empty() || crates.contains(&kept_by);
    let expected = rules.iter().filter(|(_, kept_by)| is_here(kept_by)).map(|(number, _)| number);
    let uncited = expected.filter(|number| !cited.contains_key(number));
    let unknown = cited.iter().filter(|(number, _)| !rules.contains_key(number));
    uncited
        .map(|number| Finding::of(PROTOCOL_PAGE, format!("no test cites P{number}")))
        .chain(unknown.map(|(number, path)| Finding::of(path, format!("there is no rule P{number}"))))
        .collect()
}

/// The rules of a page, each a paragraph that begins with its number, with the crate that keeps it where the paragraph
/// says so: `*(lambda)*`. A rule of a crate that is not in this repository has no test here.
fn rules(text: &str) -> BTreeMap<u32, String> {
    let rule = pattern(r"^\W*\*{0,2}P([0-9]+)\b");
    let keeper = pattern(r"\*\(([a-z-]+)\)\*");
    text.split("\n\n")
        .filter_map(|paragraph| {
            let number = rule.captures(paragraph)?[1].parse().ok()?;
            let kept_by = keeper.captures(paragraph).map_or_else(String::new, |found| found[1].to_owned());
            Some((number, kept_by))
        })
        .collect()
}

/// Metrics that the code emits and the page does not explain, and the other way round.
#[must_use]
pub fn check_metrics(repository: &Repository) -> Vec<Finding> {
    let Some(page) = repository.file(METRICS_PAGE) else { return Vec::new() };
    let name = pattern(r"\bdynamowave_[a-z0-9_]+\b");
    let quoted = pattern(r#""(dynamowave_[a-z0-9_]+)""#);
    let table_lines = page.text.lines().filter(|line| line.starts_with('|'));
    let explained: BTreeSet<&str> =
        table_lines.filter_map(|line| name.find(line)).map(|found| found.as_str()).collect();
    let mut emitted: BTreeMap<&str, &str> = BTreeMap::new();
    for file in repository.rust().filter(|file| !file.is_test_code() && file.path.contains("/src/")) {
        if matches!(file.crate_name(), Some("xtask" | "load") | None) {
            continue;
        }
        emitted.extend(quoted.captures_iter(&file.text).map(|found| {
            let name = found.get(1).expect("invariant: group 1 is not optional");
            (&file.text[name.range()], file.path.as_str())
        }));
    }
    // `_session` is the cookie, not a metric.
    emitted.remove("dynamowave_session");
    let silent = emitted.iter().filter(|(name, _)| !explained.contains(*name));
    let gone = explained.iter().filter(|name| !emitted.contains_key(*name));
    silent
        .map(|(name, path)| Finding::of(path, format!("{name} is not explained in {METRICS_PAGE}")))
        .chain(gone.map(|name| Finding::of(METRICS_PAGE, format!("nothing emits {name}"))))
        .collect()
}

/// Numbers cited in test code as `D4`, `d4_…` or `…_d4_…`, each with a file that cites it.
fn cited(repository: &Repository, letter: char) -> BTreeMap<u32, String> {
    let lower = letter.to_ascii_lowercase();
    let citation = pattern(&format!(r"\b{letter}([0-9]+)\b|\bfn (?:\w*_)?{lower}([0-9]+)(?:_|\b)"));
    let mut found = BTreeMap::new();
    for line in test_lines(repository) {
        for captures in citation.captures_iter(line.text) {
            let digits = captures.get(1).or_else(|| captures.get(2));
            if let Some(number) = digits.and_then(|digits| digits.as_str().parse().ok()) {
                found.entry(number).or_insert_with(|| line.path.to_owned());
            }
        }
    }
    found
}

/// Names of all functions in test code, with their crate. Functions inside macro calls (`proptest!`) count too.
fn test_functions(repository: &Repository) -> BTreeSet<(String, String)> {
    let function = pattern(r"\bfn (\w+)");
    let crate_of = |path: &str| path.strip_prefix("crates/")?.split('/').next().map(str::to_owned);
    test_lines(repository)
        .iter()
        .filter_map(|line| Some((crate_of(line.path)?, function.captures(line.text)?[1].to_owned())))
        .collect()
}

fn test_lines(repository: &Repository) -> Vec<TestLine<'_>> {
    let mut lines = Vec::new();
    for file in repository.rust().filter(|file| file.crate_name() != Some("xtask")) {
        let Ok(syntax) = Syntax::of(file) else { continue };
        let of_tests = file.text.lines().enumerate().filter(|(number, _)| syntax.is_test(number + 1));
        lines.extend(of_tests.map(|(_, text)| TestLine { path: &file.path, text }));
    }
    lines
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("invariant: the patterns above are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(findings: Vec<Finding>) -> Vec<String> {
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn every_guarantee_needs_a_test_that_names_it() {
        let names: String = (1..=9).map(|number| format!("fn f_d{number}_x() {{}}\n")).collect();
        let tree = Repository::of(&[("crates/a/tests/it/main.rs", names.as_str())]);
        assert_eq!(messages(check_guarantees(&tree)), ["no test cites D10"]);
        let code = ("crates/a/src/lib.rs", "/// D10 holds.\nfn f() {}\n");
        let tree = Repository::of(&[("crates/a/tests/it/main.rs", names.as_str()), code]);
        assert_eq!(messages(check_guarantees(&tree)), ["no test cites D10"]);
        let test = ("crates/b/tests/it/main.rs", "/// D10: all of it.\nfn f() {}\n");
        let tree = Repository::of(&[("crates/a/tests/it/main.rs", names.as_str()), test]);
        assert!(check_guarantees(&tree).is_empty());
    }

    #[test]
    fn tests_named_in_the_page_of_guarantees_exist() {
        let cites: String = GUARANTEES.map(|number| format!("// D{number}\n")).collect();
        let tests = format!("{cites}fn known() {{}}\n");
        let page = "| D1 | `a::it::known`, `a::it::unknown` |\n";
        let manifest = ("crates/a/Cargo.toml", "");
        let tests = ("crates/a/tests/it/main.rs", tests.as_str());
        let tree = Repository::of(&[manifest, tests, (GUARANTEES_PAGE, page)]);
        assert_eq!(messages(check_guarantees(&tree)), ["there is no test function unknown in a"]);
    }

    #[test]
    fn protocol_rules_and_citations_match() {
        let page = (PROTOCOL_PAGE, "**P1.** First.\n\n**P2.** Second.\n\n**P4.** Elsewhere. *(lambda)*\n");
        let test = ("crates/a/tests/it/main.rs", "fn p1_first() {}\n// P3\n");
        let found = messages(check_protocol_rules(&Repository::of(&[page, test])));
        assert_eq!(found, ["no test cites P2", "there is no rule P3"]);
        let lambda = ("crates/lambda/Cargo.toml", "");
        let found = messages(check_protocol_rules(&Repository::of(&[page, test, lambda])));
        assert_eq!(found, ["no test cites P2", "no test cites P4", "there is no rule P3"]);
    }

    #[test]
    fn metrics_are_explained_and_exist() {
        let page = (METRICS_PAGE, "| `dynamowave_a_total` | counts |\n| `dynamowave_b` | gone |\n");
        let code = (
            "crates/a/src/lib.rs",
            "fn f() { counter!(\"dynamowave_a_total\"); counter!(\"dynamowave_c\"); }",
        );
        let found = messages(check_metrics(&Repository::of(&[page, code])));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("dynamowave_c is not explained") && found[1].contains("dynamowave_b"));
    }
}
