//! Reading history: the last 50 messages of a long room over one kept HTTP connection.
//! Pages from anywhere in the room are timed too: an index that only knows the end would show.

use super::Setting;
use crate::{
    client::{
        http::{HttpClient, Request},
        scan,
    },
    clock::RunClock,
    error::{LoadError, Result},
    measure::{CpuWindow, Latencies},
    population::one_room,
    report::{Check, Scenario},
};

/// Sizes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Messages in the room.
    pub messages: u64,
    /// Messages of a page.
    pub page: u64,
    /// Pages read of each kind.
    pub reads: u64,
}

/// Messages under way while filling.
const FILLING: usize = 256;
/// Distance between neighbouring reads in the room: a large prime, so that they are all over it.
const STRIDE: u64 = 15_485_863;

/// Runs it.
///
/// # Errors
/// When the server cannot be used.
pub fn run(setting: &Setting, options: &Options) -> Result<Scenario> {
    let mut scenario =
        Scenario::new("history", "pages of a long room over one kept HTTP connection, one after the other");
    scenario.parameter("messages", options.messages);
    scenario.parameter("page", options.page);
    scenario.parameter("reads", options.reads);
    let mut crowd = setting.gather(setting.populate(2, one_room(2))?, 1)?;
    let (filled, checks) = crowd.fill(&[(0, 0)], options.messages, FILLING)?;
    scenario.checks.extend(checks);
    let seconds = filled.usage.length.as_secs_f64();
    scenario.figure("filling: messages per second", filled.outcome.accepted as f64 / seconds, "1/s");
    let room = crowd.conversations[0].clone();
    let token = crowd.population.users[0].token.clone();
    let head = head_of(setting, &room, &token)?;
    let mut reader =
        Reader { http: HttpClient::new(setting.target), room, token, page: options.page, wrong: 0 };
    reader.http.connect()?;
    for (name, deep) in [("last page", false), ("pages anywhere", true)] {
        let cpu = CpuWindow::begin(setting.server_pid);
        let span = head.saturating_sub(options.page).max(1);
        let before =
            |read: u64| if deep { options.page + 1 + read.wrapping_mul(STRIDE) % span } else { head + 1 };
        let latencies = reader.read(options.reads, before)?;
        let usage = cpu.end();
        scenario.figure(
            format!("{name}: reads per second"),
            options.reads as f64 / usage.length.as_secs_f64(),
            "1/s",
        );
        scenario.usage(name, usage, options.reads, "reads");
        scenario.latency(name, latencies.summary());
    }
    scenario.checks.push(Check::equal("wrong pages", 0, reader.wrong));
    Ok(scenario)
}

fn head_of(setting: &Setting, room: &str, token: &str) -> Result<u64> {
    let path = format!("/v1/conversations/{room}/events?after=0&limit=1");
    let request = Request { method: "GET", path: &path, token: Some(token), body: None };
    let value = HttpClient::new(setting.target).call(request)?;
    value["headSeq"]
        .as_u64()
        .ok_or_else(|| LoadError::Protocol("headSeq is missing in a history page".into()))
}

struct Reader {
    http: HttpClient,
    room: String,
    token: String,
    page: u64,
    wrong: u64,
}

impl Reader {
    fn read(&mut self, reads: u64, before: impl Fn(u64) -> u64) -> Result<Latencies> {
        let clock = RunClock::start();
        let mut latencies = Latencies::default();
        for read in 0..reads {
            let before = before(read);
            let path = format!("/v1/conversations/{}/events?before={before}&limit={}", self.room, self.page);
            let request = Request { method: "GET", path: &path, token: Some(&self.token), body: None };
            let began_ns = clock.now_ns();
            let response = self.http.send(request)?;
            latencies.record(clock.now_ns() - began_ns);
            if response.status != 200 {
                let body = String::from_utf8_lossy(response.body).into_owned();
                return Err(LoadError::Refused { method: "GET", path, status: response.status, body });
            }
            let seqs = seqs_of(response.body);
            let right = seqs.len() as u64 == self.page
                && seqs.iter().all(|seq| *seq < before && before - seq <= self.page);
            self.wrong += u64::from(!right);
        }
        Ok(latencies)
    }
}

/// The sequences of the events of a page, in its order.
#[must_use]
pub fn seqs_of(page: &[u8]) -> Vec<u64> {
    let needle = br#""seq":"#;
    memchr::memmem::find_iter(page, needle)
        .filter_map(|at| scan::number(&page[at + needle.len()..]))
        .collect()
}
