//! A crash under load: SIGKILL while messages are being accepted, then a start on the same folder.
//! Every accepted message must be there once, in a log without gaps, and a resend must not double it (D1, D2, D3).

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{Crowd, Setting};
use crate::{
    client::{
        http::{HttpClient, Request},
        tag,
    },
    error::Result,
    population::pairs,
    report::{Check, Scenario},
    server::{Launch, Server},
    traffic::Pace,
};

mod archive;

use self::archive::Archive;

/// Sizes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Messages stored before the crash.
    pub messages: u64,
    /// Senders, each with its own room of two.
    pub senders: usize,
    /// How long they send before the kill, milliseconds.
    pub load_ms: u64,
}

/// Messages under way per sender while filling.
const FILLING: usize = 32;
/// Messages under way per sender when the server is killed.
const UNDER_WAY: usize = 8;
/// Accepted messages of each room that are sent again afterwards.
const RESENT: usize = 20;

/// Runs it.
///
/// # Errors
/// When the server does not start again, or refuses what it must take.
pub fn run(launch: &Launch, template: &Setting, options: &Options) -> Result<Scenario> {
    let mut scenario =
        Scenario::new("restart", "kill -9 under load with messages stored, then a start on the same folder");
    scenario.parameter("messages stored", options.messages);
    scenario.parameter("senders", options.senders);
    let mut server = launch.start()?;
    let setting = template.at(&server);
    let crowd = setting
        .gather(setting.populate(2 * options.senders, pairs(options.senders))?, 2 * options.senders)?;
    let crash = Crash { crowd, lanes: (0..options.senders).map(|pair| (2 * pair, pair)).collect() };
    let (crowd, accepted) = crash.load_and_kill(&mut server, options, &mut scenario)?;
    let serving = come_back(&mut server, &crowd, &mut scenario)?;
    verify(&mut scenario, &serving, &crowd, &accepted)?;
    server.stop()?;
    Ok(scenario)
}

struct Crash {
    crowd: Crowd,
    lanes: Vec<(usize, usize)>,
}

impl Crash {
    /// Fills, loads, kills; the crowd is cut off then. Returns every id that was accepted.
    fn load_and_kill(
        mut self,
        server: &mut Server,
        options: &Options,
        scenario: &mut Scenario,
    ) -> Result<(Crowd, Vec<u128>)> {
        let mut plan =
            self.crowd.plan(Pace::Accepted { outstanding: FILLING }, 0, crate::limits::WINDOW_MS_MAX);
        plan.messages_max = options.messages;
        plan.keep_accepted = true;
        let filled = self.crowd.run(plan, &self.lanes)?;
        scenario.checks.extend(filled.outcome.checks("before the crash"));
        scenario.figure(
            "filling: messages per second",
            filled.outcome.accepted as f64 / filled.usage.length.as_secs_f64(),
            "1/s",
        );
        let mut plan =
            self.crowd.plan(Pace::Accepted { outstanding: UNDER_WAY }, 0, 10 * options.load_ms.max(1_000));
        plan.keep_accepted = true;
        plan.hostile = true;
        let delay = Duration::from_millis(options.load_ms);
        let (killed, loaded) = thread::scope(|scope| {
            let killer = scope.spawn(move || {
                thread::sleep(delay);
                server.kill()
            });
            let loaded = self.crowd.run(plan, &self.lanes);
            (killer.join(), loaded)
        });
        killed.unwrap_or(Ok(()))?;
        let loaded = loaded?;
        scenario.figure("accepted under load before the kill", loaded.outcome.accepted as f64, "messages");
        scenario.checks.push(Check::equal("gaps and doubles under load", 0, loaded.outcome.violations));
        scenario.checks.push(Check::at_least("messages accepted under load", 1, loaded.outcome.accepted));
        let mut accepted = filled.outcome.accepted_ids;
        accepted.extend(loaded.outcome.accepted_ids);
        Ok((self.crowd, accepted))
    }
}

/// Starts the server again and times it: where it listens, a page of history, a durable send.
fn come_back(server: &mut Server, crowd: &Crowd, scenario: &mut Scenario) -> Result<Setting> {
    let began = Instant::now();
    server.start_again()?;
    let setting = crowd.setting.at(server);
    let mut http = HttpClient::new(setting.target);
    let path = format!("/v1/conversations/{}/events?after=0&limit=1", crowd.conversations[0]);
    http.call(Request {
        method: "GET",
        path: &path,
        token: Some(&crowd.population.users[0].token),
        body: None,
    })?;
    let history = began.elapsed();
    let mut sender = setting.gather(crowd.population.clone(), 1)?;
    let mut plan = sender.plan(Pace::Accepted { outstanding: 1 }, 0, 5_000);
    plan.messages_max = 1;
    let first = sender.run(plan, &[(0, 0)])?;
    let sent = began.elapsed();
    scenario.checks.push(Check::equal("first send after the crash accepted", 1, first.outcome.accepted));
    for (name, took) in [
        ("listening", server.started_in),
        ("first page of history", history),
        ("first durable send delivered", sent),
    ] {
        scenario.figure(format!("{name} after"), took.as_secs_f64() * 1e3, "ms");
    }
    Ok(setting)
}

/// Compares the whole archive with what was accepted, sends some again, and compares once more.
pub(super) fn verify(
    scenario: &mut Scenario,
    setting: &Setting,
    crowd: &Crowd,
    accepted: &[u128],
) -> Result<()> {
    let before = Archive::read(setting.target, &crowd.population)?;
    scenario.figure("archive read back: events", before.events() as f64, "events");
    scenario.checks.extend(before.checks("after the crash", accepted));
    let mut http = HttpClient::new(setting.target);
    let mut resent = 0;
    for (room, ids) in before.last_of_each(RESENT) {
        let room = &crowd.population.rooms[room];
        let path = format!("/v1/conversations/{}/messages", room.conversation);
        let token = Some(crowd.population.users[room.members[0]].token.as_str());
        for id in ids {
            let body =
                serde_json::json!({"clientMessageId": tag::text_of(*id), "body": setting.body}).to_string();
            http.call(Request { method: "POST", path: &path, token, body: Some(&body) })?;
            resent += 1;
        }
    }
    scenario.parameter("sent again", resent);
    let after = Archive::read(setting.target, &crowd.population)?;
    scenario.checks.push(Check::equal(
        "events after sending some again (D2)",
        before.events(),
        after.events(),
    ));
    scenario.checks.extend(after.checks("after sending again", accepted));
    Ok(())
}
