//! What can go wrong behind a port: kinds exist only where a caller acts differently.
//! The text of the source is for the log, never for a client.

use std::{error::Error, fmt, sync::Arc};

/// What the caller can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The condition of a conditional write does not hold: load again and decide again.
    Conflict,
    /// A bound is reached: tell the client `slow_down`.
    Overloaded,
    /// The backend does not answer or has stopped.
    Unavailable,
    /// What is stored cannot be read.
    Corrupt,
    /// The request can never succeed as it is.
    Invalid,
    /// The backend cannot do this; see its capabilities.
    Unsupported,
    /// Everything else.
    Internal,
}

/// Whether trying the same call again makes sense. Every operation of the ports is safe to repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Never: the answer will be the same.
    Never,
    /// Not before this many milliseconds.
    AfterMs(u64),
    /// With exponential backoff and full jitter.
    Backoff,
}

/// An error of a port.
#[derive(Debug, Clone)]
pub struct PortError {
    /// What the caller can tell apart.
    pub kind: ErrorKind,
    /// Which backend, and which of its operations.
    pub operation: &'static str,
    /// Whether to try again.
    pub retry: Retry,
    /// The rich cause, for the log.
    pub source: Option<Arc<dyn Error + Send + Sync>>,
}

impl PortError {
    /// An error with the retry advice usual for its kind.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str) -> PortError {
        let retry = match kind {
            ErrorKind::Overloaded | ErrorKind::Unavailable | ErrorKind::Conflict => Retry::Backoff,
            ErrorKind::Corrupt | ErrorKind::Invalid | ErrorKind::Unsupported | ErrorKind::Internal => {
                Retry::Never
            }
        };
        PortError { kind, operation, retry, source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> PortError {
        self.source = Some(Arc::new(source));
        self
    }

    /// Sets the retry advice.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> PortError {
        self.retry = retry;
        self
    }

    /// Whether a later try may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.retry != Retry::Never
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.operation, self.kind)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
