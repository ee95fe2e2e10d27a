//! Writes the documents made from the wire's types: JSON Schemas, AsyncAPI, tables of codes, TypeScript.
//! `cargo run -p protocol --example generate` writes them; with `--check` it only tells which are out of date.
//! Knows nothing of the types themselves: everything comes from the crate.

// Loaded by path so that the freshness test can load it too.
#[path = "output.rs"]
mod output;

use std::{env, error::Error, fs, process::ExitCode};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let check = env::args().any(|argument| argument == "--check");
    let mut stale = 0;
    for file in output::files() {
        let path = output::root().join(&file.path);
        if fs::read_to_string(&path).is_ok_and(|text| text == file.text) {
            continue;
        }
        stale += 1;
        if check {
            println!("out of date: {}", file.path);
        } else {
            fs::create_dir_all(path.parent().ok_or("a file has a folder")?)?;
            fs::write(&path, &file.text)?;
            println!("written: {}", file.path);
        }
    }
    Ok(if check && stale > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
