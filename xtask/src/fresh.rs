//! Files that other crates generate and the repository keeps: are they what would be generated now?
//! Runs the generators themselves through cargo, so it needs the workspace to build; knows none of their formats.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{Finding, Repository};

/// How one generator is asked.
enum Answer {
    /// It compares by itself with `--check` and says so by its exit code.
    ChecksItself,
    /// It prints the file.
    Prints(&'static str),
}

/// A generator that the repository keeps the output of.
struct Generator {
    /// What it makes, for people.
    what: &'static str,
    /// Arguments of `cargo run`.
    arguments: &'static [&'static str],
    answer: Answer,
}

const GENERATORS: &[Generator] = &[
    Generator {
        what: "schemas, AsyncAPI document and TypeScript types",
        arguments: &["-p", "protocol", "--example", "generate", "--", "--check"],
        answer: Answer::ChecksItself,
    },
    Generator {
        what: "the configuration with every option",
        arguments: &["-p", "cli", "--bin", "dynamowave", "--", "config", "default"],
        answer: Answer::Prints("deploy/dynamowave.toml"),
    },
];

/// Asks every generator; finds files that are out of date.
///
/// # Errors
/// When cargo cannot be run, or a generator fails for another reason.
pub fn check(repository: &Repository) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for generator in GENERATORS {
        let command = format!("cargo run {}", generator.arguments.join(" "));
        let output = cargo(&repository.root, generator)?;
        let finding = match generator.answer {
            Answer::ChecksItself if output.status.success() => None,
            Answer::ChecksItself => {
                let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                let message = format!("{}: `{command}` says: {said}", generator.what);
                Some(Finding::of("Cargo.toml", message))
            }
            Answer::Prints(path) if output.status.success() => {
                let kept = fs::read(repository.root.join(path)).unwrap_or_default();
                (kept != output.stdout)
                    .then(|| Finding::of(path, format!("is out of date: `{command} > {path}`")))
            }
            Answer::Prints(_) => bail!("`{command}`: {}", String::from_utf8_lossy(&output.stderr).trim()),
        };
        findings.extend(finding);
    }
    Ok(findings)
}

fn cargo(root: &Path, generator: &Generator) -> Result<std::process::Output> {
    Command::new(env!("CARGO"))
        .args(["run", "--quiet"])
        .args(generator.arguments)
        .current_dir(root)
        .output()
        .with_context(|| format!("cannot run the generator of {}", generator.what))
}
