//! Time and randomness as the application gets them: from outside, so that tests and simulations decide both.
//! Nothing in this crate calls them by itself.

use crate::ids::TimestampMs;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z. May step back; nothing relies on it for order.
    fn now_ms(&self) -> TimestampMs;
}

/// Gives randomness fit for secrets.
pub trait Randomness: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}
