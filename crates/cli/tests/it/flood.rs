//! D6 on the real binary: one person floods, the others notice little, memory stays where it is, nothing is lost.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    client::{Person, Socket, new_id, text},
    server::Server,
};

/// Commands the flooder sends: ten times its burst, as fast as the socket takes them.
const FLOOD_COMMANDS: usize = 5_000;
/// Round trips a latency is the median of.
const ROUND_TRIPS: usize = 60;
/// Differences below this are the scheduler's, not the server's.
const NOISE: Duration = Duration::from_millis(4);
/// What the whole process may take while it is flooded, KiB.
const RESIDENT_KIB_MAX: u64 = 200 * 1024;

#[test]
fn d6_a_flood_is_slowed_down_and_hurts_nobody_else() {
    let data = tempfile::tempdir().unwrap();
    let server =
        Server::start(data.path(), &["--set", "limits.frames_per_second=0", "--set", "log.level=warn"]);
    let (ada, bob) = (Person::register(server.address, "ada"), Person::register(server.address, "bob"));
    let mallory = Person::register(server.address, "mallory");
    let room = ada.group("Tea", &[&bob]);
    let noise = mallory.group("Noise", &[]);

    let quiet = median_round_trip(&ada, &room);
    let stop = Arc::new(AtomicBool::new(false));
    let flooder = {
        let (stop, noise, mallory) = (Arc::clone(&stop), noise.clone(), mallory.clone());
        thread::spawn(move || flood(&mallory, &noise, &stop))
    };
    let flooded = median_round_trip(&ada, &room);
    let resident_kib = resident_kib(server.pid());
    stop.store(true, Ordering::Relaxed);
    let (accepted, slowed) = flooder.join().unwrap();

    eprintln!(
        "quiet {quiet:?}, flooded {flooded:?}, {resident_kib} KiB, {} accepted, {slowed} slowed down",
        accepted.len()
    );
    assert!(slowed > 0, "the flooder is told to slow down");
    assert!(flooded <= quiet * 3 + NOISE, "{flooded:?} under flood, {quiet:?} in quiet");
    assert!(resident_kib < RESIDENT_KIB_MAX, "{resident_kib} KiB resident");
    let log: HashSet<String> =
        mallory.history(&noise).iter().map(|event| text(&event["clientMessageId"])).collect();
    assert!(accepted.is_subset(&log), "D1: what was acknowledged in the flood is there");
}

/// Sends without waiting, reads what comes; returns what was accepted and how often it was slowed down.
fn flood(person: &Person, conversation: &str, stop: &AtomicBool) -> (HashSet<String>, usize) {
    let (mut socket, _) = person.connect().unwrap();
    let (mut accepted, mut slowed, mut unanswered) = (HashSet::new(), 0, 0_usize);
    let mut sent = 0;
    while unanswered > 0 || (sent < FLOOD_COMMANDS && !stop.load(Ordering::Relaxed)) {
        while unanswered < 256 && sent < FLOOD_COMMANDS && !stop.load(Ordering::Relaxed) {
            socket.send(&message(conversation, &new_id())).unwrap();
            (sent, unanswered) = (sent + 1, unanswered + 1);
        }
        let frame = socket.next().unwrap();
        match frame["type"].as_str() {
            Some("accepted") => {
                accepted.insert(text(&frame["clientMessageId"]));
                unanswered -= 1;
            }
            Some("rejected") => {
                assert_eq!(frame["code"], "slow_down", "{frame}");
                assert!(frame["retryAfterMs"].as_u64().is_some_and(|wait| wait > 0), "{frame}");
                slowed += 1;
                unanswered -= 1;
            }
            _ => {}
        }
    }
    (accepted, slowed)
}

fn median_round_trip(person: &Person, conversation: &str) -> Duration {
    let (mut socket, _) = person.connect().unwrap();
    let mut times: Vec<Duration> = (0..ROUND_TRIPS).map(|_| round_trip(&mut socket, conversation)).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// From sending a message to seeing its event.
fn round_trip(socket: &mut Socket, conversation: &str) -> Duration {
    let id = new_id();
    let begin = Instant::now();
    socket.send(&message(conversation, &id)).unwrap();
    loop {
        let frame = socket.next().unwrap();
        if frame["type"] == "event" && frame["clientMessageId"] == *id {
            return begin.elapsed();
        }
    }
}

fn message(conversation: &str, id: &str) -> Value {
    json!({"action": "sendMessage", "conversationId": conversation, "clientMessageId": id, "body": "x".repeat(200)})
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
