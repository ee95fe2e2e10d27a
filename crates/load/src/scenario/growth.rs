//! Growth: the same small load while conversations, connections or stored messages multiply.
//! What one message costs must not depend on how much else there is.

use super::{Crowd, Setting};
use crate::{
    client::http::{HttpClient, Request},
    error::{LoadError, Result},
    limits::ROOMS_PER_USER,
    measure::{CpuWindow, Latencies},
    population::{self, overlapping, pairs},
    report::{Check, Point, Scenario, Series},
    traffic::Pace,
};

/// What grows, each list ascending.
#[derive(Debug, Clone)]
pub struct Options {
    /// Conversations on the server.
    pub conversations: Vec<usize>,
    /// Connections that are open.
    pub connections: Vec<usize>,
    /// Messages in one conversation.
    pub messages: Vec<u64>,
    /// Time measured at each size, milliseconds.
    pub window_ms: u64,
}

/// Senders of the load that stays the same.
const SENDERS: usize = 32;
/// Messages under way while filling.
const FILLING: usize = 256;
/// Pages read at each length of a room.
const READS: u64 = 300;
const WARMUP_MS: u64 = 200;

/// One thing that grows; the caller gives each its own fresh server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Conversations on the server.
    Conversations,
    /// Open connections.
    Connections,
    /// Messages in a conversation.
    Messages,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Dimension; 3] = [Dimension::Conversations, Dimension::Connections, Dimension::Messages];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dimension::Conversations => "conversations",
            Dimension::Connections => "connections",
            Dimension::Messages => "messages in the room",
        }
    }
}

/// Runs one dimension.
///
/// # Errors
/// When the server cannot be used.
pub fn run(setting: &Setting, options: &Options, dimension: Dimension) -> Result<Scenario> {
    let mut growth = Growth {
        setting,
        options,
        scenario: Scenario::new("growth", ""),
        cost: Vec::new(),
        ack: Vec::new(),
        read: Vec::new(),
    };
    growth.scenario.name = format!("growth: {}", dimension.name());
    growth.scenario.what =
        format!("the same load of {SENDERS} senders while the number of {} grows", dimension.name());
    growth.scenario.parameter("window ms", options.window_ms);
    match dimension {
        Dimension::Conversations => growth.conversations()?,
        Dimension::Connections => growth.connections()?,
        Dimension::Messages => growth.messages()?,
    }
    growth.finish(dimension);
    Ok(growth.scenario)
}

struct Growth<'a> {
    setting: &'a Setting,
    options: &'a Options,
    scenario: Scenario,
    cost: Vec<Point>,
    ack: Vec<Point>,
    read: Vec<Point>,
}

