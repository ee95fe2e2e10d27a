//! The containers home: gateways, persisters and notifiers as processes of their own over the emulator, behind HAProxy
//! as `deploy/haproxy.cfg` sets it up. They are killed, told to stop, and joined by others while clients write.
//! Needs `AWS_ENDPOINT_URL` to name an emulator on this machine, and `haproxy`; `xtask/scripts/test-nodes.sh` brings both.

mod balancer;
mod ends;
pub(crate) mod installation;
mod joins;
mod starts;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::json;

use self::installation::{Installation, Process};
use crate::{
    client::{Failure, Http, Person, new_id, text},
    crash::{GENTLE, Written, settled, sync, take, write_until},
};

/// Longest wait for anything here: on a busy machine the emulator is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// People who write until they are told to stop.
struct Writers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Written>>,
    people: Vec<Person>,
    conversations: Vec<String>,
}

impl Writers {
    fn start(people: Vec<Person>, conversations: &[String]) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = people
            .iter()
            .cloned()
            .map(|person| {
                let (stop, conversations) = (Arc::clone(&stop), conversations.to_vec());
                thread::spawn(move || write_until(&stop, &person, &conversations, GENTLE))
            })
            .collect();
        Writers { stop, threads, people, conversations: conversations.to_vec() }
    }

    /// Stops them, waits until everything acknowledged is stored, and lets them catch up.
    fn finish(self) -> (Vec<Written>, crate::crash::Places) {
        self.stop.store(true, Ordering::Relaxed);
        let written = self.threads.into_iter().map(|writer| writer.join().expect("a writer failed"));
        let mut written: Vec<Written> = written.collect();
        let places = settled(&self.people[0], &self.conversations, &written, PATIENCE);
        for (person, written) in self.people.iter().zip(&mut written) {
            persist(|| {
                let (mut socket, _) = person.connect()?;
                sync(&mut socket, written, &mut Vec::new())
            });
        }
        (written, places)
    }
}

/// Again until it works: connections may end at any time here.
fn persist<T>(mut attempt: impl FnMut() -> Result<T, Failure>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(done) => return done,
            Err(failure) => assert!(Instant::now() < deadline, "never: {failure:?}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// From now until somebody has on the screen what they say now in each of these conversations: accepted, ordered behind
/// everything said before, stored, told.
fn heard_after(person: &Person, conversations: &[String], written: &mut Written) -> Duration {
    let began = Instant::now();
    let mut missing: Vec<String> = Vec::new();
    let mut unanswered: Vec<serde_json::Value> = Vec::new();
    for conversation in conversations {
        let id = new_id();
        unanswered.push(json!({"action": "sendMessage", "conversationId": conversation,
            "clientMessageId": id, "body": "is anybody there?"}));
        missing.push(id);
    }
    persist(|| {
        let (mut socket, _) = person.connect()?;
        sync(&mut socket, written, &mut unanswered)?;
        for frame in &unanswered {
            socket.send(frame)?;
        }
        loop {
            missing.retain(|id| !written.held.holds(id));
            if missing.is_empty() {
                return Ok(());
            }
            let frame = socket.next()?;
            if let Some(again) = take(&frame, written, &mut unanswered) {
                socket.send(&again)?;
            }
        }
    });
    began.elapsed()
}

/// Nothing was given up (D5).
fn no_dead_letters(gateway: &Process) {
    let mut http = Http::new(gateway.address.expect("a gateway"));
    installation::TOKEN.clone_into(&mut http.token);
    let page = persist(|| http.get("/v1/admin/dead-letters"));
    assert_eq!(page["items"].as_array().map(Vec::len), Some(0), "D5: {page}");
}

/// Accounts of these names, in groups of all of them.
fn settle_in(http: &Http, names: &[&str], groups: usize) -> (Vec<Person>, Vec<String>) {
    let people: Vec<Person> = names.iter().map(|name| Person::register(http.address, name)).collect();
    let others: Vec<&Person> = people[1..].iter().collect();
    let groups = (0..groups).map(|number| people[0].group(&format!("room {number}"), &others)).collect();
    (people, groups)
}

/// A sample of a process's metrics, summed over its labels.
fn metric(address: std::net::SocketAddr, name: &str) -> Option<f64> {
    let answer = Http::new(address).get("/metrics").ok()?;
    let lines = text(&answer);
    let values = lines.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = if rest.starts_with('{') { rest.split_once('}')?.1 } else { rest };
        value.trim().parse::<f64>().ok()
    });
    Some(values.sum())
}
