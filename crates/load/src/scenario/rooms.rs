//! Many small rooms: an open loop whose rate rises until the server no longer keeps up.
//! Latency counts from the scheduled moment of each send, so a server that falls behind cannot hide it.

use super::{Crowd, Run, Setting};
use crate::{
    error::Result,
    population::overlapping,
    report::{Point, Scenario, Series},
    traffic::Pace,
};

/// Sizes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Users, all connected, each in two rooms.
    pub users: usize,
    /// Members of a room.
    pub room_size: usize,
    /// First rate, messages a second.
    pub rate_from: u64,
    /// Last rate, messages a second.
    pub rate_to: u64,
    /// The highest rate that counts has a p99 of delivery below this, milliseconds.
    pub p99_ms_max: f64,
    /// Time before measuring each rate, milliseconds.
    pub warmup_ms: u64,
    /// Time measured at each rate, milliseconds.
    pub window_ms: u64,
}

/// Part of the offered rate that must be delivered in time.
const KEPT_UP: f64 = 0.95;
/// Each rate is this much of the one before, until one fails.
const STEP: (u64, u64) = (3, 2);
/// A server that does not keep this rate is not measured further, messages a second.
const RATE_MIN: u64 = 100;
/// Rates tried between the last good and the first bad one.
const REFINEMENTS: u32 = 2;

/// Runs it.
///
/// # Errors
/// When the server cannot be used.
pub fn run(setting: &Setting, options: &Options) -> Result<Scenario> {
    let shapes = overlapping(options.users, options.room_size);
    let what = "open loop into many small rooms, the rate rising until deliveries are late";
    let mut scenario = Scenario::new("rooms", what);
    scenario.parameter("users", options.users);
    scenario.parameter("rooms", format!("{} of {}", shapes.len(), options.room_size));
    scenario.parameter("p99 below ms", options.p99_ms_max);
    scenario.parameter("window ms", options.window_ms);
    let mut crowd = setting.gather(setting.populate(options.users, shapes)?, options.users)?;
    let lanes = all_lanes(&crowd);
    let mut climb = Climb { options, scenario: &mut scenario, best: None, p50: Vec::new(), p99: Vec::new() };
    climb.run(&mut crowd, &lanes)?;
    climb.finish();
    Ok(scenario)
}

/// Every (user, room), ordered so that neighbours in time are different users and different rooms.
fn all_lanes(crowd: &Crowd) -> Vec<(usize, usize)> {
    let rooms = &crowd.population.rooms;
    let size = rooms.iter().map(|room| room.members.len()).max().unwrap_or(0);
    let by_slot = (0..size).flat_map(|slot| {
        rooms
            .iter()
            .enumerate()
            .filter_map(move |(number, room)| room.members.get(slot).map(|user| (*user, number)))
    });
    by_slot.collect()
}

struct Climb<'a> {
    options: &'a Options,
    scenario: &'a mut Scenario,
    best: Option<(u64, Run)>,
    p50: Vec<Point>,
    p99: Vec<Point>,
}

impl Climb<'_> {
    fn run(&mut self, crowd: &mut Crowd, lanes: &[(usize, usize)]) -> Result<()> {
        let Some(bad) = self.ascend(crowd, lanes)? else { return Ok(()) };
        let mut bad = self.descend(crowd, lanes, bad)?;
        for _ in 0..REFINEMENTS {
            let Some(good) = self.best.as_ref().map(|(rate, _)| *rate) else { return Ok(()) };
            let middle = u64::midpoint(good, bad);
            if !self.step(crowd, lanes, middle)? {
                bad = middle;
            }
        }
        Ok(())
    }

    /// Higher and higher; the first rate that was too much, if one was.
    fn ascend(&mut self, crowd: &mut Crowd, lanes: &[(usize, usize)]) -> Result<Option<u64>> {
        let mut rate = self.options.rate_from;
        while rate <= self.options.rate_to {
            if !self.step(crowd, lanes, rate)? {
                return Ok(Some(rate));
            }
            rate = (rate * STEP.0 / STEP.1).max(rate + 1);
        }
        Ok(None)
    }

    /// When even the first rate was too much: lower, until one is not. The lowest that was too much.
    fn descend(&mut self, crowd: &mut Crowd, lanes: &[(usize, usize)], mut bad: u64) -> Result<u64> {
        while self.best.is_none() && bad > RATE_MIN {
            let lower = bad / 2;
            if !self.step(crowd, lanes, lower)? {
                bad = lower;
            }
        }
        Ok(bad)
    }

    /// Tries a rate. Whether the server kept up.
    fn step(&mut self, crowd: &mut Crowd, lanes: &[(usize, usize)], rate: u64) -> Result<bool> {
        let workers = crowd.setting.workers as u64;
        let pace = Pace::Scheduled { per_second: (rate / workers).max(1) };
        let run = crowd.run(crowd.plan(pace, self.options.warmup_ms, self.options.window_ms), lanes)?;
        let delivery = run.outcome.delivery.summary();
        let offered = rate as f64 * self.options.room_size as f64;
        let kept_up = delivery.p99_ms < self.options.p99_ms_max
            && run.outcome.skipped == 0
            && run.delivered_per_second() >= KEPT_UP * offered;
        self.p50.push(Point { x: rate as f64, y: delivery.p50_ms });
        self.p99.push(Point { x: rate as f64, y: delivery.p99_ms });
        let mut checks = run.outcome.checks(&format!("{rate} msg/s"));
        // Past its capacity a server may refuse: then the rate does not count, and that is all.
        checks.retain(|check| kept_up || !check.name.contains("sent = accepted"));
        self.scenario.checks.extend(checks);
        if kept_up && self.best.as_ref().is_none_or(|(best, _)| rate > *best) {
            self.best = Some((rate, run));
        }
        Ok(kept_up)
    }

    fn finish(self) {
        let scenario = self.scenario;
        scenario.figure(
            "highest rate kept",
            self.best.as_ref().map_or(0.0, |(rate, _)| *rate as f64),
            "msg/s",
        );
        if let Some((_, run)) = &self.best {
            scenario.figure("deliveries per second", run.delivered_per_second(), "1/s");
            scenario.usage("highest rate", run.usage, run.outcome.delivered, "deliveries");
            scenario.latency("highest rate: due to accepted", run.outcome.ack.summary());
            scenario.latency("highest rate: due to delivered", run.outcome.delivery.summary());
        }
        for (name, mut points) in [("p50", self.p50), ("p99", self.p99)] {
            points.sort_by(|one, two| one.x.total_cmp(&two.x));
            let y = "scheduled to delivered, ms".into();
            scenario.series.push(Series { name: name.into(), x: "messages per second".into(), y, points });
        }
    }
}
