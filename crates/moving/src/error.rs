//! Why a move ends early, by what an operator can do about it.
//! Invariant: the home that was read is as it was; what was taken in half is served by nobody, and may be gone on with.

use std::path::PathBuf;

use chat::ports::PortError;
use thiserror::Error;

/// Why a move ended early.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MovingError {
    /// There is no manifest: nothing was exported, or not to the end.
    #[error("{0:?} holds no finished export: run the export again, it goes on where it ended")]
    NoExport(PathBuf),
    /// A newer program wrote it.
    #[error(
        "the export has format {found}, this program knows formats up to {supported}: use the newer program"
    )]
    Newer {
        /// The format found.
        found: u32,
        /// The newest format known.
        supported: u32,
    },
    /// A file of the export is not what it was.
    #[error("{file} of the export is damaged: {why}. Copy it again, or export again")]
    Damaged {
        /// Its path in the folder.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// Somebody lives in the target.
    #[error("the target is not empty: an export is taken into a new home alone")]
    NotVacant,
    /// The target is taking in, or has taken in, something else.
    #[error("the target has begun to take in another export: go on with that one, or use a new home")]
    TakenByAnother,
    /// The target's history has begun under another epoch.
    #[error("the target has been started before: name a new data folder")]
    WrongEpoch,
    /// Commands or announcements are on their way.
    #[error(
        "{commands} commands and {announcements} announcements are still on their way: stop what takes messages in, and \
         let the rest of the processes work until the queues are empty"
    )]
    Busy {
        /// Commands that are accepted and not applied.
        commands: u64,
        /// Announcements not told.
        announcements: u64,
    },
    /// Somebody used the source meanwhile.
    #[error(
        "the home was used while it was read ({kind} changed): stop what takes messages in, and export again; files that \
         are copied already are kept"
    )]
    InUse {
        /// What changed.
        kind: &'static str,
    },
    /// A dead letter that nobody can read cannot be read out either.
    #[error(
        "the dead letter {id} does not read ({reason}): drop it with `dynamowave dlq drop`, then export again"
    )]
    UnreadableLetter {
        /// Which.
        id: String,
        /// Why it is one.
        reason: String,
    },
    /// The source contradicts itself.
    #[error("the home is damaged: {0}")]
    Contradiction(String),
    /// What is in the target is not what was exported.
    #[error(
        "what was taken in differs from the export ({kind}): nothing serves it; report this, and use a new home"
    )]
    Different {
        /// What differs.
        kind: String,
    },
    /// A home failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Files cannot be read or written.
    #[error("files: {0}")]
    Files(#[from] object_store::Error),
    /// The disk refused.
    #[error("cannot {action} {path:?}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// The rich cause.
        source: std::io::Error,
    },
    /// Another part of the same move ended first; its reason is the one to look at.
    #[error("the move was stopped")]
    Stopped,
}

/// An error of the disk at a path.
pub(crate) fn io(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(std::io::Error) -> MovingError {
    let path = path.into();
    move |source| MovingError::Io { action, path, source }
}

/// The more telling of two errors: that another part stopped is the consequence of that part's own error.
pub(crate) fn first_cause(one: MovingError, other: Option<MovingError>) -> MovingError {
    match (one, other) {
        (MovingError::Stopped, Some(other)) => other,
        (one, _) => one,
    }
}
