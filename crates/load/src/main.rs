//! The binary `dynamowave-load`. Exit code 0: measured, and every check held; 1: a check failed; 2: not measured.
//! Holds nothing but that: the library does the work.

use std::process::ExitCode;

use clap::Parser as _;
use load::args::Arguments;

fn main() -> ExitCode {
    match Arguments::parse().run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("dynamowave-load: a check failed; see above");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("dynamowave-load: {error}");
            ExitCode::from(2)
        }
    }
}
