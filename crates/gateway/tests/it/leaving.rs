//! Draining, and what becomes of announcements that never came.

use std::{
    io::Read as _,
    net::TcpStream,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chat::{
    Announcement, CommandId, NodeId,
    ports::{Announcer, PortError},
};
use gateway::Shed;
use protocol::frame::ServerFrame;

use crate::{
    client::{Client, Heard},
    world::{Wish, World, message},
};

#[test]
fn a_drain_tells_when_to_reconnect_finishes_what_was_accepted_and_ends() {
    let mut world = World::new();
    let [alice, bob] = world.people();
    let room = world.group(&[&alice, &bob]);
    let mut clients: Vec<Client> = (0..20).map(|_| world.connect(&alice)).collect();
    clients.iter_mut().for_each(Client::go_live);
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(room, CommandId::from_u128(number as u128), "last words");
    }
    let address = world.address;
    let done = world.drain();
    let mut waits = Vec::new();
    for client in &mut clients {
        let mut told = false;
        loop {
            match client.hear() {
                Heard::Frame(ServerFrame::Reconnect(reconnect)) => {
                    waits.push(reconnect.after_ms);
                    told = true;
                }
                // A command still in the kernel when the drain began is sent again by its client.
                Heard::Frame(ServerFrame::Accepted(_) | ServerFrame::Event(_)) => {}
                Heard::Frame(other) => panic!("{other:?}"),
                Heard::Closed(code) => {
                    assert_eq!(code, Some(4000));
                    break;
                }
            }
        }
        assert!(told);
    }
    assert!(waits.iter().all(|wait| *wait <= 3_000));
    assert!(waits.iter().any(|wait| *wait != waits[0]), "all at once: {waits:?}");
    drop(clients);
    done.join().unwrap();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn a_drain_ends_in_time_although_a_client_does_not_answer() {
    let mut wish = Wish::default();
    wish.options.drain_ms = 100;
    let mut world = World::with(wish);
    let alice = world.person();
    let mut deaf = crate::violations::Bare::open(&world, &alice);
    let idle = TcpStream::connect(world.address).unwrap();
    world.drain().join().unwrap();
    assert_eq!(deaf.close_code(), 4000);
    assert_eq!((&idle).read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn d4_who_is_sent_elsewhere_is_told_when_to_come_and_the_gateway_goes_on() {
    let world = World::new();
    let people: [_; 4] = world.people();
    let [alice, bob, ..] = &people;
    let room = world.group(&people.each_ref());
    let mut clients: Vec<Client> =
        people.iter().flat_map(|person| (0..16).map(|_| world.connect(person))).collect();
    clients.iter_mut().for_each(Client::go_live);
    world.block_on(world.hub.shed(Shed::PerMille(500)));
    world.execute(bob, room, message("who is still here?"));
    let total = clients.len();
    let mut stayed: Vec<Client> =
        clients.into_iter().filter_map(|mut client| stays(&mut client).then_some(client)).collect();
    let went = total - stayed.len();
    assert!(stayed.len() > 8 && went > 8, "{} stayed of {total}", stayed.len());

    world.block_on(world.hub.shed(Shed::All));
    for client in &mut stayed {
        assert_eq!(client.closed(), Some(4000));
    }
    let mut back = world.connect(alice);
    back.sync(&[(room, 1)], None);
    let (pages, _) = back.synced();
    assert_eq!(pages.iter().flat_map(|page| &page.events).count(), 1, "what was missed");
}

/// Whether a client hears of an event (true) or is told to come back and closed.
fn stays(client: &mut Client) -> bool {
    let mut told = false;
    loop {
        match client.hear() {
            Heard::Frame(ServerFrame::Reconnect(_)) => told = true,
            Heard::Frame(ServerFrame::Event(_)) if !told => return true,
            Heard::Frame(_) => {}
            Heard::Closed(code) => {
                assert_eq!((told, code), (true, Some(4000)));
                return false;
            }
        }
    }
}

/// Loses what it is told to.
struct Lossy {
    inner: Arc<dyn Announcer>,
    lose: Mutex<Vec<u64>>,
}

#[async_trait]
impl Announcer for Lossy {
    async fn announce(&self, node: NodeId, batch: Vec<Arc<Announcement>>) -> Result<(), PortError> {
        let lose = self.lose.lock().unwrap().clone();
        let kept = batch.into_iter().filter(|one| one.seq().is_none_or(|seq| !lose.contains(&seq)));
        self.inner.announce(node, kept.collect()).await
    }
}

#[test]
fn d4_lost_announcements_are_read_from_the_store_and_told_in_order() {
    let wish = Wish {
        around_announcer: |inner| Arc::new(Lossy { inner, lose: Mutex::new(vec![3, 4, 7, 8, 9, 10, 14]) }),
        ..Wish::default()
    };
    let world = World::with(wish);
    let [alice, bob, carol] = world.people();
    let room = world.group(&[&alice, &bob]);
    let mut bobs = world.connect(&bob);
    bobs.go_live();
    let mut carols = world.connect(&carol);
    carols.go_live();
    for number in 2..=12 {
        world.execute(&alice, room, message(format!("number {number}")));
    }
    let mut seen = Vec::new();
    while seen.len() < 11 {
        if let ServerFrame::Event(event) = bobs.frame() {
            seen.push(event.seq);
        }
    }
    assert!(seen.iter().copied().eq(2..=12), "{seen:?}");

    // Carol is added by event 13; 14 is lost; she has both with 15.
    world.execute(&alice, room, chat::Command::AddMembers { users: vec![carol.id] });
    world.execute(&alice, room, message("lost"));
    world.execute(&alice, room, message("told"));
    assert_eq!(carols.events(room, 3), [13, 14, 15]);
    assert_eq!(bobs.events(room, 3), [13, 14, 15]);
}
