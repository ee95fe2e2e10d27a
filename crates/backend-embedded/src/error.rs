//! What can go wrong, by meaning, and how it looks through a port.
//! Decides no retry by itself: the kind of a [`PortError`] does.

use std::path::PathBuf;

use chat::ports::{ErrorKind, PortError};
use thiserror::Error;

/// Why a backend does not open. Nothing is lost: an operator can act on the text.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The journal does not open: in use by another process, damaged, or of another version.
    #[error(transparent)]
    Journal(#[from] journal::OpenError),
    /// The journal cannot be read while the store is brought up to date.
    #[error("cannot read the journal: {0}")]
    Read(#[from] journal::ReadError),
    /// The journal accepts nothing.
    #[error("cannot write the journal: {0}")]
    Append(#[from] journal::AppendError),
    /// The store does not open.
    #[error(
        "the store {folder:?} does not open: {source}. It can be deleted: it is rebuilt from the journal"
    )]
    Store {
        /// Its folder.
        folder: PathBuf,
        /// The rich cause.
        source: Fault,
    },
    /// The files were written by a newer version of the program.
    #[error(
        "the {what} has format {found}, this program knows formats up to {supported}: use the newer program, or \
         restore a copy made before it ran"
    )]
    Format {
        /// Journal or store.
        what: &'static str,
        /// The format found.
        found: u32,
        /// The newest format known.
        supported: u32,
    },
    /// The store was made from another journal.
    #[error(
        "the store {folder:?} belongs to another journal: restore the one it belongs to, or delete the store to \
         rebuild it from this journal"
    )]
    Foreign {
        /// The store's folder.
        folder: PathBuf,
    },
    /// The store has seen records the journal does not have: the journal was replaced or cut.
    #[error(
        "the store has applied record {applied}, but the journal ends at {last}: restore the journal that belongs to \
         this store, or delete the store to rebuild it from this journal"
    )]
    StoreAhead {
        /// What the store has applied.
        applied: u64,
        /// Where the journal ends.
        last: u64,
    },
    /// An import into this folder has not come to its end.
    #[error(
        "the import into {folder:?} is not finished: run the same `dynamowave import` again, it goes on where it \
         ended; or delete the folder"
    )]
    Unfinished {
        /// The data folder.
        folder: PathBuf,
    },
    /// Records the store still needs are gone from the journal.
    #[error(
        "the store needs record {needed}, but the journal begins at {first}: restore its archive or the store"
    )]
    Gap {
        /// The first record the store needs.
        needed: u64,
        /// Where the journal begins.
        first: u64,
    },
    /// The disk refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The rich cause.
        source: std::io::Error,
    },
}

/// What can fail inside.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The tables cannot be read or written.
    #[error("store: {0}")]
    Tables(#[from] lsm_tree::Error),
    /// A stored value or record cannot be decoded.
    #[error("cannot decode {what}: {source}")]
    Decode {
        /// What it should have been.
        what: &'static str,
        /// The rich cause.
        source: postcard::Error,
    },
    /// A journal record of a kind this version does not know.
    #[error("record {position} is of the unknown kind {kind}")]
    UnknownKind {
        /// Where.
        position: u64,
        /// Its kind.
        kind: u16,
    },
    /// The journal takes nothing.
    #[error(transparent)]
    Append(#[from] journal::AppendError),
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] journal::ReadError),
    /// Sealed segments cannot be rewritten.
    #[error("cannot erase from the journal: {0}")]
    Erase(Box<journal::MaintainError>),
    /// The search index cannot be read or written.
    #[error("search index: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// Shut down, or failed before.
    #[error("the backend has stopped")]
    Stopped,
}

impl Fault {
    /// The error as callers of a port see it.
    pub(crate) fn at(self, operation: &'static str) -> PortError {
        let kind = match &self {
            Fault::Decode { .. } | Fault::UnknownKind { .. } => ErrorKind::Corrupt,
            Fault::Append(journal::AppendError::Full) => ErrorKind::Overloaded,
            Fault::Append(journal::AppendError::Size { .. }) => ErrorKind::Invalid,
            Fault::Tables(_)
            | Fault::Append(_)
            | Fault::Read(_)
            | Fault::Erase(_)
            | Fault::Index(_)
            | Fault::Stopped => ErrorKind::Unavailable,
        };
        PortError::new(kind, operation).caused_by(self)
    }
}
