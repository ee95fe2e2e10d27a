//! What was aimed at, and what was reached: one row per job, with the limit and the best rival beside it.
//! Rivals were measured on a machine of the same class in other runs: their figures are landmarks, not ratios.

use std::fmt::Write as _;

use crate::report::{Report, number};

/// One thing that was aimed at.
struct Target {
    job: &'static str,
    /// Scenario and figure, or scenario, latency and quantile.
    source: Source,
    bound: Bound,
    unit: &'static str,
    rival: &'static str,
    /// The bare limit, if there is one: its program and figure.
    limit: Option<(&'static str, &'static str)>,
}

enum Source {
    Figure(&'static str, &'static str),
    P50(&'static str, &'static str),
    P99(&'static str, &'static str),
}

enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// At least this part of the limit.
    PartOfLimit(f64),
    /// At most this much over the limit.
    OverLimit(f64),
}

/// A row with everything looked up.
pub(super) struct Row {
    pub(super) job: &'static str,
    pub(super) limit: Option<f64>,
    pub(super) rival: &'static str,
    pub(super) target: String,
    pub(super) measured: Option<f64>,
    pub(super) unit: &'static str,
    pub(super) reached: Option<bool>,
}

const TARGETS: [Target; 21] = [
    Target {
        job: "durable sends, 256 senders each waiting for its ack",
        source: Source::Figure("durable", "256 senders: messages per second"),
        bound: Bound::AtLeast(100_000.0),
        unit: "msg/s",
        rival: "synced: socket.io + SQLite FULL 4,000; unsynced: NATS JetStream 42,000",
        limit: Some(("bare chat", "256 senders: messages per second")),
    },
    Target {
        job: "… its ack, p99",
        source: Source::P99("durable", "256 senders: sent to accepted"),
        bound: Bound::AtMost(10.0),
        unit: "ms",
        rival: "socket.io + SQLite FULL 71",
        limit: Some(("bare chat", "256 senders: sent to accepted, p99")),
    },
    Target {
        job: "one durable send at a time, p50",
        source: Source::P50("durable", "1 senders: sent to accepted"),
        bound: Bound::OverLimit(0.060),
        unit: "ms",
        rival: "socket.io + SQLite FULL 0.31",
        limit: Some(("fdatasync", "group of 1: p50")),
    },
    Target {
        job: "one room of 1,000, one message at a time",
        source: Source::Figure("fanout", "1 under way: deliveries per second"),
        bound: Bound::PartOfLimit(0.9),
        unit: "deliveries/s",
        rival: "socket.io 87,000 with 4 under way",
        limit: Some(("send", "1 per write: deliveries per second")),
    },
    Target {
        job: "… server CPU per million deliveries",
        source: Source::Figure("fanout", "1 under way: server CPU per million deliveries"),
        bound: Bound::AtMost(5.5),
        unit: "CPU-s",
        rival: "socket.io 8.2; ejabberd 87",
        limit: Some(("send", "1 per write: sender CPU per million deliveries")),
    },
    Target {
        job: "one room of 1,000, at saturation",
        source: Source::Figure("fanout", "best: deliveries per second"),
        bound: Bound::AtLeast(2_000_000.0),
        unit: "deliveries/s",
        rival: "NATS core, nothing stored, 711,000; socket.io 125,000",
        limit: Some(("send", "32 per write: deliveries per second")),
    },
    Target {
        job: "… server CPU per million deliveries",
        source: Source::Figure("fanout", "best: server CPU per million deliveries"),
        bound: Bound::AtMost(0.6),
        unit: "CPU-s",
        rival: "NATS core 1.7",
        limit: Some(("send", "32 per write: sender CPU per million deliveries")),
    },
    Target {
        job: "500 rooms of 8, 2,000 users, p99 below 250 ms",
        source: Source::Figure("rooms", "highest rate kept"),
        bound: Bound::AtLeast(40_000.0),
        unit: "msg/s",
        rival: "NATS JetStream, unsynced, 20,700; socket.io + SQLite 3,700",
        limit: Some(("bare chat", "highest rate kept")),
    },
    Target {
        job: "idle connection, authenticated, in 2 conversations",
        source: Source::Figure("idle", "per connection, slope"),
        bound: Bound::AtMost(4.0),
        unit: "KiB",
        rival: "socket.io 15.4; NATS 28.5; ejabberd 92",
        limit: None,
    },
    Target {
        job: "last 50 messages of a long room, p50",
        source: Source::P50("history", "last page"),
        bound: Bound::AtMost(0.15),
        unit: "ms",
        rival: "socket.io + SQLite 0.21; ejabberd 9.4",
        limit: None,
    },
    Target {
        job: "… p99",
        source: Source::P99("history", "last page"),
        bound: Bound::AtMost(0.5),
        unit: "ms",
        rival: "socket.io + SQLite 0.63",
        limit: None,
    },
    Target {
        job: "search, all kinds, p99",
        source: Source::P99("search", "all"),
        bound: Bound::AtMost(20.0),
        unit: "ms",
        rival: "–",
        limit: None,
    },
    Target {
        job: "kill -9 under load: first answer after the start",
        source: Source::Figure("restart", "first page of history after"),
        bound: Bound::AtMost(50.0),
        unit: "ms",
        rival: "NATS JetStream 59; socket.io + SQLite 110; ejabberd 640",
        limit: None,
    },
    Target {
        job: "start on an empty folder",
        source: Source::Figure("start", "started to first answer, median"),
        bound: Bound::AtMost(30.0),
        unit: "ms",
        rival: "socket.io 110; ejabberd 600",
        limit: None,
    },
    Target {
        job: "resident, nobody connected",
        source: Source::Figure("start", "resident, nobody connected"),
        bound: Bound::AtMost(12.0),
        unit: "MiB",
        rival: "NATS 12.6; socket.io 56; ejabberd 95",
        limit: None,
    },
    Target {
        job: "reconnect storm: all back, authenticated, synced",
        source: Source::Figure("storm", "nothing missed: all back after"),
        bound: Bound::AtMost(2.0),
        unit: "s",
        rival: "connecting 9,000: socket.io 3.8; ejabberd 18",
        limit: None,
    },
    Target {
        job: "… with everything they missed",
        source: Source::Figure("storm", "with catch-up: all back after"),
        bound: Bound::AtMost(2.0),
        unit: "s",
        rival: "–",
        limit: None,
    },
    Target {
        job: "growth: CPU per message, most connections / fewest",
        source: Source::Figure("growth: connections", "server CPU per message: largest / smallest"),
        bound: Bound::AtMost(1.3),
        unit: "times",
        rival: "–",
        limit: None,
    },
    Target {
        job: "growth: CPU per message, most conversations / fewest",
        source: Source::Figure("growth: conversations", "server CPU per message: largest / smallest"),
        bound: Bound::AtMost(1.3),
        unit: "times",
        rival: "–",
        limit: None,
    },
    Target {
        job: "growth: CPU per message, longest room / shortest",
        source: Source::Figure("growth: messages in the room", "server CPU per message: largest / smallest"),
        bound: Bound::AtMost(1.3),
        unit: "times",
        rival: "–",
        limit: None,
    },
    Target {
        job: "growth: last page, longest room / shortest",
        source: Source::Figure("growth: messages in the room", "last page, median: largest / smallest"),
        bound: Bound::AtMost(1.3),
        unit: "times",
        rival: "ejabberd/Mnesia reads the whole room",
        limit: None,
    },
];

