//! What can go wrong, by meaning.
//! Says of each error whether trying again can help; decides nothing itself.

use std::{fmt, io, path::PathBuf, sync::Arc};

use thiserror::Error;

use crate::record::Position;

/// Why a journal does not open. Nothing has been changed on disk then.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process works on the same folder.
    #[error("the folder {folder:?} is in use by another process")]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// Something that had been acknowledged cannot be read any more. Opening would lose it silently.
    #[error("the journal is damaged: {0}")]
    Corrupt(#[from] Damage),
    /// The folder was written in a format this version does not know.
    #[error("segment {segment:?} has format version {found}, this program reads version {supported}")]
    Format {
        /// File name.
        segment: String,
        /// The version found.
        found: u32,
        /// The only version known.
        supported: u32,
    },
    /// The options contradict each other or the limits.
    #[error("journal options: {0}")]
    Options(&'static str),
    /// The disk refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The rich cause.
        source: io::Error,
    },
}

/// Where a journal is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// File name of the segment.
    pub segment: String,
    /// Byte offset in it.
    pub offset: u64,
    /// The record that should be there.
    pub position: Position,
    /// What is wrong.
    pub reason: &'static str,
}

/// Why records were not, or will not be, durable.
#[derive(Clone, Debug, Error)]
pub enum AppendError {
    /// Too much waits for the disk already. Retry after a moment.
    #[error("the journal's memory for waiting records is full")]
    Full,
    /// The append has no record, or a payload or the whole of it is larger than a group.
    #[error("an append of {records} records and {bytes} bytes is outside the limits")]
    Size {
        /// Records in the append.
        records: usize,
        /// Encoded bytes of it.
        bytes: usize,
    },
    /// [`Journal::close`](crate::Journal::close) was called.
    #[error("the journal is closed")]
    Closed,
    /// The disk failed; nothing will be accepted until the process starts again.
    #[error("the journal has failed: {0}")]
    Failed(Arc<Failure>),
}

/// The write or sync that ended this journal's life. It is never tried again, because the kernel may have
/// dropped what it could not write.
#[derive(Debug, Error)]
#[error("{action} of segment {segment} failed: {source}")]
pub struct Failure {
    /// What was tried.
    pub action: &'static str,
    /// Number of the segment.
    pub segment: u64,
    /// The rich cause.
    pub source: io::Error,
}

/// Why records cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The position was released and its segment is no longer kept.
    #[error("position {position} was released; the journal begins at {first}")]
    Released {
        /// What was asked for.
        position: Position,
        /// The first position that can be read.
        first: Position,
    },
    /// A record that must be there is not, or fails its checksum.
    #[error("the journal is damaged: {0}")]
    Corrupt(#[from] Damage),
    /// The disk refused; may be tried again.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The rich cause.
        source: io::Error,
    },
}

/// Why segments could not be released, archived, pruned or rewritten. What was done before stays done, and the
/// call may be repeated.
#[derive(Debug, Error)]
pub enum MaintainError {
    /// A record of the segment is damaged.
    #[error("the journal is damaged: {0}")]
    Corrupt(#[from] Damage),
    /// A replacement has another length than the payload it replaces.
    #[error("the replacement of record {position} has {found} bytes instead of {expected}")]
    Length {
        /// The record.
        position: Position,
        /// Bytes of its payload.
        expected: usize,
        /// Bytes of the replacement.
        found: usize,
    },
    /// The writer has failed or is closed.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The disk refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The rich cause.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn io(action: &'static str, source: io::Error) -> Self {
        Self::Io { action, source }
    }
}

impl ReadError {
    pub(crate) fn io(action: &'static str, source: io::Error) -> Self {
        Self::Io { action, source }
    }
}

impl MaintainError {
    pub(crate) fn io(action: &'static str, source: io::Error) -> Self {
        Self::Io { action, source }
    }
}

impl AppendError {
    /// Whether the same append can succeed later in this process.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Full)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, position, reason } = self;
        write!(formatter, "segment {segment:?}, byte {offset}, record {position}: {reason}")
    }
}

impl std::error::Error for Damage {}
