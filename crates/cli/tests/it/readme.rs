//! The README, taken at its word: every `sh` block is run, in order, in one shell, against the real binary.
//! Only the address and the place of the binary differ. Needs curl, npx (wscat) and Python's websockets, which
//! `make test` installs.

use std::{fmt::Write as _, path::Path, process::Command};

use crate::server::Server;

#[test]
fn every_line_of_the_readme_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let blocks = sh_blocks(&readme);
    assert!(blocks.len() >= 4, "the README has {} blocks to run", blocks.len());

    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let server = Server::start(&folder, &[]);
    let mut script = String::from("set -euo pipefail\n");
    for (number, block) in blocks.iter().enumerate() {
        let _ = writeln!(script, "echo '--- block {number}'\n{block}");
    }
    let script = script
        .replace("127.0.0.1:8080", &server.address.to_string())
        .replace("./target/release/dynamowave", env!("CARGO_BIN_EXE_dynamowave"));
    let output = Command::new("bash").arg("-c").arg(&script).current_dir(data.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));

    for expected in [
        "\"role\":\"owner\"",
        "\"type\":\"hello\"",
        "\"type\":\"accepted\"",
        "\"type\":\"event\"",
        "\"type\":\"events\"",
        "\"type\":\"synced\"",
        "\"headSeq\":2",
        "Hello, *Bob*",
        "[registration]",
        "No dead letters.",
        "dynamowave_",
    ] {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
    let history = text.rsplit("\"type\":\"synced\"").next().unwrap_or_default();
    assert!(history.contains("Hello, *Bob*"), "the history holds the message:\n{text}");
}

fn sh_blocks(readme: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut current: Option<String> = None;
    for line in readme.lines() {
        match (&mut current, line.trim_end()) {
            (None, "```sh") => current = Some(String::new()),
            (Some(_), "```") => blocks.extend(current.take()),
            (Some(block), line) => {
                let _ = writeln!(block, "{line}");
            }
            (None, _) => {}
        }
    }
    blocks
}
