//! `dynamowave inspect`: what stands in a data folder, as JSON lines, while no server runs on it.
//! Shows rows and journal records with secrets masked; changes nothing.

use std::{io::Write as _, ops::ControlFlow};

use anyhow::{Context as _, Result, bail};
use backend_embedded::{Config, Inspector};
use clap::{Args, Subcommand};
use serde_json::Value;

/// What stands in a data folder.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Data folder; no server may run on it.
    #[arg(long, global = true, default_value = "./data", value_name = "FOLDER")]
    data: String,
    /// Stop after so many lines.
    #[arg(long, global = true, default_value_t = usize::MAX, hide_default_value = true, value_name = "COUNT")]
    limit: usize,
    #[command(subcommand)]
    command: InspectCommand,
}

#[derive(Debug, Subcommand)]
enum InspectCommand {
    /// Rows of the store, by kind and key.
    Rows {
        /// Only this kind of rows.
        kind: Option<String>,
    },
    /// Records of the journal, in order.
    Records {
        /// The first position to show.
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
}

/// Prints what was asked for.
pub(crate) fn run(args: &InspectArgs) -> Result<()> {
    let folder = || format!("the data folder {:?}", args.data);
    let inspector = Inspector::open(&Config::new(&args.data)).with_context(folder)?;
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let mut left = args.limit;
    let mut print = |line: Value| {
        if left == 0 || writeln!(output, "{line}").is_err() {
            return ControlFlow::Break(());
        }
        left -= 1;
        ControlFlow::Continue(())
    };
    match &args.command {
        InspectCommand::Rows { kind } => {
            let kinds = Inspector::keyspaces();
            if let Some(kind) = kind.as_ref().filter(|kind| !kinds.contains(kind)) {
                bail!("there are no rows of the kind {kind:?}; there are: {}", kinds.join(", "));
            }
            inspector.rows(kind.as_deref(), &mut print).with_context(folder)?;
        }
        InspectCommand::Records { from } => inspector.records(*from, &mut print).with_context(folder)?,
    }
    output.flush().context("standard output")
}
