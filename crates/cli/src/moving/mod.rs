//! `dynamowave export` and `dynamowave import`: everything a home holds into a folder, and from there into another home.
//! Opens the home that is named and hands its ports to `moving`; decides nothing of what is moved.

mod bars;
mod home;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use chat::ports::{Clock as _, Randomness as _};
use clap::Args;
use moving::{Exporter, ImportOptions, Manifest};
use tokio::runtime::Runtime;

use self::{bars::Bars, home::Home};
use crate::{
    args::ConfigArgs,
    clock::{SystemClock, SystemRandomness},
};

/// Which home.
#[derive(Debug, Args)]
pub(crate) struct HomeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Data folder; no server may run on it [default: ./data].
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// The tables, queues and files on AWS that the configuration names, instead of a data folder.
    #[cfg(feature = "aws")]
    #[arg(long, value_enum, conflicts_with = "data")]
    backend: Option<crate::args::Backend>,
}

/// A home into a folder.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// The folder: a new one, or one from an earlier try, whose files are kept.
    #[arg(long, value_name = "FOLDER", required_unless_present = "check")]
    to: Option<PathBuf>,
    /// Only copy files of messages and pictures. May be done while the home is in use, so that the export itself is
    /// short.
    #[arg(long)]
    files_only: bool,
    /// Compare every checksum of this finished export, and say what it holds.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["to", "files_only"])]
    check: Option<PathBuf>,
}

/// A folder into a new home.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// The folder that `dynamowave export` has made.
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// The old home went on after the export, and what happened there since is given up: clients load the history anew
    /// instead of going on where they are.
    #[arg(long)]
    new_history: bool,
    /// Do not read everything again to compare it with the export.
    #[arg(long)]
    unverified: bool,
}

/// Exports, or checks an export.
pub(crate) fn export(args: &ExportArgs) -> Result<()> {
    let (bars, runtime) = (Bars::new(), runtime()?);
    if let Some(folder) = &args.check {
        let manifest = runtime.block_on(moving::check(folder, bars.clone()));
        let manifest = manifest.with_context(|| format!("the export {}", folder.display()))?;
        bars.end();
        println!("{} is whole: {}.", folder.display(), contents(&manifest));
        return Ok(());
    }
    let Some(folder) = &args.to else { bail!("name the folder to export to: --to FOLDER") };
    let began = Instant::now();
    let config = args.home.load()?;
    if args.files_only {
        let copied = runtime.block_on(async {
            let files = args.home.files(&config)?;
            Ok::<u64, anyhow::Error>(moving::export_files(&*files, folder, &*bars).await?)
        });
        let copied = copied.with_context(|| format!("cannot export to {}", folder.display()))?;
        bars.end();
        println!("Copied {copied} files to {}, {}.", folder.display(), lasted(began));
        return Ok(());
    }
    let manifest = runtime.block_on(async {
        let home = Home::open_to_read(&args.home, &config).await?;
        let exporter = Exporter {
            export_id: new_id(),
            program: concat!("dynamowave ", env!("CARGO_PKG_VERSION")).to_owned(),
            made_at_ms: SystemClock.now_ms(),
        };
        let exported = moving::export(home.house(), folder, exporter, bars.clone()).await;
        home.close();
        Ok::<Manifest, anyhow::Error>(exported?)
    });
    let manifest = manifest.with_context(|| format!("cannot export to {}", folder.display()))?;
    bars.end();
    println!("Exported to {}, {}: {}.", folder.display(), lasted(began), contents(&manifest));
    if manifest.files_missing > 0 {
        println!(
            "The home did not have {} files that it knew; messages show them as gone.",
            manifest.files_missing
        );
    }
    println!(
        "If the old home takes messages again before the new one does, export again, or import with --new-history."
    );
    Ok(())
}

/// Imports, or goes on with an import.
pub(crate) fn import(args: &ImportArgs) -> Result<()> {
    let (bars, runtime, began) = (Bars::new(), runtime()?, Instant::now());
    let config = args.home.load()?;
    let options = ImportOptions { is_history_new: args.new_history, is_verified: !args.unverified };
    let imported = runtime.block_on(async {
        let manifest = Manifest::read(&args.from)?;
        let home = Home::open_to_take_in(&args.home, &config, &manifest, options).await?;
        let imported = moving::import(home.house(), &args.from, options, bars.clone()).await;
        home.close();
        Ok::<_, anyhow::Error>(imported?)
    });
    let imported = imported.with_context(|| cannot_import(&args.from))?;
    bars.end();
    if imported.was_finished {
        println!("{} is in this home already; nothing was done.", args.from.display());
        return Ok(());
    }
    let gone_on = if imported.blocks_before > 0 { " Went on where an earlier import ended." } else { "" };
    println!(
        "Imported {}, {}: {}.{gone_on}",
        args.from.display(),
        lasted(began),
        contents(&imported.manifest)
    );
    let clients = if args.new_history { "load the history anew" } else { "go on where they are" };
    println!("Clients stay logged in and {clients}. {}", args.home.how_to_start());
    Ok(())
}

fn cannot_import(from: &Path) -> String {
    format!("cannot import {}", from.display())
}

/// What an export holds, in words.
fn contents(manifest: &Manifest) -> String {
    let count = |kind: &str| manifest.counts.get(kind).map_or(0, |count| count.count);
    format!(
        "{} people with {} sessions, {} conversations with {} events, {} files of {:.1} MiB, {} dead letters",
        count("people"),
        count("sessions"),
        count("conversations"),
        count("events"),
        manifest.files,
        manifest.file_bytes as f64 / f64::from(1 << 20),
        count("dead letters"),
    )
}

fn lasted(began: Instant) -> String {
    format!("in {:.1} s", began.elapsed().as_secs_f64())
}

/// One thread is enough: what is heavy has threads of its own.
fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// A new UUIDv7.
fn new_id() -> uuid::Uuid {
    let mut random = chat::ids::Randomness::default();
    SystemRandomness.fill(&mut random);
    chat::Epoch::new(SystemClock.now_ms(), &random).uuid()
}
