//! D1–D4 on the real binary: loaded over real sockets by many clients, killed at random moments, started again.
//! `CRASH_KILLS` sets how often (default 10; `make crash` runs 200), `CRASH_SEED` repeats a run's moments.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    client::{Failure, Held, Person, Socket, new_id, seq, text},
    server::Server,
};

const WRITERS: usize = 8;
const CONVERSATIONS: usize = 6;
/// As fast as answers come.
const HARD: Pace = Pace { window: 16, unheard_max: usize::MAX, pause: Duration::ZERO };
/// How fast one writer writes: the emulator serves everybody here on a part of one core.
pub(crate) const GENTLE: Pace = Pace { window: 4, unheard_max: 8, pause: Duration::from_millis(20) };
/// Longest wait for what was acknowledged to be in its log.
const PATIENCE: Duration = Duration::from_secs(20);

/// How fast a writer writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Commands unanswered at a time.
    pub(crate) window: usize,
    /// Commands acknowledged that have not come back as events, so that who stores is not outrun for ever.
    pub(crate) unheard_max: usize,
    /// After each command.
    pub(crate) pause: Duration,
}

/// What one writer knows at the end.
#[derive(Default)]
pub(crate) struct Written {
    /// (conversation, client id) of every message that was acknowledged.
    pub(crate) accepted: HashSet<(String, String)>,
    pub(crate) held: Held,
    pub(crate) reconnects: usize,
    /// Client ids of what was acknowledged and not heard.
    unheard: HashSet<String>,
}

impl Written {
    /// Nothing yet of these, but everything from the beginning: what a cursor does not name is live at the head only.
    pub(crate) fn of(conversations: &[String]) -> Written {
        let logs = conversations.iter().map(|conversation| (conversation.clone(), Vec::new()));
        Written { held: Held(logs.collect()), ..Written::default() }
    }

    fn hear(&mut self, frame: &Value) {
        let one = std::slice::from_ref(frame);
        let events = if frame["type"] == "events" {
            frame["events"].as_array().map_or(one, Vec::as_slice)
        } else {
            one
        };
        for id in events.iter().filter_map(|event| event["clientMessageId"].as_str()) {
            if frame["type"] != "accepted" {
                self.unheard.remove(id);
            }
        }
    }
}

#[test]
fn d1_d2_d3_d4_nothing_acknowledged_is_lost_doubled_or_reordered_by_kill_9() {
    let kills = number("CRASH_KILLS", 10);
    let seed = number("CRASH_SEED", u64::from(std::process::id()));
    eprintln!("repeat with: CRASH_KILLS={kills} CRASH_SEED={seed} cargo nextest run -p cli kill_9");
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), UNLIMITED);
    let people: Vec<Person> =
        (0..WRITERS).map(|n| Person::register(server.address, &format!("writer{n}"))).collect();
    let everybody: Vec<&Person> = people[1..].iter().collect();
    let conversations: Vec<String> =
        (0..CONVERSATIONS).map(|n| people[0].group(&format!("room {n}"), &everybody)).collect();

    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = people
        .iter()
        .cloned()
        .map(|person| {
            let (stop, conversations) = (Arc::clone(&stop), conversations.clone());
            thread::spawn(move || write_until(&stop, &person, &conversations, HARD))
        })
        .collect();

    let listen = server.address.to_string();
    let mut random = seed;
    for kill in 0..kills {
        thread::sleep(Duration::from_millis(20 + next(&mut random) % 400));
        server.kill();
        // Now and then the next life is cut short as well, in the middle of recovery.
        server = Server::start_at(data.path(), &listen, UNLIMITED);
        if next(&mut random).is_multiple_of(4) {
            server.kill();
            server = Server::start_at(data.path(), &listen, UNLIMITED);
        }
        eprintln!("kill {} of {kills}", kill + 1);
    }
    stop.store(true, Ordering::Relaxed);
    let mut written: Vec<Written> =
        writers.into_iter().map(|writer| writer.join().expect("a writer failed")).collect();
    let places = settled(&people[0], &conversations, &written, PATIENCE);
    for (person, written) in people.iter().zip(&mut written) {
        let (mut socket, _) = person.connect().expect("the last server lives");
        sync(&mut socket, written, &mut Vec::new()).expect("a last sync");
    }
    check(&people[0], &conversations, &written, &places);
    assert!(server.terminate().success(), "a drained server exits with 0");
}

/// No rate limit stands in the way of the load.
pub(crate) const UNLIMITED: &[&str] = &[
    "--set",
    "limits.sends_per_second=0",
    "--set",
    "limits.frames_per_second=0",
    "--set",
    "limits.requests_per_second=0",
    "--set",
    "log.level=warn",
];

pub(crate) type Places = HashMap<(String, String), u64>;

