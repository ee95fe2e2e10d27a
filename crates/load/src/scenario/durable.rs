//! Durable sends: so many senders, each waiting for its `accepted` before it sends again (D1).
//! Each has a room with one other member, who is connected and gets every message.

use super::Setting;
use crate::{error::Result, population::pairs, report::Scenario, traffic::Pace};

/// Sizes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Numbers of senders, ascending.
    pub senders: Vec<usize>,
    /// Time before measuring, milliseconds.
    pub warmup_ms: u64,
    /// Time measured, milliseconds.
    pub window_ms: u64,
}

/// Runs it.
///
/// # Errors
/// When the server cannot be used.
pub fn run(setting: &Setting, options: &Options) -> Result<Scenario> {
    let most = options.senders.iter().copied().max().unwrap_or(1);
    let mut scenario = Scenario::new(
        "durable",
        "closed loop: every sender waits for its durable ack, each in its own room of two",
    );
    scenario.parameter("senders", format!("{:?}", options.senders));
    scenario.parameter("window ms", options.window_ms);
    scenario.parameter("body bytes", setting.body.len());
    let mut crowd = setting.gather(setting.populate(2 * most, pairs(most))?, 2 * most)?;
    for &senders in &options.senders {
        let lanes: Vec<(usize, usize)> = (0..senders).map(|pair| (2 * pair, pair)).collect();
        let plan = crowd.plan(Pace::Accepted { outstanding: 1 }, options.warmup_ms, options.window_ms);
        let run = crowd.run(plan, &lanes)?;
        let of = format!("{senders} senders");
        scenario.figure(format!("{of}: messages per second"), run.accepted_per_second(), "1/s");
        scenario.usage(&of, run.usage, run.outcome.delivered, "deliveries");
        scenario.latency(format!("{of}: sent to accepted"), run.outcome.ack.summary());
        scenario.latency(format!("{of}: sent to delivered"), run.outcome.delivery.summary());
        scenario.checks.extend(run.outcome.checks(&of));
    }
    Ok(scenario)
}
