//! Processes behind a load balancer are killed under load: whoever was cut off comes back by the same address and goes
//! on. Every accepted message must be there once, in logs without gaps (D1 to D4).
//! Knows the balancer's address and the processes to kill; which of them does what is not asked.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{Crowd, Setting, restart::verify};
use crate::{
    error::{Context as _, LoadError, Result},
    limits::{OPENING_MAX, WINDOW_MS_MAX},
    population::pairs,
    report::{Check, Scenario},
    traffic::Pace,
};

/// Sizes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Senders, each with its own room of two.
    pub senders: usize,
    /// Processes to kill, one after the other.
    pub kill: Vec<u32>,
    /// How long they send around each kill, milliseconds.
    pub window_ms: u64,
}

/// Messages of each sender after the kills.
const AFTERWARDS: usize = 5;

/// Runs it.
///
/// # Errors
/// When a process cannot be killed, or not everybody gets back in.
pub fn run(setting: &Setting, options: &Options) -> Result<Scenario> {
    if options.kill.is_empty() {
        return Err(LoadError::Usage("this needs --kill, the process to kill".into()));
    }
    let mut scenario = Scenario::new(
        "failover",
        "kill -9 of processes behind a load balancer under load; all come back and go on",
    );
    scenario.parameter("senders", options.senders);
    scenario.parameter("kills", options.kill.len());
    scenario.parameter("window ms", options.window_ms);
    let users = 2 * options.senders;
    let mut crowd = setting.gather(setting.populate(users, pairs(options.senders))?, users)?;
    let lanes: Vec<(usize, usize)> = (0..options.senders).map(|pair| (2 * pair, pair)).collect();
    let mut accepted = Vec::new();
    for (number, pid) in options.kill.iter().enumerate() {
        let of = format!("kill {}", number + 1);
        accepted.extend(send_and_kill(&mut crowd, &lanes, options, *pid, (&of, &mut scenario))?);
        come_back(&mut crowd, &of, &mut scenario)?;
    }
    // Paced by deliveries: a backlog of what was said around the kills is no fault.
    let mut plan = crowd.plan(Pace::Delivered { outstanding: options.senders }, 0, WINDOW_MS_MAX);
    plan.messages_max = (AFTERWARDS * options.senders) as u64;
    plan.keep_accepted = true;
    let after = crowd.run(plan, &lanes)?;
    scenario.latency("afterwards: sent to delivered".to_owned(), after.outcome.delivery.summary());
    scenario.checks.extend(after.outcome.checks("afterwards"));
    accepted.extend(after.outcome.accepted_ids);
    verify(&mut scenario, setting, &crowd, &accepted)?;
    Ok(scenario)
}

/// Sends, kills in the middle; returns every id that was accepted.
fn send_and_kill(
    crowd: &mut Crowd,
    lanes: &[(usize, usize)],
    options: &Options,
    pid: u32,
    (of, scenario): (&str, &mut Scenario),
) -> Result<Vec<u128>> {
    let mut plan = crowd.plan(Pace::Accepted { outstanding: 1 }, 0, options.window_ms);
    plan.keep_accepted = true;
    plan.hostile = true;
    let delay = Duration::from_millis(options.window_ms / 2);
    let (killed, run) = thread::scope(|scope| {
        let killer = scope.spawn(move || {
            thread::sleep(delay);
            kill(pid)
        });
        let run = crowd.run(plan, lanes);
        (killer.join(), run)
    });
    killed.unwrap_or(Ok(()))?;
    let outcome = run?.outcome;
    scenario.figure(format!("{of}: accepted"), outcome.accepted as f64, "messages");
    scenario.figure(format!("{of}: connections cut off"), outcome.closed.len() as f64, "connections");
    scenario.checks.push(Check::equal(format!("{of}: gaps and doubles"), 0, outcome.violations));
    scenario.checks.push(Check::equal(format!("{of}: accepted and then failed"), 0, outcome.failed));
    scenario.checks.push(Check::at_least(format!("{of}: messages accepted"), 1, outcome.accepted));
    Ok(outcome.accepted_ids)
}

/// Everybody who was cut off connects again and gets what was missed.
fn come_back(crowd: &mut Crowd, of: &str, scenario: &mut Scenario) -> Result<()> {
    let began = Instant::now();
    let joined = crowd.join(OPENING_MAX)?;
    scenario.figure(format!("{of}: all back after"), began.elapsed().as_secs_f64(), "s");
    let caught_up: u64 = joined.iter().map(|joined| joined.caught_up).sum();
    scenario.figure(format!("{of}: caught up"), caught_up as f64, "events");
    let violations: u64 = crowd.ledgers.iter_mut().map(|ledger| ledger.take_violations().0).sum();
    let refused: u64 = joined.iter().map(|joined| joined.refused.len() as u64).sum();
    scenario.checks.push(Check::equal(
        format!("{of}: clients back"),
        crowd.connected as u64,
        crowd.open_count(),
    ));
    scenario.checks.push(Check::equal(
        format!("{of}: gaps and doubles after coming back (D4)"),
        0,
        violations,
    ));
    scenario.checks.push(Check::equal(format!("{of}: syncs refused"), 0, refused));
    Ok(())
}

fn kill(pid: u32) -> Result<()> {
    let status = Command::new("kill").args(["-KILL", &pid.to_string()]).status().context("running kill")?;
    if status.success() {
        Ok(())
    } else {
        Err(LoadError::Usage(format!("there is no process {pid} to kill")))
    }
}
