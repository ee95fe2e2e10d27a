//! Tables in the book that are printed from code: who may do what, and every limit.
//! Invariant: only what stands between the two markers of a page is generated; people write the rest.

use std::{fmt::Write as _, fs};

use anyhow::{Context, Result, bail};
use chat::{
    ConversationKind, Role,
    permission::{ACTIONS, Action, allowed},
};

use crate::{Finding, Repository, constants::constants};

/// A page with a generated part.
struct Page {
    path: &'static str,
    /// The name in its markers.
    marker: &'static str,
    print: fn(&Repository) -> String,
}

const PAGES: &[Page] = &[
    Page { path: "docs/use/roles.md", marker: "permissions", print: permissions },
    Page { path: "docs/operate/limits.md", marker: "limits", print: limits },
];

/// Pages whose generated part is not what would be generated now.
#[must_use]
pub fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for page in PAGES {
        let Some(file) = repository.file(page.path) else {
            findings.push(Finding::of(page.path, "is missing"));
            continue;
        };
        match with_generated(&file.text, page, repository) {
            Ok(text) if text == file.text => {}
            Ok(_) => {
                let message = "is out of date: run `cargo run -p xtask -- generate`";
                findings.push(Finding::of(page.path, message));
            }
            Err(error) => findings.push(Finding::of(page.path, error.to_string())),
        }
    }
    findings
}

/// Writes the generated parts into their pages.
///
/// # Errors
/// When a page or its markers are missing, or it cannot be written.
pub fn write(repository: &Repository) -> Result<()> {
    for page in PAGES {
        let file = repository.file(page.path).with_context(|| format!("{} is missing", page.path))?;
        let text = with_generated(&file.text, page, repository)?;
        fs::write(repository.root.join(page.path), text).with_context(|| page.path.to_owned())?;
    }
    Ok(())
}

fn with_generated(text: &str, page: &Page, repository: &Repository) -> Result<String> {
    let begin = format!("<!-- generated: {}, by `cargo run -p xtask -- generate` -->\n", page.marker);
    let end = "<!-- end of the generated part -->";
    let Some((before, rest)) = text.split_once(&begin) else { bail!("has no line `{}`", begin.trim()) };
    let Some((_, after)) = rest.split_once(end) else { bail!("has no line `{end}`") };
    Ok(format!("{before}{begin}\n{}\n{end}{after}", (page.print)(repository)))
}

fn permissions(_: &Repository) -> String {
    use ConversationKind::{Channel, Direct, Group};
    let mut table = String::new();
    for (kind, title) in [(Direct, "Direct"), (Group, "Group"), (Channel, "Channel")] {
        let _ = writeln!(table, "### {title}\n");
        table.push_str("| | not a member | member | admin | owner |\n|---|:-:|:-:|:-:|:-:|\n");
        for action in ACTIONS {
            let cells = [None, Some(Role::Member), Some(Role::Admin), Some(Role::Owner)]
                .map(|role| if allowed(kind, role, action) { "yes" } else { "–" });
            let _ = writeln!(table, "| {} | {} |", describe(action), cells.join(" | "));
        }
        table.push('\n');
    }
    table.trim_end().to_owned() + "\n"
}

const fn describe(action: Action) -> &'static str {
    match action {
        Action::Read => "Read history, receive messages, see members, mark read, show typing",
        Action::Write => "Send; edit and delete one's own messages; react",
        Action::DeleteOthers => "Delete somebody else's message",
        Action::Describe => "Change title and description",
        Action::Join => "Join without being added",
        Action::Leave => "Leave",
        Action::AddMembers => "Add members",
        Action::RemoveMembers => "Remove members with a lower role",
        Action::SetRoles => "Change roles, up to one's own",
    }
}

fn limits(repository: &Repository) -> String {
    let mut text = String::new();
    for name in repository.crates() {
        let path = format!("crates/{name}/src/limits.rs");
        let Some(file) = repository.file(&path) else { continue };
        let constants = constants(&file.text);
        if constants.is_empty() {
            continue;
        }
        let _ = writeln!(text, "### `{name}`\n\n| limit | value | what it bounds |\n|---|--:|---|");
        for constant in constants {
            let _ = writeln!(text, "| `{}` | {} | {} |", constant.name, constant.value, constant.meaning);
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "//! Bounds.\n//! All.\n\n/// Frame, bytes.\npub const FRAME_BYTES_MAX: usize = 32 * 1024;\n/// Wait.\npub const WAIT: Duration = Duration::from_secs(5);\nconst HIDDEN: u8 = 1;\n";

    #[test]
    fn limits_are_printed_with_their_value_and_meaning() {
        let tree = Repository::of(&[("crates/a/Cargo.toml", ""), ("crates/a/src/limits.rs", LIMITS)]);
        let text = limits(&tree);
        assert!(text.contains("| `FRAME_BYTES_MAX` | 32,768 | Frame, bytes. |"), "{text}");
        assert!(text.contains("| `WAIT` | `Duration::from_secs(5)` | Wait. |"), "{text}");
        assert!(!text.contains("HIDDEN"));
    }

    #[test]
    fn only_the_part_between_the_markers_is_replaced_and_an_old_one_is_found() {
        let page = &PAGES[1];
        let begin = "<!-- generated: limits, by `cargo run -p xtask -- generate` -->\n";
        let old = format!("# Limits\n\n{begin}\nold\n<!-- end of the generated part -->\n\nMore.\n");
        let tree = Repository::of(&[
            ("crates/a/Cargo.toml", ""),
            ("crates/a/src/limits.rs", LIMITS),
            (page.path, old.as_str()),
        ]);
        assert!(check(&tree).iter().any(|finding| finding.message.contains("out of date")));
        let new = with_generated(&old, page, &tree).unwrap();
        assert!(new.starts_with("# Limits\n") && new.ends_with("More.\n") && !new.contains("old"));
        assert_eq!(with_generated(&new, page, &tree).unwrap(), new);
    }

    #[test]
    fn the_permission_table_has_a_row_for_each_action_of_each_kind() {
        let rows = permissions(&Repository::of(&[]))
            .lines()
            .filter(|line| line.contains("| yes") || line.contains("| –"))
            .count();
        assert_eq!(rows, 3 * ACTIONS.len());
    }
}
