//! A data folder made from another one, or from a backup: the same history up to some moment, under a new epoch.
//! Changes nothing in the source and nothing that is there already. Invariant: who held the old history is told so
//! (D4), because a history is never continued under its old epoch when something of it was taken back.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use chat::{
    Epoch, TimestampMs,
    ports::{Clock, Randomness},
};
use journal::{FileSystem, Position, Until};
use thiserror::Error;

use crate::{
    codec,
    config::Config,
    core::Core,
    embedded::{Embedded, Opened, make_folder},
    error::{Fault, OpenError},
    keys,
    record::Genesis,
};

/// How far a history is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreUntil {
    /// As far as it goes.
    End,
    /// Up to this journal record.
    Position(u64),
    /// Everything accepted up to this time, milliseconds since 1970.
    TimeMs(TimestampMs),
}

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The last journal record.
    pub last: u64,
    /// When it was written.
    pub last_time_ms: TimestampMs,
    /// The epoch of the restored history.
    pub epoch: Epoch,
    /// What opening it did.
    pub opened: Opened,
}

/// Why nothing was restored. The source is as it was; the target may hold a part, which is of no use.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// There is no journal in the source.
    #[error("{0:?} holds no journal: name the folder in which `journal` lies")]
    NoSource(PathBuf),
    /// The target has something in it.
    #[error("{0:?} is not empty: nothing is ever overwritten; name a new folder")]
    Exists(PathBuf),
    /// Everything is later than what was asked for.
    #[error("the history begins later than that")]
    TooEarly,
    /// The beginning of the journal is gone, so that no earlier state can be made from it.
    #[error(
        "the journal begins at record {first}, because journal.archive was off or its archive is missing: only the \
         whole folder can be restored, without --until"
    )]
    NoBeginning {
        /// The first record there is.
        first: u64,
    },
    /// The source cannot be read, or the copy of its journal cannot be written.
    #[error(transparent)]
    Journal(#[from] journal::OpenError),
    /// The copy does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The new epoch cannot be written.
    #[error("cannot write the new epoch: {0}")]
    Epoch(Fault),
    /// The copy is not what it should be.
    #[error("the copy is damaged: {0}")]
    Damaged(journal::Damage),
    /// The disk refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The rich cause.
        source: std::io::Error,
    },
}

/// Makes the data folder of `config` from the one at `from`, up to a moment, under a new epoch: copies the journal,
/// every checksum of it compared, and makes the store from it. Where the journal has lost its beginning, the store is
/// copied as well. No server may run on either.
///
/// # Errors
/// [`RestoreError`]; its text says what an operator can do.
pub fn restore(
    from: &Path,
    config: &Config,
    until: RestoreUntil,
    clock: &Arc<dyn Clock>,
    randomness: &Arc<dyn Randomness>,
) -> Result<Restored, RestoreError> {
    if !from.join("journal").is_dir() {
        return Err(RestoreError::NoSource(from.to_path_buf()));
    }
    make_folder(&config.data)?;
    if fs::read_dir(&config.data).map_err(io("read the target"))?.next().is_some() {
        return Err(RestoreError::Exists(config.data.clone()));
    }
    let copied = {
        let source = FileSystem::open_read_only(from.join("journal"))?;
        let target = FileSystem::open(config.data.join("journal"))?;
        journal::copy(&source, &target, until.into())?
    };
    if copied.first > Position(1) && until != RestoreUntil::End {
        return Err(RestoreError::NoBeginning { first: copied.first.0 });
    }
    if copied.last == Position::ZERO {
        return Err(RestoreError::TooEarly);
    }
    if copied.first > Position(1) {
        copy_folder(&from.join("store"), &config.data.join("store")).map_err(io("copy the store"))?;
    }
    let embedded = Embedded::open(config.clone(), Arc::clone(clock), Arc::clone(randomness))?;
    let mut random = [0; 10];
    randomness.fill(&mut random);
    let epoch = Epoch::new(clock.now_ms(), &random);
    let renewed = embedded.renew_epoch(epoch);
    let opened = embedded.opened();
    drop(embedded);
    renewed.map_err(RestoreError::Epoch)?;
    let disk = FileSystem::open(config.data.join("journal"))?;
    match journal::verify(&disk)?.damage {
        Some(damage) => Err(RestoreError::Damaged(damage)),
        None => Ok(Restored { last: copied.last.0, last_time_ms: copied.last_time_ms, epoch, opened }),
    }
}

/// Gives the history another epoch, in its first record and in the store. What is connected meanwhile would not hear
/// of it: for a backend that serves nobody.
pub(crate) fn renew_epoch(core: &Core, epoch: Epoch) -> Result<(), Fault> {
    let key = keys::system("genesis");
    let stored = core.engine.get(&key)?.ok_or(Fault::Stopped)?;
    let genesis = Genesis { epoch, ..codec::decode("genesis", &stored)? };
    let encoded = codec::encode(&genesis);
    core.journal.seal()?;
    if core.journal.first() == Position(1) {
        // An epoch has a fixed length, so that the record keeps its own.
        let replaced = core.journal.rewrite(Position(1)..=Position(1), |_| Some(encoded.clone()));
        replaced.map_err(|error| Fault::Erase(Box::new(error)))?;
    }
    core.engine.writer().put(&key, encoded);
    Ok(())
}

impl From<RestoreUntil> for Until {
    fn from(until: RestoreUntil) -> Until {
        match until {
            RestoreUntil::End => Until::End,
            RestoreUntil::Position(last) => Until::Position(Position(last)),
            RestoreUntil::TimeMs(last) => Until::TimeMs(last),
        }
    }
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            fs::File::open(&target)?.sync_all()?;
        }
    }
    fs::File::open(to)?.sync_all()
}

fn io(action: &'static str) -> impl Fn(std::io::Error) -> RestoreError {
    move |source| RestoreError::Io { action, source }
}
