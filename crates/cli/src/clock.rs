//! The real clock and the real source of randomness, handed to everything that needs them.
//! The only place of the program that asks the system for either.

use std::time::{SystemTime, UNIX_EPOCH};

use chat::{
    TimestampMs,
    ports::{Clock, Randomness},
};

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

/// The system's cryptographic randomness.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemRandomness;

impl Clock for SystemClock {
    fn now_ms(&self) -> TimestampMs {
        // A clock before 1970 is a broken clock; ids and times then start at 0.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        TimestampMs::try_from(since.as_millis()).unwrap_or(TimestampMs::MAX)
    }
}

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes)
            .expect("invariant: the system gives randomness; no secret may be made without it");
    }
}
