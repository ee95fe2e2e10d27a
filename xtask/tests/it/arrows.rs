//! Dependencies between our crates as cargo sees them, and proof that a forbidden one would be found.
//! Does not build anything: `cargo metadata` reads manifests only.

use std::{fs, path::Path};

use cargo_metadata::MetadataCommand;
use xtask::{Repository, arrows};

use crate::assert_none;

#[test]
fn dependencies_follow_the_table() {
    let repository = Repository::here().expect("the tree can be read");
    assert_none(&arrows::check(&repository).expect("cargo metadata runs"));
}

#[test]
fn a_forbidden_arrow_is_found() {
    let found = findings_of(&[("chat", "journal = { path = \"../journal\" }"), ("journal", "")]);
    assert_eq!(found, ["chat → journal (normal) is not an allowed arrow"]);
}

#[test]
fn an_arrow_of_tests_is_for_tests_only() {
    let code = "conformance = { path = \"../conformance\" }";
    let found = findings_of(&[("pipeline", code), ("conformance", "")]);
    assert_eq!(found, ["pipeline → conformance (normal) is not an allowed arrow"]);
    let test = "[dev-dependencies]\nconformance = { path = \"../conformance\" }";
    assert!(findings_of(&[("pipeline", test), ("conformance", "")]).is_empty());
}

#[test]
fn pure_crates_and_the_cloud_are_fenced() {
    let found = findings_of(&[("chat", "tokio = \"1\""), ("api", "aws-sdk-sqs = \"1\"")]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("pure and may not depend on tokio") && found[1].contains("only backend-aws"));
}

#[test]
fn crates_and_features_that_nobody_agreed_on_are_found() {
    let found = findings_of(&[("extra", ""), ("chat", "[features]\nfast = []")]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().any(|message| message.contains("extra is not in the table")));
    assert!(found.iter().any(|message| message.contains("feature `fast`")));
}

/// What is found in a workspace of these crates, each with these lines below `[dependencies]`.
fn findings_of(crates: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("Cargo.toml");
    fs::write(&root, "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n").expect("written");
    for (name, dependencies) in crates {
        write_crate(&folder.path().join("crates").join(name), name, dependencies);
    }
    let metadata = MetadataCommand::new().no_deps().manifest_path(root).exec().expect("cargo metadata runs");
    let mut found: Vec<_> = arrows::compare(&metadata).into_iter().map(|finding| finding.message).collect();
    found.sort();
    found
}

fn write_crate(folder: &Path, name: &str, dependencies: &str) {
    fs::create_dir_all(folder.join("src")).expect("made");
    fs::write(folder.join("src/lib.rs"), "").expect("written");
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[dependencies]\n{dependencies}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("written");
}
