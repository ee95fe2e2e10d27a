//! `dynamowave search rebuild`: makes the search index of a data folder again, while no server runs on it.
//! Never needed in daily work: a server makes an index that is missing or does not fit by itself.

use std::{sync::Arc, time::Instant};

use anyhow::{Context as _, Result};
use backend_embedded::{Config, Embedded};
use clap::{Args, Subcommand};

use crate::clock::{SystemClock, SystemRandomness};

/// The search index of a data folder.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Data folder; no server may run on it.
    #[arg(long, global = true, default_value = "./data", value_name = "FOLDER")]
    data: String,
    #[command(subcommand)]
    command: SearchCommand,
}

#[derive(Debug, Subcommand)]
enum SearchCommand {
    /// Delete the index and make it again from the messages that are stored.
    Rebuild,
}

/// Does what was asked for.
pub(crate) fn run(args: &SearchArgs) -> Result<()> {
    let SearchCommand::Rebuild = args.command;
    let folder = || format!("the data folder {:?}", args.data);
    let began = Instant::now();
    // Opening would make a folder that is not there, and a wrong path would look like an empty history.
    anyhow::ensure!(std::path::Path::new(&args.data).join("journal").is_dir(), "{} is none", folder());
    let embedded = Embedded::open(Config::new(&args.data), Arc::new(SystemClock), Arc::new(SystemRandomness));
    let embedded = embedded.with_context(folder)?;
    let messages = embedded.rebuild_search().with_context(folder)?;
    embedded.shutdown();
    println!("{messages} messages are indexed, in {:.1} s.", began.elapsed().as_secs_f64());
    Ok(())
}
