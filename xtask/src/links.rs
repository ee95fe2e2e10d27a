//! Links in documents lead somewhere: to a file that exists, to a heading that exists, in the book to another page of
//! the book. Does not follow links to the web: whether a site is up is no property of this repository.

use std::{collections::BTreeSet, path::Path};

use regex::Regex;

use crate::{Finding, Repository, repository::SourceFile};

/// Where the pages of the book lie. Links from them must stay in there, or they break in the rendered book.
const BOOK: &str = "docs/";

/// Broken links, book pages that the summary does not list, and paths of documents that code mentions wrongly.
#[must_use]
pub fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.with_extension("md") {
        for (line, target) in links(&file.text) {
            if let Some(problem) = problem(repository, file, &target) {
                findings.push(Finding::at(&file.path, line, problem));
            }
        }
    }
    findings.extend(check_summary(repository));
    findings.extend(check_mentions(repository));
    findings.extend(check_sources_named(repository));
    findings
}

/// The links of a document with their lines; those in code are not links.
fn links(text: &str) -> Vec<(usize, String)> {
    let inline = Regex::new(r"\]\(<?([^)\s>]+)>?[^)]*\)").expect("invariant: a valid pattern");
    let code = Regex::new(r"`[^`]*`").expect("invariant: a valid pattern");
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line = code.replace_all(line, "");
        found.extend(inline.captures_iter(&line).map(|link| (number, link[1].to_owned())));
    }
    found
}

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((number + 1, line))
    })
}

fn problem(repository: &Repository, from: &SourceFile, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { from.path.clone() } else { resolve(&from.path, path)? };
    if from.path.starts_with(BOOK) && !path.starts_with(BOOK) {
        return Some(format!("`{target}` leaves the book: name the file in code font instead"));
    }
    let Some(file) = repository.file(&path) else {
        let exists = repository.root.join(&path).exists() && !repository.root.as_os_str().is_empty();
        return (!exists).then(|| format!("`{target}` leads nowhere: there is no {path}"));
    };
    if anchor.is_empty() || file.extension() != Some("md") || anchors(&file.text).contains(anchor) {
        return None;
    }
    Some(format!("`{target}`: {path} has no heading #{anchor}"))
}

