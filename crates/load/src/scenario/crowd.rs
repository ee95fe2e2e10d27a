//! A population with its connections: the object that scenarios send through.
//! Invariant: its ledgers say where every connection stands, from the first sync to the last run.

use super::Setting;
use crate::{
    engine::fleet::Fleet,
    error::{LoadError, Result},
    measure::{CpuWindow, Usage},
    population::Population,
    report::Check,
    traffic::{self, Ledger, Outcome, Pace, Seat, TrafficPlan, lanes_of},
};

/// Users, rooms, and the connections of the first `connected` users.
#[derive(Debug)]
pub struct Crowd {
    /// Where it takes place.
    pub setting: Setting,
    /// Users and rooms.
    pub population: Population,
    /// Ids of the rooms.
    pub conversations: Vec<String>,
    /// How many users are connected.
    pub connected: usize,
    pub(super) fleet: Fleet,
    pub(super) seats: Vec<Vec<Seat>>,
    pub(super) ledgers: Vec<Ledger>,
}

/// What a run of traffic came to.
#[derive(Debug)]
pub struct Run {
    /// Counts and latencies.
    pub outcome: Outcome,
    /// Processor time.
    pub usage: Usage,
    /// Length of the measured window, seconds.
    pub seconds: f64,
}

impl Crowd {
    pub(super) fn new(setting: Setting, fleet: Fleet, population: Population) -> Crowd {
        let conversations = population.rooms.iter().map(|room| room.conversation.clone()).collect();
        Crowd {
            setting,
            population,
            conversations,
            connected: 0,
            fleet,
            seats: Vec::new(),
            ledgers: Vec::new(),
        }
    }

    /// A plan without refusals.
    #[must_use]
    pub fn plan(&self, pace: Pace, warmup_ms: u64, window_ms: u64) -> TrafficPlan {
        TrafficPlan {
            pace,
            warmup_ms,
            window_ms,
            messages_max: crate::limits::MESSAGES_MAX,
            per_lane: u64::MAX,
            checked: self.setting.checked,
            keep_accepted: false,
            hostile: false,
        }
    }

    /// Lets these (user, room) pairs send.
    ///
    /// # Errors
    /// When one of them is not connected, or the kernel fails.
    pub fn run(&mut self, plan: TrafficPlan, senders: &[(usize, usize)]) -> Result<Run> {
        if let Some((user, _)) = senders.iter().find(|(user, _)| *user >= self.connected) {
            return Err(LoadError::Usage(format!(
                "user {user} is to send, but only {} are connected",
                self.connected
            )));
        }
        let lanes = lanes_of(
            &self.population.rooms,
            self.connected,
            self.fleet.workers(),
            senders,
            &self.setting.body,
        );
        let ledgers = std::mem::take(&mut self.ledgers);
        let window = CpuWindow::begin(self.setting.server_pid);
        let (outcome, ledgers) =
            traffic::run(&mut self.fleet, plan, (&self.conversations, &self.setting.body), lanes, ledgers)?;
        self.ledgers = ledgers;
        Ok(Run { outcome, usage: window.end(), seconds: plan.window_ms as f64 / 1e3 })
    }

    /// How many connections are open.
    pub fn open_count(&mut self) -> u64 {
        (0..self.fleet.workers()).map(|worker| self.fleet.engine(worker).sockets().open_count() as u64).sum()
    }

    /// Drops all connections without a word.
    pub fn scatter(&mut self) {
        for worker in 0..self.fleet.workers() {
            let sockets = self.fleet.engine(worker).sockets();
            for id in 0..sockets.len() {
                sockets.abandon(id);
            }
        }
    }

    /// Sends `messages` in all, keeping `outstanding` under way until everybody has them; for filling. The senders sit on
    /// the first worker.
    ///
    /// # Errors
    /// When the kernel fails.
    pub fn fill(
        &mut self,
        senders: &[(usize, usize)],
        messages: u64,
        outstanding: usize,
    ) -> Result<(Run, Vec<Check>)> {
        let mut plan = self.plan(Pace::Delivered { outstanding }, 0, crate::limits::WINDOW_MS_MAX);
        plan.messages_max = messages;
        let run = self.run(plan, senders)?;
        let mut checks = run.outcome.checks("filling");
        checks.push(Check::equal("filling: messages stored", messages, run.outcome.accepted));
        Ok((run, checks))
    }
}

impl Run {
    /// Messages accepted in a second of the window.
    #[must_use]
    pub fn accepted_per_second(&self) -> f64 {
        self.outcome.accepted_in_window as f64 / self.seconds
    }

    /// Deliveries in a second of the window.
    #[must_use]
    pub fn delivered_per_second(&self) -> f64 {
        self.outcome.delivered_in_window as f64 / self.seconds
    }
}
