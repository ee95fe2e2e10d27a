//! A reconnect storm: everybody is cut off at once and comes back at once, with what they missed.
//! Counts what each sync hands over: exactly what was missed, in order (D4).

use super::{Crowd, Setting};
use crate::{
    clock::to_seconds,
    error::Result,
    measure::{CpuWindow, Latencies},
    population::overlapping,
    report::{Check, Scenario},
    traffic::{Joined, Pace},
};

/// Sizes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Clients, each of its own user in two rooms of eight.
    pub clients: usize,
    /// Messages that each room gets while its members are away.
    pub missed: u64,
}

const ROOM_SIZE: usize = 8;
/// Messages under way per sender while the others are away.
const FILLING: usize = 4;

/// Runs it: once with nothing missed, once with `missed` messages in every room.
///
/// # Errors
/// When the server cannot be used, or does not let everybody back in.
pub fn run(setting: &Setting, options: &Options) -> Result<Scenario> {
    let clients = options.clients.next_multiple_of(ROOM_SIZE);
    let shapes = overlapping(clients, ROOM_SIZE);
    let mut scenario = Scenario::new(
        "storm",
        "all clients are cut off at once and come back at once: connect, authenticate, sync",
    );
    scenario.parameter("clients", clients);
    scenario.parameter("missed per room", options.missed);
    let mut crowd = setting.gather(setting.populate(clients, shapes)?, clients)?;
    back(&mut crowd, &mut scenario, "nothing missed", 0)?;
    if options.missed > 0 {
        miss(setting, &mut crowd, &mut scenario, options.missed)?;
        let rooms: usize = crowd.population.rooms.iter().map(|room| room.members.len()).sum();
        back(&mut crowd, &mut scenario, "with catch-up", options.missed * rooms as u64)?;
    } else {
        crowd.scatter();
    }
    Ok(scenario)
}

/// Everybody leaves; a second set of connections, one per room, writes what the others miss.
fn miss(setting: &Setting, crowd: &mut Crowd, scenario: &mut Scenario, missed: u64) -> Result<()> {
    crowd.scatter();
    let rooms = crowd.population.rooms.len();
    let writers = crowd.population.users.len();
    let mut others = setting.gather(crowd.population.clone(), writers)?;
    let lanes: Vec<(usize, usize)> =
        (0..rooms).map(|room| (others.population.rooms[room].members[room % ROOM_SIZE], room)).collect();
    let mut plan = others.plan(Pace::Accepted { outstanding: FILLING }, 0, crate::limits::WINDOW_MS_MAX);
    plan.messages_max = missed * rooms as u64;
    plan.per_lane = missed;
    let run = others.run(plan, &lanes)?;
    scenario.checks.extend(run.outcome.checks("while away"));
    others.scatter();
    Ok(())
}

fn back(crowd: &mut Crowd, scenario: &mut Scenario, of: &str, expected: u64) -> Result<()> {
    crowd.scatter();
    let cpu = CpuWindow::begin(crowd.setting.server_pid);
    let began_ns = crowd.fleet.clock().now_ns();
    let joined = crowd.join(usize::MAX)?;
    let usage = cpu.end();
    let done_ns = joined.iter().map(|joined| joined.done_ns).max().unwrap_or(began_ns);
    scenario.figure(format!("{of}: all back after"), to_seconds(done_ns - began_ns), "s");
    scenario.usage(of, usage, crowd.connected as u64, "reconnects");
    let sum = |field: fn(&Joined) -> u64| joined.iter().map(field).sum::<u64>();
    let mut latencies = Latencies::default();
    joined.iter().for_each(|joined| latencies.merge(&joined.latency));
    scenario.latency(format!("{of}: connecting to synced"), latencies.summary());
    let violations: u64 = crowd.ledgers.iter_mut().map(|ledger| ledger.take_violations().0).sum();
    scenario.checks.push(Check::equal(
        format!("{of}: clients back"),
        crowd.connected as u64,
        crowd.open_count(),
    ));
    scenario.checks.push(Check::equal(
        format!("{of}: missed messages handed over (D4)"),
        expected,
        sum(|joined| joined.caught_up),
    ));
    scenario.checks.push(Check::equal(format!("{of}: gaps and doubles"), 0, violations));
    let mut refused =
        Check::equal(format!("{of}: syncs refused"), 0, sum(|joined| joined.refused.len() as u64));
    refused.details = joined.iter().flat_map(|joined| joined.refused.iter().take(3).cloned()).collect();
    scenario.checks.push(refused);
    Ok(())
}
