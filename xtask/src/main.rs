//! The repository's checks and generators on the command line: `cargo run -p xtask -- tidy`.
//! Holds no rule itself: everything it runs, `cargo test -p xtask` runs too.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::{Finding, Repository, TIDY, arrows, fresh, fuzz, generated};

/// Checks of the repository that neither the compiler nor clippy makes.
#[derive(Debug, Parser)]
#[command(name = "xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Reads the tree: headers, sizes, words, layout, names, links, citations, generated tables.
    Tidy,
    /// Compares the dependencies between our crates with the table of allowed arrows.
    Arrows,
    /// Runs the generators of files that are kept: are those what would be generated now?
    Fresh,
    /// Writes the generated tables of the book.
    Generate,
    /// Lists the fuzz targets, `folder name` a line.
    FuzzList,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            eprintln!("{} to put right", findings.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<Vec<Finding>> {
    let repository = Repository::here()?;
    match task {
        Task::Tidy => Ok(TIDY.iter().flat_map(|(_, check)| check(&repository)).collect()),
        Task::Arrows => arrows::check(&repository),
        Task::Fresh => fresh::check(&repository),
        Task::Generate => generated::write(&repository).map(|()| Vec::new()),
        Task::FuzzList => {
            for target in fuzz::targets(&repository) {
                println!("{} {}", target.folder, target.name);
            }
            Ok(Vec::new())
        }
    }
}
