//! What can go wrong outside the things that are measured.
//! A lost or doubled message is no error but a failed check: it is reported beside the figures.

use std::{io, path::PathBuf};

/// Why a scenario could not be run to its end. Nothing here is retried: the run ends with this message.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A socket, a file or a process could not be used.
    #[error("{what}: {cause}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system answered.
        cause: io::Error,
    },
    /// The server answered something that the protocol does not allow here.
    #[error("unexpected answer: {0}")]
    Protocol(String),
    /// An HTTP request was refused.
    #[error("{method} {path} was answered {status}: {body}")]
    Refused {
        /// Method of the request.
        method: &'static str,
        /// Path of the request.
        path: String,
        /// Status of the answer.
        status: u16,
        /// Beginning of the answer.
        body: String,
    },
    /// Something did not happen within its time.
    #[error("{what} took longer than {limit_ms} ms")]
    Timeout {
        /// What was waited for.
        what: String,
        /// The limit.
        limit_ms: u64,
    },
    /// The options contradict each other or the machine.
    #[error("{0}")]
    Usage(String),
    /// A file holds something else than it should.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Result of everything here.
pub type Result<T> = std::result::Result<T, LoadError>;

/// Says what was being done when the system refused.
pub trait Context<T> {
    /// Adds the description.
    ///
    /// # Errors
    /// The same error, described.
    fn context(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|cause| LoadError::Io { what: what.into(), cause: cause.into() })
    }
}