/// Waits until every acknowledged message is in its log; what is not there by then is lost.
pub(crate) fn settled(
    reader: &Person,
    conversations: &[String],
    written: &[Written],
    patience: Duration,
) -> Places {
    let deadline = Instant::now() + patience;
    loop {
        let places = places(reader, conversations);
        let missing =
            written.iter().flat_map(|writer| &writer.accepted).find(|key| !places.contains_key(*key));
        match missing {
            None => return places,
            Some(key) => assert!(Instant::now() < deadline, "D1: {key:?} was acknowledged and is gone"),
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn places(reader: &Person, conversations: &[String]) -> Places {
    let mut places = Places::new();
    for conversation in conversations {
        for (index, event) in reader.history(conversation).iter().enumerate() {
            assert_eq!(seq(event), index as u64 + 1, "D3: seqs are contiguous");
            let key = (conversation.clone(), text(&event["clientMessageId"]));
            assert_eq!(places.insert(key, seq(event)), None, "D2: {event} is in the log twice");
        }
    }
    places
}

pub(crate) fn check(reader: &Person, conversations: &[String], written: &[Written], places: &Places) {
    for conversation in conversations {
        let ids: Vec<String> =
            reader.history(conversation).iter().map(|event| text(&event["clientMessageId"])).collect();
        for writer in written {
            let held = writer.held.0.get(conversation).map_or(&[][..], Vec::as_slice);
            assert_eq!(held, ids, "D4: a reader holds another log of {conversation}");
        }
    }
    let accepted: usize = written.iter().map(|writer| writer.accepted.len()).sum();
    let reconnects: usize = written.iter().map(|writer| writer.reconnects).sum();
    eprintln!(
        "{accepted} messages acknowledged, {} in the logs, {reconnects} reconnects: all there once",
        places.len()
    );
    assert!(accepted > 0 && reconnects > 0, "the load ran through the kills");
}

/// Sends, and after every loss of the connection syncs and sends again what has no answer yet.
pub(crate) fn write_until(
    stop: &AtomicBool,
    person: &Person,
    conversations: &[String],
    pace: Pace,
) -> Written {
    let mut written = Written::of(conversations);
    let mut unanswered: Vec<Value> = Vec::new();
    loop {
        match session((stop, pace), person, conversations, &mut written, &mut unanswered) {
            Ok(()) => return written,
            Err(Failure::Gone(_)) => written.reconnects += 1,
            Err(Failure::Refused(status, document)) => panic!("{status} {document}"),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn session(
    (stop, pace): (&AtomicBool, Pace),
    person: &Person,
    conversations: &[String],
    written: &mut Written,
    unanswered: &mut Vec<Value>,
) -> Result<(), Failure> {
    let (mut socket, _) = person.connect()?;
    sync(&mut socket, written, unanswered)?;
    for frame in unanswered.iter() {
        socket.send(frame)?;
    }
    let mut turn = 0_usize;
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        while !stopping && unanswered.len() < pace.window && written.unheard.len() < pace.unheard_max {
            turn += 1;
            let conversation = &conversations[turn % conversations.len()];
            let frame = json!({"action": "sendMessage", "conversationId": conversation,
                "clientMessageId": new_id(), "body": format!("message {turn}")});
            socket.send(&frame)?;
            unanswered.push(frame);
            thread::sleep(pace.pause);
        }
        if stopping && unanswered.is_empty() {
            return Ok(());
        }
        let frame = socket.next()?;
        if let Some(again) = take(&frame, written, unanswered) {
            thread::sleep(Duration::from_millis(20));
            socket.send(&again)?;
        }
    }
}

pub(crate) fn sync(
    socket: &mut Socket,
    written: &mut Written,
    unanswered: &mut Vec<Value>,
) -> Result<(), Failure> {
    socket.send(&json!({"action": "sync", "cursors": written.held.cursors()}))?;
    loop {
        let frame = socket.next()?;
        drop(take(&frame, written, unanswered));
        if frame["type"] == "synced" {
            return Ok(());
        }
    }
}

/// Takes in a frame; returns what has to be sent again because the server was too busy for it.
pub(crate) fn take(frame: &Value, written: &mut Written, unanswered: &mut Vec<Value>) -> Option<Value> {
    written.held.take(frame);
    written.hear(frame);
    match frame["type"].as_str() {
        Some("accepted") => {
            let id = text(&frame["clientMessageId"]);
            if let Some(at) = unanswered.iter().position(|sent| sent["clientMessageId"] == id) {
                let sent = unanswered.remove(at);
                if !written.held.holds(&id) {
                    written.unheard.insert(id.clone());
                }
                written.accepted.insert((text(&sent["conversationId"]), id));
            }
        }
        Some("rejected") if frame["code"] == "slow_down" || frame["code"] == "unavailable" => {
            return unanswered
                .iter()
                .find(|sent| sent["clientMessageId"] == frame["clientMessageId"])
                .cloned();
        }
        Some("rejected" | "failed" | "error") => panic!("{frame}"),
        _ => {}
    }
    None
}

pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// splitmix64.
pub(crate) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut x = *state;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
