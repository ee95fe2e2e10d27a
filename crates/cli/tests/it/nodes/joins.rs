//! A gateway that joins takes its share of the sockets from those that are there, and nobody loses a message (D4).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    Installation, Writers, balancer::Balancer, installation::free_address, metric, persist, settle_in, until,
};
use crate::{
    client::{Http, Person},
    crash::{Written, sync},
};

/// Sockets of people who only read.
const READERS: usize = 88;
/// Long enough for two looks at whether sockets should move again.
const QUIET: Duration = Duration::from_secs(30);

/// Pauses before a socket is opened again, from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// A socket that is always opened again, and what it heard.
struct Reader {
    thread: JoinHandle<Written>,
}

/// What all readers share.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Times that a reader was told to come back.
    told: AtomicUsize,
}

#[test]
fn a_gateway_that_joins_takes_its_share_and_nobody_loses_a_message_d4() {
    let installation = Installation::new(&[("node.shed_per_mille", "250"), ("node.notice_ms", "0")]);
    let mut gateways = installation.gateways(2);
    let _workers = (installation.workers("persister", 1), installation.workers("notifier", 1));
    let mut addresses: Vec<_> = gateways.iter().filter_map(|process| process.address).collect();
    let new = free_address();
    addresses.push(new);
    let balancer = Balancer::start(installation.folder.path(), &addresses, 2);
    let (people, conversations) = settle_in(&Http::new(balancer.address), &["ada", "bob", "cyd"], 1);
    let shared = Arc::new(Shared::default());
    let readers: Vec<Reader> =
        (0..READERS).map(|number| Reader::start(&people[1 + number % 2], &conversations, &shared)).collect();
    let writers = Writers::start(vec![people[0].clone()], &conversations);
    let sockets = |at: usize| metric(addresses[at], "dynamowave_sockets").unwrap_or(0.0);
    let all = (READERS + 1) as f64;
    until("all are connected", || sockets(0) + sockets(1) >= all);
    assert_eq!(shared.told.load(Ordering::Relaxed), 0, "two equal gateways send nobody away");

    let joined = Instant::now();
    gateways.push(installation.gateway(&new.to_string()));
    let mean = all / 3.0;
    until("the new gateway has its share", || {
        let counts = [sockets(0), sockets(1), sockets(2)];
        counts.iter().sum::<f64>() >= all
            && counts.iter().all(|count| (count - mean).abs() <= mean * 0.25 + 4.0)
    });
    let took = joined.elapsed();
    let moved = shared.told.load(Ordering::Relaxed);
    // Nothing to wait for: what must not happen is watched for a while.
    thread::sleep(QUIET);
    let again = shared.told.load(Ordering::Relaxed) - moved;
    assert!(again <= 12, "{again} more sockets were moved after the share was taken");
    eprintln!(
        "the new gateway has its share after {took:.1?}; {moved} of {READERS} readers were moved, {again} more later; \
         sockets now: {} {} {}",
        sockets(0),
        sockets(1),
        sockets(2)
    );
    let (written, places) = writers.finish();
    assert!(!written[0].accepted.is_empty());
    shared.stop.store(true, Ordering::Relaxed);
    for (number, reader) in readers.into_iter().enumerate() {
        let mut written = reader.thread.join().expect("a reader failed");
        let person = &people[1 + number % 2];
        persist(|| {
            let (mut socket, _) = person.connect()?;
            sync(&mut socket, &mut written, &mut Vec::new())
        });
        assert_eq!(written.held.0[&conversations[0]].len(), places.len(), "D4: a reader misses something");
    }
}

impl Reader {
    fn start(person: &Person, conversations: &[String], shared: &Arc<Shared>) -> Reader {
        let (person, shared) = (person.clone(), Arc::clone(shared));
        let mut written = Written::of(conversations);
        let thread = thread::spawn(move || {
            let mut pause = FIRST_PAUSE;
            while !shared.stop.load(Ordering::Relaxed) {
                let opened = Instant::now();
                // As clients do: who comes back at once, all at once, keeps a busy service busy.
                if read(&person, &mut written, &shared).is_err() {
                    thread::sleep(pause);
                    pause =
                        if opened.elapsed() > LAST_PAUSE { FIRST_PAUSE } else { LAST_PAUSE.min(pause * 2) };
                }
            }
            written
        });
        Reader { thread }
    }
}

/// One life of a socket; a gap or a change in what it hears fails where it is held (D3, D4).
fn read(person: &Person, written: &mut Written, shared: &Shared) -> Result<(), crate::client::Failure> {
    let (mut socket, _) = person.connect()?;
    sync(&mut socket, written, &mut Vec::new())?;
    // To see now and then whether it is over.
    socket.set_patience(Duration::from_secs(1));
    while !shared.stop.load(Ordering::Relaxed) {
        let Some(frame) = socket.heard()? else { continue };
        if frame["type"] == "reconnect" {
            shared.told.fetch_add(1, Ordering::Relaxed);
            let after_ms = frame["afterMs"].as_u64().unwrap_or(0);
            thread::sleep(Duration::from_millis(after_ms));
        }
        written.held.take(&frame);
    }
    Ok(())
}
