//! Who is told how a move goes on.
//! Knows no terminal; being told never fails and never waits.

/// A part of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Checksums of the folder are compared. In bytes.
    Check,
    /// A home is read, or takes in. In things: people, events, …
    Records,
    /// Files are copied, beside the records. In files.
    Files,
    /// What was taken in is read again and compared. In things.
    Verify,
}

/// Is told how a move goes on, from several threads.
pub trait Watch: Send + Sync {
    /// A stage begins, of so much, if that is known.
    fn begin(&self, stage: Stage, total: Option<u64>);
    /// It has gone on by so much.
    fn advance(&self, stage: Stage, by: u64);
    /// Something that an operator should read.
    fn note(&self, line: &str);
}

/// Nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn begin(&self, _stage: Stage, _total: Option<u64>) {}
    fn advance(&self, _stage: Stage, _by: u64) {}
    fn note(&self, _line: &str) {}
}