impl Growth<'_> {
    fn conversations(&mut self) -> Result<()> {
        let most = self.options.conversations.iter().copied().max().unwrap_or(0);
        let couples = most.div_ceil(ROOMS_PER_USER).max(SENDERS);
        let mut population = self.setting.populate(2 * couples, pairs(couples))?;
        for &size in &self.options.conversations {
            // More rooms for the same couples; the load goes into the last room of each of the first ones.
            let couple = |room: usize| room % couples;
            let more = (population.rooms.len()..size)
                .map(|room| vec![2 * couple(room), 2 * couple(room) + 1])
                .collect();
            population.rooms.extend(population::create(
                self.setting.target,
                &population.users,
                more,
                &|_| {},
            )?);
            let rooms = population.rooms.len();
            let last_of =
                |sender: usize| (0..rooms).rev().find(|room| couple(*room) == sender).unwrap_or(sender);
            let mut crowd = self.setting.gather(population.clone(), 2 * SENDERS)?;
            self.load(&mut crowd, rooms as f64, |_| {
                (0..SENDERS).map(|sender| (2 * sender, last_of(sender))).collect()
            })?;
        }
        Ok(())
    }

    fn connections(&mut self) -> Result<()> {
        const ROOM_SIZE: usize = 8;
        let least = SENDERS * ROOM_SIZE;
        if let Some(few) = self.options.connections.iter().find(|connections| **connections < least) {
            return Err(LoadError::Usage(format!(
                "the load itself needs {least} connections, more than {few}"
            )));
        }
        let most = self.options.connections.iter().copied().max().unwrap_or(0).next_multiple_of(ROOM_SIZE);
        let population = self.setting.populate(most, overlapping(most, ROOM_SIZE))?;
        let mut crowd = self.setting.gather(population, 0)?;
        for &size in &self.options.connections {
            crowd.invite(size);
            crowd.join(crate::limits::OPENING_MAX)?;
            // Rooms whose members are connected at every size.
            self.load(&mut crowd, size as f64, |_| {
                (0..SENDERS).map(|room| (room * ROOM_SIZE, room)).collect()
            })?;
        }
        Ok(())
    }

    fn messages(&mut self) -> Result<()> {
        let population = self.setting.populate(2 * SENDERS, pairs(SENDERS))?;
        let mut crowd = self.setting.gather(population, 2 * SENDERS)?;
        let mut stored = 0;
        for &size in &self.options.messages {
            let (_, checks) = crowd.fill(&[(0, 0)], size.saturating_sub(stored), FILLING)?;
            self.scenario.checks.extend(checks);
            stored = size;
            self.load(&mut crowd, size as f64, |_| (0..SENDERS).map(|pair| (2 * pair, pair)).collect())?;
            self.page(&crowd, size as f64)?;
        }
        Ok(())
    }

    /// The load that stays the same.
    fn load(
        &mut self,
        crowd: &mut Crowd,
        size: f64,
        lanes: impl Fn(&Crowd) -> Vec<(usize, usize)>,
    ) -> Result<()> {
        let lanes = lanes(crowd);
        let plan = crowd.plan(Pace::Accepted { outstanding: 1 }, WARMUP_MS, self.options.window_ms);
        let run = crowd.run(plan, &lanes)?;
        if let Some(ns) = run.usage.server_ns {
            self.cost.push(Point { x: size, y: ns as f64 / 1e3 / run.outcome.accepted.max(1) as f64 });
        }
        self.ack.push(Point { x: size, y: run.outcome.ack.summary().p50_ms * 1e3 });
        self.scenario.figure(format!("{size}: messages per second"), run.accepted_per_second(), "1/s");
        self.scenario.latency(format!("{size}: sent to accepted"), run.outcome.ack.summary());
        self.scenario.checks.extend(run.outcome.checks(&size.to_string()));
        Ok(())
    }

    /// Reads the last page of the room that grows.
    fn page(&mut self, crowd: &Crowd, size: f64) -> Result<()> {
        let mut http = HttpClient::new(self.setting.target);
        http.connect()?;
        let path =
            format!("/v1/conversations/{}/events?before=9007199254740991&limit=50", crowd.conversations[0]);
        let token = Some(crowd.population.users[0].token.as_str());
        let clock = crate::clock::RunClock::start();
        let (mut latencies, mut short) = (Latencies::default(), 0);
        let cpu = CpuWindow::begin(self.setting.server_pid);
        for _ in 0..READS {
            let began_ns = clock.now_ns();
            let response = http.send(Request { method: "GET", path: &path, token, body: None })?;
            latencies.record(clock.now_ns() - began_ns);
            if response.status != 200 {
                return Err(LoadError::Protocol(format!("{path} was answered {}", response.status)));
            }
            short += u64::from(super::history::seqs_of(response.body).len() != 50);
        }
        self.scenario.usage(&format!("{size}: last page"), cpu.end(), READS, "reads");
        self.scenario.latency(format!("{size}: last page"), latencies.summary());
        self.scenario.checks.push(Check::equal(format!("{size}: pages of the wrong length"), 0, short));
        self.read.push(Point { x: size, y: latencies.summary().p50_ms * 1e3 });
        Ok(())
    }

    fn finish(&mut self, dimension: Dimension) {
        let all = [
            ("server CPU per message", "µs", std::mem::take(&mut self.cost)),
            ("durable ack, median", "µs", std::mem::take(&mut self.ack)),
            ("last page, median", "µs", std::mem::take(&mut self.read)),
        ];
        for (name, unit, points) in all {
            let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
            self.scenario.figure(format!("{name}: largest / smallest"), last.y / first.y, "times");
            self.scenario.series.push(Series {
                name: name.into(),
                x: dimension.name().into(),
                y: unit.into(),
                points,
            });
        }
    }
}
