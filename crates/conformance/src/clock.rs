//! A clock that goes with tokio's: real in ordinary tests, virtual in the simulation.
//! Invariant: within one runtime it and tokio's timers always agree.

use std::time::Duration;

use chat::{TimestampMs, ports::Clock};
use tokio::time::Instant;

/// 2025-10-09T08:53:20Z, where every such clock begins.
pub const BEGINNING_MS: TimestampMs = 1_760_000_000_000;

/// Milliseconds since the clock was made, from [`BEGINNING_MS`] on.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    made: Instant,
}

impl TokioClock {
    /// A clock that begins now.
    #[must_use]
    pub fn new() -> TokioClock {
        TokioClock { made: Instant::now() }
    }
}

impl Default for TokioClock {
    fn default() -> TokioClock {
        TokioClock::new()
    }
}

impl Clock for TokioClock {
    fn now_ms(&self) -> TimestampMs {
        BEGINNING_MS + millis(self.made.elapsed())
    }
}

/// A duration in whole milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
