//! `dynamowave restore`: a data folder from a backup or another data folder, up to a moment, under a new epoch (D4, D8).
//! Works in a folder beside the target and gives it its name at the end, so that a target is whole or absent.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, bail, ensure};
use backend_embedded::{Config, RestoreUntil};
use chat::ports::{Clock, Randomness};
use clap::Args;
use protocol::Time;

use crate::clock::{SystemClock, SystemRandomness};

/// What of a data folder is taken along besides what the backend restores itself. The rest is made anew.
const TAKEN_ALONG: [&str; 2] = ["files", "operator.token"];

/// A data folder from a backup.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup, or another data folder: where `journal` lies. Nothing in it is changed; no server may run on it.
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// The data folder to make. Nothing is overwritten: it must not exist, or be empty.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Restore what was accepted up to this time (like 2026-01-31T12:00:00Z), or up to this journal record (a number).
    /// Without it: everything.
    #[arg(long, value_name = "TIME|POSITION", value_parser = until)]
    until: Option<RestoreUntil>,
}

/// Restores, and says what.
pub(crate) fn run(args: &RestoreArgs) -> Result<()> {
    let RestoreArgs { from, to, until } = args;
    ensure!(is_free(to)?, "{} is not empty: nothing is ever overwritten; name a new folder", to.display());
    let staging = staging(to)?;
    if !is_free(&staging)? {
        bail!("{} is left from a restore that was interrupted: remove it first", staging.display());
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    let until = until.unwrap_or(RestoreUntil::End);
    let restored = backend_embedded::restore(from, &Config::new(&staging), until, &clock, &randomness)
        .or_else(|error| {
            // What is there of it is of no use to anybody.
            let removed = fs::remove_dir_all(&staging);
            Err(error).with_context(|| match removed {
                Err(why) if why.kind() != io::ErrorKind::NotFound => {
                    format!("cannot restore from {} (remove {})", from.display(), staging.display())
                }
                _ => format!("cannot restore from {}", from.display()),
            })
        })?;
    take_along(from, &staging)?;
    finish(&staging, to).with_context(|| format!("cannot give {} its name", to.display()))?;
    println!(
        "Restored {} up to record {} of {}, under the new epoch {}.\nClients that knew the old history will load it \
         anew. Start it with: dynamowave serve --data {}",
        from.display(),
        restored.last,
        Time::from_ms(restored.last_time_ms),
        restored.epoch,
        to.display(),
    );
    Ok(())
}

fn until(text: &str) -> Result<RestoreUntil, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(RestoreUntil::Position).map_err(|_| "the position is too large".to_owned());
    }
    let time: Result<Time, _> = serde_json::from_value(text.into());
    time.map(|time| RestoreUntil::TimeMs(time.ms()))
        .map_err(|_| "write a time like 2026-01-31T12:00:00Z, or the number of a journal record".to_owned())
}

/// Whether the folder is missing or empty.
fn is_free(folder: &Path) -> Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", folder.display())),
    }
}

/// A folder beside the target, on the same disk.
fn staging(to: &Path) -> Result<PathBuf> {
    let mut name = to.file_name().context("the target must have a name")?.to_owned();
    name.push(".restoring");
    Ok(to.with_file_name(name))
}

fn take_along(from: &Path, to: &Path) -> Result<()> {
    for name in TAKEN_ALONG {
        let (source, target) = (from.join(name), to.join(name));
        if source.exists() {
            copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        fs::copy(from, to)?;
        return fs::File::open(to)?.sync_all();
    }
    fs::create_dir(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    fs::File::open(to)?.sync_all()
}

/// The name last, and durably: from here on it is a data folder like any other.
fn finish(staging: &Path, to: &Path) -> io::Result<()> {
    fs::File::open(staging)?.sync_all()?;
    match fs::remove_dir(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::rename(staging, to)?,
    }
    match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::File::open(parent)?.sync_all(),
        _ => fs::File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_a_position() {
        assert_eq!(until("42"), Ok(RestoreUntil::Position(42)));
        assert_eq!(until("1970-01-01T00:00:01Z"), Ok(RestoreUntil::TimeMs(1_000)));
        assert_eq!(until("1970-01-01T02:00:01.5+02:00"), Ok(RestoreUntil::TimeMs(1_500)));
        for wrong in ["yesterday", "", "99999999999999999999", "-1", "12:00"] {
            assert!(until(wrong).is_err(), "{wrong:?}");
        }
    }
}
