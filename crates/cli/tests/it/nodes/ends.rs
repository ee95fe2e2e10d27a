//! D1–D5 while processes end: every role killed in turn, then told to stop in turn; and presence when a gateway is gone.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    Installation, PATIENCE, Writers, balancer::Balancer, heard_after, no_dead_letters, persist, settle_in,
};
use crate::{
    client::{Http, Person, text},
    crash::{Written, check, number},
};

const GATEWAYS: usize = 3;
const PERSISTERS: usize = 2;
const NOTIFIERS: usize = 2;
const CONVERSATIONS: usize = 4;
/// What a killed worker held is free after its lease, and a gateway that is gone is known to be after its own; the rest
/// is the emulator on a busy machine.
const SOON: Duration = Duration::from_secs(45);

#[test]
fn d1_to_d5_hold_while_every_role_is_killed_and_told_to_stop_in_turn() {
    let rounds = number("NODE_ROUNDS", 1);
    let installation = Installation::new(&[]);
    let mut processes = installation.gateways(GATEWAYS);
    processes.extend(installation.workers("persister", PERSISTERS));
    processes.extend(installation.workers("notifier", NOTIFIERS));
    let gateways: Vec<_> = processes.iter().filter_map(|process| process.address).collect();
    let balancer = Balancer::start(installation.folder.path(), &gateways, GATEWAYS);
    let names = ["ada", "bob", "cyd", "dan", "eve"];
    let (mut people, conversations) = settle_in(&Http::new(balancer.address), &names, CONVERSATIONS);
    let listener = people.pop().expect("five people");
    let watchers = people.clone();
    let writers = Writers::start(people, &conversations);
    let mut written = Written::of(&conversations);
    let calm = heard_after(&listener, &conversations, &mut written);
    let mut table = vec![format!("nothing ended: heard after {calm:.1?}")];
    for round in 0..rounds {
        for process in &mut processes {
            process.kill();
            let took = heard_after(&listener, &conversations, &mut written);
            table.push(format!("{round}: {} killed: heard after {took:.1?}", process.role));
            assert!(took < SOON, "{} killed: heard after {took:?}", process.role);
            process.start_again();
            balancer.until_ready(GATEWAYS);
        }
        for process in &mut processes {
            process.stop();
            let took = heard_after(&listener, &conversations, &mut written);
            let ended = process.ended();
            table.push(format!(
                "{round}: {} told to stop: heard after {took:.1?}, ended {ended:.1?} later",
                process.role
            ));
            assert!(took < SOON, "{} told to stop: heard after {took:?}", process.role);
            process.start_again();
            balancer.until_ready(GATEWAYS);
        }
    }
    let (all, places) = writers.finish();
    check(&watchers[0], &conversations, &all, &places);
    no_dead_letters(&processes[0]);
    eprintln!("{}", table.join("\n"));
    eprintln!("{}", presence_ends_with_a_gateway(&watchers, &mut processes[..2]));
}

/// Who is connected to one gateway is online for who asks another, offline once the connection is gone, and offline too
/// when the gateway is killed with the connection.
fn presence_ends_with_a_gateway(people: &[Person], gateways: &mut [super::Process]) -> String {
    let address = |at: usize| gateways[at].address.expect("a gateway");
    let (watcher, watched) = (people[0].moved(address(0)), people[1].moved(address(1)));
    let (mut eyes, _) = persist(|| watcher.connect());
    eyes.send(&json!({"action": "watchPresence", "userIds": [watched.user]})).expect("sent");
    let mut status_is = |wanted: &str| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let frame = persist(|| eyes.next());
            if frame["type"] == "presence" && frame["users"][0]["status"] == wanted {
                return frame;
            }
            assert!(Instant::now() < deadline, "{wanted} is never told");
        }
    };
    status_is("offline");
    let (socket, _) = persist(|| watched.connect());
    status_is("online");
    drop(socket);
    let frame = status_is("offline");
    assert!(!text(&frame["users"][0]["lastSeen"]).is_empty(), "{frame}");
    let (socket, _) = persist(|| watched.connect());
    status_is("online");
    gateways[1].kill();
    let killed = Instant::now();
    let frame = status_is("offline");
    assert!(!text(&frame["users"][0]["lastSeen"]).is_empty(), "{frame}");
    drop(socket);
    let took = killed.elapsed();
    assert!(took < SOON, "still online {took:?} after the gateway was killed");
    format!("gateway killed: its people are offline after {took:.1?}")
}
