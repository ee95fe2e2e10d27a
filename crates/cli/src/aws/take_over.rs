//! `dynamowave aws take-over`: another region becomes the home of the history, and what is to be done then (D3, D4).
//! Prints; what is done is the backend's.

use std::sync::Arc;

use anyhow::Result;
use backend_aws::TakenOver;

use crate::{clock::SystemRandomness, config::Config, nodes};

/// Moves the home to the configured region.
pub(crate) fn run(config: &Config) -> Result<()> {
    let table = &config.aws.main_table;
    let TakenOver { from, to, already } = nodes::runtime()?.block_on(async {
        let sdk = backend_aws::connect(nodes::region(config)).await;
        backend_aws::take_over(&sdk, table, Arc::new(SystemRandomness)).await
    })?;
    if already {
        println!("{to} is the home of {table} already.");
        return Ok(());
    }
    let from = from.map_or_else(|| "no region".to_owned(), |from| format!("{from} before"));
    println!(
        "{to} is the home of {table} now ({from}). Clients that hold what the other one wrote last load their history \
         anew.\nProcesses that run elsewhere stop writing within seconds after this is copied there; functions and \
         services here start when they are called next."
    );
    Ok(())
}