/// `to` as seen from the file `from`, as a path from the root. `None` when it climbs out.
fn resolve(from: &str, to: &str) -> Option<String> {
    let base = Path::new(from).parent()?.to_str()?;
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The anchors of a document's headings as mdBook and code forges make them, and those written by hand.
fn anchors(text: &str) -> BTreeSet<String> {
    let by_hand = Regex::new(r#"<a (?:id|name)="([^"]+)""#).expect("invariant: a valid pattern");
    let mut found: BTreeSet<String> = BTreeSet::new();
    for (_, line) in prose(text) {
        found.extend(by_hand.captures_iter(line).map(|anchor| anchor[1].to_owned()));
        let title = line.trim_start_matches('#');
        if title.len() < line.len() && title.starts_with(' ') {
            let slug = slug(title.trim());
            let mut unique = slug.clone();
            let mut times = 0;
            while !found.insert(unique) {
                times += 1;
                unique = format!("{slug}-{times}");
            }
        }
    }
    found
}

fn slug(title: &str) -> String {
    title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Every page of the book is in its table of contents.
fn check_summary(repository: &Repository) -> Vec<Finding> {
    let Some(summary) = repository.file("docs/SUMMARY.md") else { return Vec::new() };
    let listed: BTreeSet<String> =
        links(&summary.text).into_iter().filter_map(|(_, target)| resolve(&summary.path, &target)).collect();
    repository
        .with_extension("md")
        .filter(|file| file.path.starts_with(BOOK))
        .filter(|file| file.path != summary.path && !listed.contains(&file.path))
        .map(|file| Finding::of(&file.path, "is not in docs/SUMMARY.md"))
        .collect()
}

/// Documents that comments and code name in full exist.
fn check_mentions(repository: &Repository) -> Vec<Finding> {
    let mention =
        Regex::new(r"\bdocs/[\w./-]+\.(?:md|json|yaml|toml)\b").expect("invariant: a valid pattern");
    let mut findings = Vec::new();
    for file in repository.rust().filter(|file| file.crate_name() != Some("xtask")) {
        for (number, line) in file.text.lines().enumerate() {
            for path in mention.find_iter(line).map(|found| found.as_str()) {
                if repository.file(path).is_none() {
                    findings.push(Finding::at(&file.path, number + 1, format!("there is no {path}")));
                }
            }
        }
    }
    findings
}

/// Source files that documents name as `crate/src/…` or `crates/crate/…` exist.
fn check_sources_named(repository: &Repository) -> Vec<Finding> {
    let named = Regex::new(r"`(?:crates/)?([a-z][a-z-]*/(?:src|tests|benches)(?:/[\w.-]+)*/?)`")
        .expect("invariant: a valid pattern");
    let crates = repository.crates();
    let mut findings = Vec::new();
    for file in repository.with_extension("md") {
        for (number, line) in prose(&file.text) {
            for path in named.captures_iter(line).map(|found| format!("crates/{}", &found[1])) {
                let of_ours = path.split('/').nth(1).is_some_and(|name| crates.contains(&name));
                let is_there = repository.files.iter().any(|file| {
                    file.path == path || file.path.starts_with(&format!("{}/", path.trim_end_matches('/')))
                });
                if of_ours && !is_there {
                    findings.push(Finding::at(&file.path, number, format!("there is no {path}")));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        check(&Repository::of(files)).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn links_lead_to_files_and_headings() {
        let other = ("docs/b.md", "# Two words, here\n");
        let good = "[a](b.md) [b](b.md#two-words-here) [c](https://x.y) [d](#top)\n# Top\n";
        assert!(messages(&[("docs/a.md", good), other]).is_empty());
        assert_eq!(messages(&[("docs/a.md", "[a](c.md)"), other]).len(), 1);
        assert_eq!(messages(&[("docs/a.md", "[a](b.md#nothing)"), other]).len(), 1);
        assert_eq!(messages(&[("a.md", "[a](docs/b.md)"), other]).len(), 0);
        assert_eq!(messages(&[("docs/a.md", "```\n[a](c.md)\n```\n`[a](c.md)`"), other]).len(), 0);
    }

    #[test]
    fn the_book_links_to_itself_and_lists_its_pages() {
        let summary = ("docs/SUMMARY.md", "[a](a.md) [one](decisions/1.md)");
        let decision = ("docs/decisions/1.md", "# One\n");
        let page = |text| messages(&[summary, decision, ("docs/a.md", text), ("README.md", "")]);
        assert!(page("[one](decisions/1.md)").is_empty());
        assert!(page("[out](../README.md)")[0].contains("leaves the book"));
        let unlisted = messages(&[summary, decision, ("docs/a.md", ""), ("docs/b.md", "")]);
        assert_eq!(unlisted, ["docs/b.md: is not in docs/SUMMARY.md"]);
    }

    #[test]
    fn source_files_named_in_documents_exist() {
        let manifest = ("crates/a/Cargo.toml", "");
        let code = ("crates/a/src/b/c.rs", "//! C.\n//! D.\n");
        let good = "`a/src/b/c.rs`, `a/src/b/`, `crates/a/src/b`, `other/src/x.rs`";
        assert!(messages(&[manifest, code, ("A.md", good)]).is_empty());
        assert_eq!(messages(&[manifest, code, ("A.md", "`a/src/d.rs`")]).len(), 1);
    }

    #[test]
    fn documents_named_in_code_exist() {
        let code = ("crates/a/src/lib.rs", "//! See `docs/a.md`.\n//! And more.\n");
        assert_eq!(messages(&[code]).len(), 1);
        assert!(messages(&[code, ("docs/a.md", "")]).is_empty());
    }
}
