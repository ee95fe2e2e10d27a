//! How large each scenario is in each mode: about a minute, or about ten with the sizes of the targets.
//! Knows sizes alone.

use std::time::Duration;

use crate::scenario::{durable, fanout, flood, growth, history, idle, restart, rooms, search, storm};

/// How much time there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// About a minute.
    Quick,
    /// About ten minutes, with the sizes of the targets.
    Full,
}

/// Time before measuring, milliseconds.
const WARMUP_MS: u64 = 300;

impl Mode {
    fn is_full(self) -> bool {
        self == Mode::Full
    }

    fn choose<T>(self, quick: T, full: T) -> T {
        if self.is_full() { full } else { quick }
    }

    /// Name of the mode.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.choose("quick", "full")
    }

    /// Length of one measured window.
    #[must_use]
    pub fn window(self) -> Duration {
        Duration::from_millis(self.window_ms())
    }

    fn window_ms(self) -> u64 {
        self.choose(800, 4_000)
    }

    pub(super) fn starts(self) -> u32 {
        self.choose(3, 10)
    }

    pub(super) fn durable(self) -> durable::Options {
        durable::Options { senders: vec![1, 32, 256], warmup_ms: WARMUP_MS, window_ms: self.window_ms() }
    }

    pub(super) fn fanout(self) -> fanout::Options {
        fanout::Options {
            members: 1_000,
            senders: 4,
            outstanding: self.choose(vec![1, 32, 128], vec![1, 4, 16, 32, 64, 128, 256]),
            warmup_ms: WARMUP_MS,
            window_ms: self.window_ms(),
        }
    }

    pub(super) fn rooms(self) -> rooms::Options {
        rooms::Options {
            users: 2_000,
            room_size: 8,
            rate_from: self.choose(5_000, 2_000),
            rate_to: 200_000,
            p99_ms_max: 250.0,
            warmup_ms: WARMUP_MS,
            window_ms: self.choose(1_000, 4_000),
        }
    }

    pub(super) fn idle(self) -> idle::Options {
        idle::Options {
            connections: self.choose(vec![1_000, 3_000], vec![1_000, 3_000, 5_000, 7_000, 9_000]),
            watch_ms: self.choose(500, 5_000),
        }
    }

    pub(super) fn history(self) -> history::Options {
        history::Options {
            messages: self.choose(20_000, 100_000),
            page: 50,
            reads: self.choose(1_000, 10_000),
        }
    }

    pub(super) fn search(self) -> search::Options {
        search::Options { messages: self.choose(100_000, 1_000_000), searches: self.choose(200, 1_000) }
    }

    pub(super) fn storm(self) -> storm::Options {
        storm::Options { clients: self.choose(2_000, 9_000), missed: 5 }
    }

    pub(super) fn restart(self) -> restart::Options {
        restart::Options {
            messages: self.choose(50_000, 1_000_000),
            senders: 32,
            load_ms: self.choose(500, 2_000),
        }
    }

    pub(super) fn growth(self) -> growth::Options {
        growth::Options {
            conversations: self.choose(vec![100, 2_000], vec![100, 1_000, 10_000, 50_000]),
            connections: self.choose(vec![500, 2_000], vec![1_000, 3_000, 9_000]),
            messages: self.choose(vec![1_000, 10_000], vec![1_000, 10_000, 100_000, 1_000_000]),
            window_ms: self.choose(600, 3_000),
        }
    }

    pub(super) fn flood(self) -> flood::Options {
        flood::Options {
            people: 16,
            rate: 160,
            flooders: 128,
            flood_rate: 500_000,
            window_ms: self.choose(1_500, 5_000),
        }
    }
}
