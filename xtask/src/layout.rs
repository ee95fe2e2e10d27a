//! The same places in every crate: bounds in `limits.rs`, one integration-test binary, lints from the root.
//! Does not look into the files: only that they are where a reader expects them.

use crate::{Finding, Repository};

/// Crates without bounds of their own, with the reason.
const WITHOUT_LIMITS: &[(&str, &str)] =
    &[("conformance", "test machinery: it drives the bounds of the others")];

/// Crates without `limits.rs`, more than one test binary in a crate, features outside `cli`, lints not inherited.
#[must_use]
pub fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in repository.crates() {
        findings.extend(check_crate(repository, name));
    }
    for file in repository.rust().filter(|file| file.crate_name() != Some("cli")) {
        for (number, line) in file.text.lines().enumerate() {
            let condition = ["cfg(fea", "ture"].concat();
            if line.contains(&condition) || line.contains(&condition.replace("cfg(", "cfg!(")) {
                let message =
                    "no conditional compilation by feature outside cli: every build is the same build";
                findings.push(Finding::at(&file.path, number + 1, message));
            }
        }
    }
    findings
}

fn check_crate(repository: &Repository, name: &str) -> Vec<Finding> {
    let manifest = format!("crates/{name}/Cargo.toml");
    let mut findings = Vec::new();
    let limits = format!("crates/{name}/src/limits.rs");
    let exempt = WITHOUT_LIMITS.iter().any(|(exempt, _)| *exempt == name);
    if !exempt && repository.file(&limits).is_none() {
        findings
            .push(Finding::of(&manifest, format!("{limits} is missing: every bound, named with its unit")));
    }
    let tests = format!("crates/{name}/tests/");
    for file in repository.rust() {
        let Some(rest) = file.path.strip_prefix(&tests) else { continue };
        let is_binary = !rest.contains('/') || (rest.ends_with("/main.rs") && rest.matches('/').count() == 1);
        if is_binary && rest != "it/main.rs" {
            let message = "one integration-test binary per crate: make it a module of tests/it/main.rs";
            findings.push(Finding::of(&file.path, message));
        }
    }
    let inherits = |text: &str| text.contains("[lints]\nworkspace = true");
    if !repository.file(&manifest).is_some_and(|file| inherits(&file.text)) {
        findings.push(Finding::of(&manifest, "inherit the root's lints: [lints] workspace = true"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\n\n[lints]\nworkspace = true\n";

    #[test]
    fn a_crate_has_limits_and_inherits_lints() {
        let good = [("crates/a/Cargo.toml", GOOD), ("crates/a/src/limits.rs", "")];
        assert!(check(&Repository::of(&good)).is_empty());
        assert_eq!(check(&Repository::of(&[("crates/a/Cargo.toml", "[package]\n")])).len(), 2);
    }

    #[test]
    fn a_crate_has_one_integration_test_binary() {
        let tree = |path| {
            let files = [("crates/a/Cargo.toml", GOOD), ("crates/a/src/limits.rs", ""), (path, "")];
            check(&Repository::of(&files)).len()
        };
        assert_eq!(tree("crates/a/tests/it/main.rs"), 0);
        assert_eq!(tree("crates/a/tests/it/order.rs"), 0);
        assert_eq!(tree("crates/a/tests/order.rs"), 1);
        assert_eq!(tree("crates/a/tests/other/main.rs"), 1);
    }

    #[test]
    fn features_choose_code_in_cli_only() {
        let line = ["#[cfg(fea", "ture = \"aws\")]\nmod aws;\n"].concat();
        assert_eq!(check(&Repository::of(&[("crates/a/src/lib.rs", line.as_str())])).len(), 1);
        assert!(check(&Repository::of(&[("crates/cli/src/lib.rs", line.as_str())])).is_empty());
    }
}
