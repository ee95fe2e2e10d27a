//! Files that other crates generate and the repository keeps: are they what would be generated now?
//! Runs the generators as `cargo test --no-run` has built them, so that nothing is built twice; knows none of their
//! formats.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, bail};

use crate::{Finding, Repository};

/// How one generator is asked.
enum Answer {
    /// It compares by itself and says so by its exit code.
    ChecksItself,
    /// It prints the file.
    Prints(&'static str),
}

/// A generator that the repository keeps the output of.
struct Generator {
    /// What it makes, for people.
    what: &'static str,
    /// Where it is built, below `target/debug`.
    binary: &'static str,
    arguments: &'static [&'static str],
    answer: Answer,
    /// How to make the files anew.
    remedy: &'static str,
}

const GENERATORS: &[Generator] = &[
    Generator {
        what: "schemas, AsyncAPI document and TypeScript types",
        binary: "examples/generate",
        arguments: &["--check"],
        answer: Answer::ChecksItself,
        remedy: "cargo run -p protocol --example generate",
    },
    Generator {
        what: "the configuration with every option",
        binary: "dynamowave",
        arguments: &["config", "default"],
        answer: Answer::Prints("deploy/dynamowave.toml"),
        remedy: "cargo run -p cli -- config default > deploy/dynamowave.toml",
    },
];

/// Asks every generator; finds files that are out of date.
///
/// # Errors
/// When a generator is not built or cannot be run.
pub fn check(repository: &Repository) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for generator in GENERATORS {
        let output = run(&repository.root, generator)?;
        let said =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
        match generator.answer {
            Answer::ChecksItself if output.status.success() => {}
            Answer::ChecksItself => findings.push(stale("Cargo.toml", generator, said.trim())),
            Answer::Prints(_) if !output.status.success() => bail!("{}: {}", generator.binary, said.trim()),
            Answer::Prints(path) => {
                let kept = fs::read(repository.root.join(path)).unwrap_or_default();
                if kept != output.stdout {
                    findings.push(stale(path, generator, ""));
                }
            }
        }
    }
    Ok(findings)
}

fn stale(path: &str, generator: &Generator, said: &str) -> Finding {
    Finding::of(path, format!("{}: out of date, run `{}` {said}", generator.what, generator.remedy))
}

fn run(root: &Path, generator: &Generator) -> Result<Output> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let binary = target.join("debug").join(generator.binary);
    if !binary.exists() {
        bail!("{} is not built: run `cargo test --no-run` first", binary.display());
    }
    let run = Command::new(&binary).args(generator.arguments).current_dir(root).output();
    run.with_context(|| format!("cannot run {}", binary.display()))
}
