//! One large room: one message at a time, then so many under way at once.
//! A message is under way until the last member has it, so the window bounds what the server must hold.

use super::{Crowd, Run, Setting};
use crate::{
    error::Result,
    population::one_room,
    report::{Point, Scenario, Series},
    traffic::Pace,
};

/// Sizes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Members of the room, all connected.
    pub members: usize,
    /// Members who send.
    pub senders: usize,
    /// Messages under way, ascending; the first is usually 1.
    pub outstanding: Vec<usize>,
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
    let mut scenario = Scenario::new(
        "fanout",
        "one room, everybody connected; a message is under way until the last member has it",
    );
    scenario.parameter("members", options.members);
    scenario.parameter("senders", options.senders);
    scenario.parameter("window ms", options.window_ms);
    let mut crowd =
        setting.gather(setting.populate(options.members, one_room(options.members))?, options.members)?;
    let mut rates = Vec::new();
    let mut best: Option<(f64, Option<f64>)> = None;
    for &outstanding in &options.outstanding {
        let run = one(&mut crowd, options, outstanding)?;
        let of = format!("{outstanding} under way");
        scenario.figure(format!("{of}: deliveries per second"), run.delivered_per_second(), "1/s");
        scenario.usage(&of, run.usage, run.outcome.delivered, "deliveries");
        scenario.latency(format!("{of}: sent to delivered"), run.outcome.delivery.summary());
        scenario.latency(format!("{of}: sent to the last member"), run.outcome.completion.summary());
        scenario.checks.extend(run.outcome.checks(&of));
        rates.push(Point { x: outstanding as f64, y: run.delivered_per_second() });
        let cost = run.usage.server_ns.map(|ns| ns as f64 / 1e3 / run.outcome.delivered.max(1) as f64);
        if best.is_none_or(|(rate, _)| run.delivered_per_second() > rate) {
            best = Some((run.delivered_per_second(), cost));
        }
    }
    if let Some((rate, cost)) = best {
        scenario.figure("best: deliveries per second", rate, "1/s");
        if let Some(cost) = cost {
            scenario.figure("best: server CPU per million deliveries", cost, "CPU-s");
        }
    }
    scenario.series.push(Series {
        name: "deliveries".into(),
        x: "messages under way".into(),
        y: "deliveries per second".into(),
        points: rates,
    });
    Ok(scenario)
}

fn one(crowd: &mut Crowd, options: &Options, outstanding: usize) -> Result<Run> {
    // One worker sends, so that the window is one window; with several workers its senders are every n-th member.
    let step = crowd.setting.workers;
    let senders = options.senders.min(outstanding).min(options.members.div_ceil(step)).max(1);
    let lanes: Vec<(usize, usize)> = (0..senders).map(|sender| (sender * step, 0)).collect();
    crowd.run(crowd.plan(Pace::Delivered { outstanding }, options.warmup_ms, options.window_ms), &lanes)
}
