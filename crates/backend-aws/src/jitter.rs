//! Full jitter for pauses, and numbers that name one attempt, from the randomness that is given from outside.
//! Invariant: no randomness and no clock of its own.

use std::sync::Arc;

use chat::ports::Randomness;

/// Numbers by chance.
#[derive(Clone)]
pub(crate) struct Jitter(Arc<dyn Randomness>);

impl Jitter {
    pub(crate) fn new(randomness: Arc<dyn Randomness>) -> Jitter {
        Jitter(randomness)
    }

    /// Anything from 0 up to this, included.
    pub(crate) fn below(&self, longest: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_be_bytes(bytes) % longest.saturating_add(1)
    }

    /// A number nobody had before.
    pub(crate) fn nonce(&self) -> u128 {
        let mut bytes = [0; 16];
        self.0.fill(&mut bytes);
        u128::from_be_bytes(bytes)
    }
}
