//! Everything is bounded (D6): slow readers, silent peers, rates, seats, abrupt ends.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use chat::{
    CommandId, Envelope, Outcome,
    ports::{Commands, ErrorKind, PortError},
};
use protocol::{Code, frame::ServerFrame};

use crate::{
    client::{Heard, hear, open},
    violations::{Bare, Sent},
    world::{Ports, Wish, World, message},
};

/// How much of the process is resident, KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// P56: 4001, and what was missed comes with the next sync.
#[test]
fn d6_a_slow_reader_is_closed_to_resume_while_others_go_on() {
    let world = World::new();
    let [alice, bob] = world.people();
    let room = world.group(&[&alice, &bob]);
    let mut slow: Vec<Bare> = (0..20).map(|_| Bare::open(&world, &bob)).collect();
    slow.iter_mut().for_each(|bare| bare.text(r#"{"action":"ping"}"#));
    let mut quick = world.connect(&alice);
    quick.go_live();
    let before_kib = resident_kib();
    // More for each of them than kernel and outbox hold together.
    let body = "x".repeat(12 * 1024);
    for round in 0..40 {
        world.submit(&alice, room, (0..10).map(|_| body.clone()));
        let want: Vec<u64> = (2 + round * 10..12 + round * 10).collect();
        assert_eq!(quick.events(room, 10), want);
    }
    let grown_kib = resident_kib().saturating_sub(before_kib);
    // What is stored (5 MiB) and what was sent to the quick one count too.
    assert!(grown_kib < 64 * 1024, "{grown_kib} KiB more, with 20 slow readers");
    for bare in &mut slow {
        assert_eq!(bare.close_code(), 4001);
    }
    // Nothing is lost: what they missed comes with a sync.
    let mut again = world.connect(&bob);
    again.sync(&[(room, 1)], None);
    let (pages, _) = again.synced();
    assert!(pages.iter().flat_map(|page| &page.events).map(|event| event.seq).eq(2..=401));
}

#[test]
fn d6_a_socket_that_takes_nothing_is_closed() {
    let mut wish = Wish::default();
    wish.options.stall_ms = 50;
    // The outbox alone would wait for ever.
    wish.options.outbox_hard_bytes = 1 << 30;
    let world = World::with(wish);
    let alice = world.person();
    let room = world.group(&[&alice]);
    let mut stuck = Bare::open(&world, &alice);
    stuck.text(r#"{"action":"ping"}"#);
    assert!(matches!(stuck.next(), Sent::Text(_)));
    for _ in 0..8 {
        world.submit(&alice, room, (0..100).map(|_| "x".repeat(16 * 1024)));
    }
    world.execute(&alice, room, message("end"));
    // The server gives up: reading what the kernel holds ends without all of it having come.
    let mut read = 0;
    let mut buffer = vec![0; 64 * 1024];
    while world.connections() > 0 {
        std::thread::yield_now();
    }
    while let Ok(count @ 1..) = stuck.stream.read(&mut buffer) {
        read += count;
    }
    assert!(read < 800 * 16 * 1024, "{read} bytes were taken after all");
}

/// P8.
#[test]
fn silence_is_pinged_and_then_closed() {
    let mut wish = Wish::default();
    wish.options.heartbeat_ms = 60;
    let world = World::with(wish);
    let alice = world.person();
    let mut bare = Bare::open(&world, &alice);
    let mut pings = 0;
    loop {
        match bare.next() {
            Sent::Ping => pings += 1,
            Sent::Close(code, _) => {
                assert_eq!(code, 4002);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pings, 2);

    // Who answers stays: as many heartbeats again, and more.
    let mut bare = Bare::open(&world, &alice);
    for _ in 0..6 {
        assert_eq!(bare.next(), Sent::Ping);
        bare.frame(0x8A, b"");
    }
}

#[test]
fn d6_who_sends_too_fast_is_told_to_slow_down() {
    let mut wish = Wish::default();
    wish.rates.sends = Some(api::Rate { burst: 3, refill_ms: 3_600_000 });
    let world = World::with(wish);
    let alice = world.person();
    let room = world.group(&[&alice]);
    let mut client = world.connect(&alice);
    for number in 0..5 {
        client.send(room, CommandId::from_u128(number), "quick");
    }
    let (mut accepted, mut slow) = (0, Vec::new());
    while accepted + slow.len() < 5 {
        match client.frame() {
            ServerFrame::Accepted(_) => accepted += 1,
            ServerFrame::Rejected(rejected) => slow.push((rejected.code, rejected.retry_after_ms.is_some())),
            ServerFrame::Event(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((accepted, slow), (3, vec![(Code::SlowDown, true); 2]));
    client.go_live();
}

/// A way in that is closed.
struct Shut {
    inner: Arc<dyn Commands>,
    kind: ErrorKind,
}

static OPEN: AtomicBool = AtomicBool::new(false);

#[async_trait]
impl Commands for Shut {
    async fn submit(&self, envelopes: Vec<Envelope>) -> Result<(), PortError> {
        if OPEN.load(Ordering::SeqCst) {
            return self.inner.submit(envelopes).await;
        }
        Err(PortError::new(self.kind, "test.submit"))
    }
    async fn execute(&self, envelope: Envelope) -> Result<Outcome, PortError> {
        self.inner.execute(envelope).await
    }
}

#[test]
fn d1_nothing_is_accepted_that_the_queue_did_not_take() {
    let wish = Wish {
        between: |ports| Ports {
            commands: Arc::new(Shut { inner: ports.commands.clone(), kind: ErrorKind::Overloaded }),
            ..ports
        },
        ..Wish::default()
    };
    let world = World::with(wish);
    let alice = world.person();
    let room = world.group(&[&alice]);
    let mut client = world.connect(&alice);
    for number in 0..10 {
        client.send(room, CommandId::from_u128(number), "please");
        match client.frame() {
            ServerFrame::Rejected(rejected) => {
                assert_eq!(rejected.code, Code::SlowDown);
                assert!(rejected.retry_after_ms.is_some());
                assert_eq!(rejected.client_message_id, Some(CommandId::from_u128(number)));
            }
            other => panic!("{other:?}"),
        }
    }
    OPEN.store(true, Ordering::SeqCst);
    client.send(room, CommandId::from_u128(3), "please");
    assert!(matches!(client.frame(), ServerFrame::Accepted(_)));
}

#[test]
fn d6_sockets_of_one_user_are_counted() {
    let mut wish = Wish::default();
    wish.options.connections.per_user = 2;
    let world = World::with(wish);
    let [alice, bob] = world.people();
    let (first, _second) = (world.connect(&alice), world.connect(&alice));
    let bearer = format!("Bearer {}", alice.token);
    let (mut third, _) = open(world.address, "/v1/ws", &[("authorization", &bearer)]).unwrap();
    assert!(matches!(hear(&mut third), Heard::Closed(Some(4003))));
    world.connect(&bob);
    drop(first);
    // The seat comes back when the server has noticed.
    loop {
        let (mut socket, _) = open(world.address, "/v1/ws", &[("authorization", &bearer)]).unwrap();
        match hear(&mut socket) {
            Heard::Frame(ServerFrame::Hello(_)) => break,
            Heard::Closed(code) => assert_eq!(code, Some(4003)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn d6_connections_in_all_are_counted() {
    let mut wish = Wish::default();
    wish.options.connections.total = 3;
    let world = World::with(wish);
    let alice = world.person();
    let _open = [world.connect(&alice), world.connect(&alice), world.connect(&alice)];
    let mut fourth = TcpStream::connect(world.address).unwrap();
    fourth.set_read_timeout(Some(crate::client::PATIENCE)).unwrap();
    let mut byte = [0];
    assert!(matches!(fourth.read(&mut byte), Ok(0) | Err(_)), "closed at once");
    assert_eq!(world.connections(), 3);
}

#[test]
fn abrupt_ends_leave_nothing_behind() {
    let world = World::new();
    let [alice, bob] = world.people();
    let room = world.group(&[&alice, &bob]);
    for round in 0..50 {
        let mut bare = Bare::open(&world, &bob);
        match round % 5 {
            0 => {}
            // In the middle of a header, of a frame, of a sync, of a message.
            1 => bare.send(&[0x81]),
            2 => bare.send(&[0x81, 0xFE, 0x01, 0x00, 1, 2, 3, 4, 5]),
            3 => bare.text(&format!(r#"{{"action":"sync","cursors":{{"{room}":0}}}}"#)),
            _ => bare.frame(0x01, b"{\"action\""),
        }
        // With unread bytes at the client, the kernel sends a reset instead of an orderly end.
        drop(bare);
        let mut half = TcpStream::connect(world.address).unwrap();
        half.write_all(b"GET /v1/ws HTTP/1.1\r\nHost").unwrap();
    }
    while world.connections() > 0 {
        std::thread::yield_now();
    }
    let mut client = world.connect(&alice);
    client.send(room, CommandId::from_u128(1), "still serving");
    assert_eq!(client.events(room, 1), [2]);
}
