//! Where a scenario takes place: which server, how many workers, how accounts are found.
//! Makes the population; keeps nothing between scenarios.

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::Crowd;
use crate::{
    clock::RunClock,
    engine::fleet::Fleet,
    error::Result,
    population::{self, Population},
    report::Scenario,
    server::{Launch, Server},
    traffic::{JoinPlan, Ledger, Seat, join},
};

/// Where and how a scenario runs.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Where the server listens.
    pub target: SocketAddr,
    /// Its process, for processor time and memory.
    pub server_pid: Option<u32>,
    /// Worker threads of the generator.
    pub workers: usize,
    /// Parse every frame whole.
    pub checked: bool,
    /// Accounts of earlier runs.
    pub users_file: Option<PathBuf>,
    /// Body of every message.
    pub body: String,
}

impl Setting {
    /// For a server with one worker and messages of 100 bytes.
    #[must_use]
    pub fn new(target: SocketAddr, server_pid: Option<u32>) -> Setting {
        Setting { target, server_pid, workers: 1, checked: false, users_file: None, body: body(100) }
    }

    /// Starts a server, runs a scenario on it, stops it.
    ///
    /// # Errors
    /// When the server does not start or stop, or the scenario fails.
    pub fn on_fresh_server(
        &self,
        launch: &Launch,
        scenario: impl FnOnce(&Setting) -> Result<Scenario>,
    ) -> Result<Scenario> {
        let server = launch.start()?;
        let measured = scenario(&self.at(&server))?;
        server.stop()?;
        Ok(measured)
    }

    /// The same setting on a server of our own.
    #[must_use]
    pub fn at(&self, server: &Server) -> Setting {
        Setting { target: server.address(), server_pid: Some(server.pid()), ..self.clone() }
    }

    /// Makes `users` accounts and rooms of these members.
    ///
    /// # Errors
    /// When the server refuses one.
    pub fn populate(&self, users: usize, shapes: Vec<Vec<usize>>) -> Result<Population> {
        let bar = progress("accounts", users as u64);
        let prefix = format!("load-{:x}-", unix_ms());
        let users = match &self.users_file {
            Some(file) => {
                population::reuse_or_register(self.target, file, &prefix, users, &|done| bar.inc(done))
            }
            None => population::register(self.target, &prefix, users, &|done| bar.inc(done)),
        }?;
        bar.finish_and_clear();
        let bar = progress("rooms", shapes.len() as u64);
        let rooms = population::create(self.target, &users, shapes, &|done| bar.inc(done))?;
        bar.finish_and_clear();
        Ok(Population { users, rooms })
    }

    /// Connects the first `connected` users of a population and waits until all are synced.
    ///
    /// # Errors
    /// When not all of them get in.
    pub fn gather(&self, population: Population, connected: usize) -> Result<Crowd> {
        let fleet = Fleet::new(self.target, self.workers, RunClock::start())?;
        let mut crowd = Crowd::new(self.clone(), fleet, population);
        crowd.invite(connected);
        crowd.join(crate::limits::OPENING_MAX)?;
        Ok(crowd)
    }
}

impl Crowd {
    /// Joins everybody who is invited and not connected.
    ///
    /// # Errors
    /// When not all of them get in.
    pub fn join(&mut self, opening_max: usize) -> Result<Vec<crate::traffic::Joined>> {
        let plan = JoinPlan { conversations: &self.conversations, opening_max };
        join(&mut self.fleet, plan, &mut self.seats, &mut self.ledgers)
    }

    /// Gives seats to the first `connected` users.
    pub fn invite(&mut self, connected: usize) {
        let workers = self.fleet.workers();
        self.seats.resize_with(workers, Vec::new);
        self.ledgers.resize_with(workers, Ledger::default);
        let seated: usize = self.seats.iter().map(Vec::len).sum();
        for user in seated..connected.min(self.population.users.len()) {
            let token = self.population.users[user].token.clone();
            self.seats[user % workers].push(Seat { token, ..Seat::default() });
        }
        self.connected = connected;
    }
}

/// A bar on a terminal, nothing elsewhere.
pub(super) fn progress(what: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>12} {bar:40} {pos}/{len} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_message(what)
}

fn unix_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis()
}

/// A body of this many bytes.
#[must_use]
pub fn body(bytes: usize) -> String {
    "The quick brown fox jumps over the lazy dog. ".chars().cycle().take(bytes).collect()
}
