//! The clock of a run: nanoseconds since its beginning, and the wall time it began at.
//! Invariant: never goes back, and all workers of a run share one.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds in one millisecond.
pub const NS_PER_MS: u64 = 1_000_000;
/// Nanoseconds in one second.
pub const NS_PER_S: u64 = 1_000_000_000;

/// Time of one run.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    started: Instant,
    wall_ms: u64,
}

impl RunClock {
    /// Begins now.
    #[must_use]
    pub fn start() -> RunClock {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        RunClock { started: Instant::now(), wall_ms: u64::try_from(wall.as_millis()).unwrap_or(0) }
    }

    /// Nanoseconds since the beginning.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Wall time of the beginning, milliseconds since 1970.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        self.wall_ms
    }
}

/// Nanoseconds as milliseconds, for people.
#[must_use]
pub fn to_ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// Nanoseconds as seconds, for rates.
#[must_use]
pub fn to_seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
