//! The plan of a run of traffic, what came of it, and what must be true of that.
//! Invariant: a check compares two counts that were kept independently.

use super::{Pace, Violation};
use crate::{
    engine::{CloseReason, ConnectionId},
    limits::EXAMPLES_MAX,
    measure::Latencies,
    report::Check,
};

/// How long, how fast, and what is checked.
#[derive(Debug, Clone, Copy)]
pub struct TrafficPlan {
    /// When the next message leaves.
    pub pace: Pace,
    /// Time before measuring begins, milliseconds.
    pub warmup_ms: u64,
    /// Time measured, milliseconds.
    pub window_ms: u64,
    /// Messages after which sending ends early.
    pub messages_max: u64,
    /// Messages after which one lane of a closed loop ends.
    pub per_lane: u64,
    /// Parse every frame whole and compare it with what was sent.
    pub checked: bool,
    /// Keep the id of every accepted message.
    pub keep_accepted: bool,
    /// The server may refuse messages and close connections: what is not accepted need not arrive.
    pub hostile: bool,
}

/// What the workers saw.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Messages sent.
    pub sent: u64,
    /// Messages that were durable.
    pub accepted: u64,
    /// Messages refused.
    pub rejected: u64,
    /// Messages accepted and then refused by a rule.
    pub failed: u64,
    /// Sends left out because the socket took no more.
    pub skipped: u64,
    /// Messages whose connection ended before the answer.
    pub abandoned: u64,
    /// Deliveries of messages of this run.
    pub delivered: u64,
    /// Deliveries that accepted messages must cause.
    pub expected: u64,
    /// Accepted inside the measured window.
    pub accepted_in_window: u64,
    /// Delivered inside the measured window.
    pub delivered_in_window: u64,
    /// Connections that the server ended.
    pub closed: Vec<(ConnectionId, CloseReason)>,
    /// Scheduled (or sent) until accepted.
    pub ack: Latencies,
    /// Scheduled (or sent) until delivered, every delivery.
    pub delivery: Latencies,
    /// Sent until the last member had it.
    pub completion: Latencies,
    /// Frames that should not have come, the first of them.
    pub complaints: Vec<String>,
    /// Ids of accepted messages, if they were to be kept.
    pub accepted_ids: Vec<u128>,
    /// Sum over accepted messages of their mixed serials, once per delivery that they must cause.
    pub accepted_sum: u64,
    /// Sum over deliveries of their mixed serials.
    pub delivered_sum: u64,
    /// Gaps, doubles and strangers.
    pub violations: u64,
    /// The first of them.
    pub violation_examples: Vec<Violation>,
}

impl Outcome {
    /// Adds what another worker saw.
    pub fn merge(&mut self, other: Outcome, (violations, examples): (u64, Vec<Violation>)) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.abandoned += other.abandoned;
        self.delivered += other.delivered;
        self.expected += other.expected;
        self.accepted_in_window += other.accepted_in_window;
        self.delivered_in_window += other.delivered_in_window;
        self.closed.extend(other.closed);
        self.ack.merge(&other.ack);
        self.delivery.merge(&other.delivery);
        self.completion.merge(&other.completion);
        self.complaints.extend(other.complaints);
        self.complaints.truncate(EXAMPLES_MAX);
        self.accepted_ids.extend(other.accepted_ids);
        self.accepted_sum = self.accepted_sum.wrapping_add(other.accepted_sum);
        self.delivered_sum = self.delivered_sum.wrapping_add(other.delivered_sum);
        self.violations += violations;
        self.violation_examples.extend(examples);
        self.violation_examples.truncate(EXAMPLES_MAX);
    }

    /// What must be true of peaceful traffic.
    #[must_use]
    pub fn checks(&self, of: &str) -> Vec<Check> {
        let check =
            |what: &str, expected: u64, found: u64| Check::equal(format!("{of}: {what}"), expected, found);
        let mut checks = vec![
            check("sent = accepted", self.sent, self.accepted),
            check("deliveries expected = received", self.expected, self.delivered),
            check(
                "what was accepted = what was delivered (sum of serials)",
                self.accepted_sum,
                self.delivered_sum,
            ),
            check("gaps, doubles, strangers (D2, D3, D4)", 0, self.violations),
            check("accepted and then failed", 0, self.failed),
            check("connections the server ended", 0, self.closed.len() as u64),
        ];
        for check in checks.iter_mut().filter(|check| !check.ok) {
            let details = (self.violation_examples.iter().map(|violation| format!("{violation:?}")))
                .chain(self.complaints.iter().cloned())
                .chain(self.closed.iter().map(|closed| format!("{closed:?}")));
            check.details = details.take(EXAMPLES_MAX).collect();
        }
        checks
    }
}
