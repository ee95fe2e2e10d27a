//! A flood: many times what the server can take, beside people who chat as usual.
//! The flood may be refused or cut off; the people must not lose a message, and their latency is what is measured (D6).

use std::{collections::BTreeMap, thread};

use super::{Crowd, Run, Setting};
use crate::{
    error::{LoadError, Result},
    measure::resident_kib,
    population::pairs,
    report::{Check, Scenario},
    traffic::Pace,
};

/// Sizes.
#[derive(Debug, Clone)]
pub struct Options {
    /// People who chat as usual, each with its own room of two.
    pub people: usize,
    /// Messages a second of all of them together.
    pub rate: u64,
    /// Connections of the flood, each of its own user with its own room of two.
    pub flooders: usize,
    /// Messages a second of the whole flood: ten times the server's capacity.
    pub flood_rate: u64,
    /// Time measured without and with the flood, each, milliseconds.
    pub window_ms: u64,
}

/// Runs it.
///
/// # Errors
/// When the server cannot be used.
pub fn run(setting: &Setting, options: &Options) -> Result<Scenario> {
    let mut scenario =
        Scenario::new("flood", "more than the server can take, beside people who chat as usual");
    scenario.parameter("people", options.people);
    scenario.parameter("their messages per second", options.rate);
    scenario.parameter("flooders", options.flooders);
    scenario.parameter("offered flood per second", options.flood_rate);
    let mut people =
        setting.gather(setting.populate(2 * options.people, pairs(options.people))?, 2 * options.people)?;
    let lanes: Vec<(usize, usize)> = (0..options.people).map(|pair| (2 * pair, pair)).collect();
    let pace = Pace::Scheduled { per_second: options.rate };
    let calm = people.run(people.plan(pace, 200, options.window_ms), &lanes)?;
    let mut flood = Flood::gather(setting, options)?;
    let resident = || setting.server_pid.and_then(resident_kib).unwrap_or(0);
    let before_kib = resident();
    let (flood, chat) = thread::scope(|scope| -> Result<(Run, Run)> {
        let flood = scope.spawn(move || flood.run(options));
        let chat = people.run(people.plan(pace, 500, options.window_ms), &lanes);
        let flood = flood.join().unwrap_or_else(|_| Err(LoadError::Protocol("the flood panicked".into())));
        Ok((flood?, chat?))
    })?;
    scenario.latency("people, calm: due to delivered", calm.outcome.delivery.summary());
    scenario.latency("people, flooded: due to accepted", chat.outcome.ack.summary());
    scenario.latency("people, flooded: due to delivered", chat.outcome.delivery.summary());
    scenario.figure(
        "flood: offered per second",
        (flood.outcome.sent + flood.outcome.skipped) as f64 / flood.seconds,
        "1/s",
    );
    scenario.figure("flood: sent per second", flood.outcome.sent as f64 / flood.seconds, "1/s");
    scenario.figure("flood: accepted per second", flood.accepted_per_second(), "1/s");
    scenario.figure("flood: refused per second", flood.outcome.rejected as f64 / flood.seconds, "1/s");
    for (reason, count) in reasons(&flood) {
        scenario.figure(format!("flood: connections ended, {reason}"), f64::from(count), "");
    }
    scenario.figure("server resident before", before_kib as f64 / 1024.0, "MiB");
    scenario.figure("server resident after", resident() as f64 / 1024.0, "MiB");
    scenario.usage("flooded", chat.usage, chat.outcome.delivered + flood.outcome.delivered, "deliveries");
    scenario.checks.extend(calm.outcome.checks("people, calm"));
    // An overloaded server may tell people to slow down (D6), if it tells them; what it accepted must arrive.
    scenario.figure("people, flooded: told to slow down", chat.outcome.rejected as f64, "messages");
    let answered = chat.outcome.accepted + chat.outcome.rejected;
    scenario.checks.push(Check::equal("people, flooded: sent = answered", chat.outcome.sent, answered));
    let checks = chat.outcome.checks("people, flooded");
    scenario.checks.extend(checks.into_iter().filter(|check| !check.name.ends_with("sent = accepted")));
    scenario.checks.push(Check::equal("flood: gaps and doubles", 0, flood.outcome.violations));
    Ok(scenario)
}

/// How often the server ended a connection of the flood, by what it said.
fn reasons(flood: &Run) -> BTreeMap<String, u32> {
    let mut reasons = BTreeMap::new();
    for (_, reason) in &flood.outcome.closed {
        *reasons.entry(format!("{reason:?}")).or_default() += 1;
    }
    reasons
}

/// The connections of the flood.
struct Flood(Crowd);

impl Flood {
    fn gather(setting: &Setting, options: &Options) -> Result<Flood> {
        let people = 2 * options.flooders;
        setting.gather(setting.populate(people, pairs(options.flooders))?, people).map(Flood)
    }

    /// Sends all of it. It outlasts the people's window.
    fn run(&mut self, options: &Options) -> Result<Run> {
        let lanes: Vec<(usize, usize)> = (0..options.flooders).map(|pair| (2 * pair, pair)).collect();
        let per_second = (options.flood_rate / self.0.setting.workers as u64).max(1);
        let mut plan = self.0.plan(Pace::Scheduled { per_second }, 0, options.window_ms + 1_000);
        plan.hostile = true;
        self.0.run(plan, &lanes)
    }
}
