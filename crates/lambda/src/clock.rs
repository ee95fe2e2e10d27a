//! The system's clock and randomness behind the ports.
//! The only place of this crate that asks either.

use std::time::{SystemTime, UNIX_EPOCH};

use chat::{
    TimestampMs,
    ports::{Clock, Randomness},
};

/// The machine's clock.
#[derive(Debug)]
pub(crate) struct SystemClock;

/// The kernel's randomness.
#[derive(Debug)]
pub(crate) struct SystemRandomness;

impl Clock for SystemClock {
    fn now_ms(&self) -> TimestampMs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("invariant: the kernel gives randomness");
    }
}