/// Cores' worth of time that others may take before the figures are doubted.
pub(super) const QUIET_CORES: f64 = 0.1;

/// All rows of a report.
pub(super) fn rows(report: &Report) -> Vec<Row> {
    TARGETS.iter().map(|target| target.row(report)).collect()
}

/// The rows for a terminal.
pub(super) fn text(report: &Report) -> String {
    let mut text = String::from("\ntargets\n");
    for row in rows(report) {
        let verdict = match row.reached {
            Some(true) => "reached",
            Some(false) => "missed",
            None => "not measured",
        };
        let measured = row.measured.map_or_else(|| "–".into(), number);
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "  {:58} {measured:>12} {:13} {:>22}  {verdict}", row.job, row.unit, row.target);
    }
    let others = report.machine.others_cores;
    if others > QUIET_CORES {
        let _ = writeln!(
            text,
            "  other programs took {} cores meanwhile: measure again on a quiet machine",
            number(others)
        );
    }
    text
}

impl Target {
    fn row(&self, report: &Report) -> Row {
        let limit = self.limit.and_then(|(program, figure)| {
            report.limits.iter().find(|limit| limit.name == program)?.value(figure)
        });
        let measured = self.source.find(report);
        let (target, reached) = match self.bound {
            Bound::AtLeast(least) => (format!("≥ {}", number(least)), measured.map(|value| value >= least)),
            Bound::AtMost(most) => (format!("≤ {}", number(most)), measured.map(|value| value <= most)),
            Bound::PartOfLimit(part) => (
                format!("≥ {} % of the limit", number(part * 100.0)),
                measured.zip(limit).map(|(value, limit)| value >= part * limit),
            ),
            Bound::OverLimit(over) => (
                format!("≤ limit + {}", number(over)),
                measured.zip(limit).map(|(value, limit)| value <= limit + over),
            ),
        };
        Row { job: self.job, limit, rival: self.rival, target, measured, unit: self.unit, reached }
    }
}

impl Source {
    fn find(&self, report: &Report) -> Option<f64> {
        let scenario = |name: &str| report.scenarios.iter().find(|scenario| scenario.name == name);
        match self {
            Source::Figure(name, figure) => scenario(name)?.value(figure),
            Source::P50(name, latency) => {
                scenario(name)?.latencies.get(*latency).map(|latency| latency.p50_ms)
            }
            Source::P99(name, latency) => {
                scenario(name)?.latencies.get(*latency).map(|latency| latency.p99_ms)
            }
        }
    }
}
