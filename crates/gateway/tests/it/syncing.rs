//! Catching up: what was missed comes in order and once, whatever happens meanwhile.

use std::{collections::BTreeMap, sync::Barrier};

use chat::{Command, CommandId, ConversationId, Epoch, Seq};
use protocol::{
    Code,
    frame::{ClientFrame, ServerFrame, client, server::Events},
};

use crate::{
    client::Client,
    world::{Backend, Person, Wish, World, message},
};

/// The places in pages of each conversation, which must follow each other.
fn places(pages: &[Events<'_>]) -> BTreeMap<ConversationId, Vec<Seq>> {
    let mut places: BTreeMap<ConversationId, Vec<Seq>> = BTreeMap::new();
    for page in pages {
        let known = places.entry(page.conversation_id).or_default();
        known.extend(page.events.iter().map(|event| event.seq));
    }
    for (conversation, seqs) in &places {
        assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{conversation}: {seqs:?}");
    }
    places
}

/// Fills a conversation and waits until its last message is stored.
fn fill(world: &World, person: &Person, room: ConversationId, count: usize) {
    world.submit(person, room, (1..count).map(|number| format!("message {number}")));
    world.execute(person, room, message("last"));
}

#[test]
fn d4_what_was_missed_comes_and_nothing_else() {
    World::both().iter().for_each(d4_what_was_missed_comes_and_nothing_else_in);
}

fn d4_what_was_missed_comes_and_nothing_else_in(world: &World) {
    let [alice, bob] = world.people();
    let rooms = [world.group(&[&alice, &bob]), world.group(&[&alice, &bob]), world.group(&[&alice, &bob])];
    for room in &rooms[..2] {
        fill(world, &alice, *room, 20);
    }
    let mut bobs = world.connect(&bob);
    bobs.sync(&[(rooms[0], 5), (rooms[1], 21)], None);
    let (pages, synced) = bobs.synced();
    assert_eq!(places(&pages), BTreeMap::from([(rooms[0], (6..=21).collect())]));
    assert!(pages.iter().all(|page| page.head_seq == 21));
    assert_eq!(pages.last().map(|page| page.more), Some(false));
    let unlisted: Vec<_> = synced.unlisted.iter().map(|one| (one.conversation_id, one.head_seq)).collect();
    assert_eq!(unlisted, [(rooms[2], 1)]);

    // Live from exactly there.
    world.execute(&alice, rooms[0], message("new"));
    world.execute(&alice, rooms[2], message("new"));
    assert_eq!(bobs.events(rooms[0], 1), [22]);
    assert_eq!(bobs.events(rooms[2], 1), [2]);

    // With the token: one read finds out that nothing is missing.
    drop(bobs);
    let mut bobs = world.connect(&bob);
    bobs.sync(&[(rooms[0], 22), (rooms[1], 21), (rooms[2], 2)], Some(&synced.token));
    let (pages, again) = bobs.synced();
    assert!(pages.is_empty() && again.unlisted.is_empty());
    drop(bobs);
    world.execute(&alice, rooms[1], message("while away"));
    let mut bobs = world.connect(&bob);
    bobs.sync(&[(rooms[0], 22), (rooms[1], 21), (rooms[2], 2)], Some(&again.token));
    assert_eq!(places(&bobs.synced().0), BTreeMap::from([(rooms[1], vec![22])]));
}

#[test]
fn d4_ten_thousand_events_in_five_hundred_conversations_in_one_exchange() {
    let world = World::new();
    let [alice, bob] = world.people();
    let rooms: Vec<ConversationId> = (0..500).map(|_| world.group(&[&alice, &bob])).collect();
    for room in &rooms {
        world.submit(&alice, *room, (0..20).map(|number| format!("message {number}")));
    }
    for room in &rooms {
        world.execute(&alice, *room, Command::Describe { title: Some("Done".into()), description: None });
    }
    let mut bobs = world.connect(&bob);
    let cursors: Vec<(ConversationId, Seq)> = rooms.iter().map(|room| (*room, 1)).collect();
    bobs.sync(&cursors, None);
    let (pages, _) = bobs.synced();
    let places = places(&pages);
    assert_eq!(places.len(), 500);
    assert!(places.values().all(|seqs| seqs.iter().copied().eq(2..=22)));
}

#[test]
fn large_bodies_come_in_frames_of_bounded_size() {
    let world = World::new();
    let [alice, bob] = world.people();
    let room = world.group(&[&alice, &bob]);
    // As large as bodies may be, some of them growing sixfold as JSON.
    let plain = "x".repeat(16 * 1024);
    let escaped = "\u{1}".repeat(16 * 1024);
    for number in 0..24 {
        world.execute(&alice, room, message(if number % 4 == 0 { &*escaped } else { &*plain }));
    }
    let mut bobs = world.connect(&bob);
    bobs.sync(&[(room, 0)], None);
    let mut seqs = Vec::new();
    loop {
        let text = match bobs.socket.read().unwrap() {
            tungstenite::Message::Text(text) => text,
            other => panic!("{other:?}"),
        };
        match ServerFrame::decode(&text).unwrap() {
            ServerFrame::Events(page) => {
                let most = if page.events.len() == 1 { 128 * 1024 } else { 32 * 1024 };
                assert!(text.len() <= most, "{} bytes with {} events", text.len(), page.events.len());
                seqs.extend(page.events.iter().map(|event| event.seq));
            }
            ServerFrame::Synced(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(seqs.iter().copied().eq(1..=25));
}

/// P37.
#[test]
fn d4_another_epoch_means_resync() {
    let world = World::new();
    let alice = world.person();
    let room = world.group(&[&alice]);
    let mut client = world.connect(&alice);
    client.ask(ClientFrame::Sync(client::Sync {
        epoch: Some(Epoch::from_u128(1)),
        cursors: [(room, 1)].into(),
        token: None,
    }));
    match client.frame() {
        ServerFrame::Resync(resync) => assert_eq!(resync.epoch, world.app.store.epoch()),
        other => panic!("{other:?}"),
    }
    // Live at the head, and free to sync anew.
    client.send(room, CommandId::from_u128(1), "hello");
    assert_eq!(client.events(room, 1), [2]);
    client.sync(&[(room, 0)], None);
    assert_eq!(places(&client.synced().0)[&room], [1, 2]);
}

/// P36.
#[test]
fn d7_a_sync_tells_strangers_nothing_and_goes_on_with_the_rest() {
    let world = World::new();
    let [alice, eve] = world.people();
    let (secret, own) = (world.group(&[&alice]), world.group(&[&eve]));
    fill(&world, &alice, secret, 3);
    let nowhere = ConversationId::from_u128(4);
    let mut eves = world.connect(&eve);
    eves.sync(&[(secret, 0), (nowhere, 0), (own, 0)], None);
    let mut refused = Vec::new();
    loop {
        match eves.frame() {
            ServerFrame::Error(error) => {
                assert_eq!(error.code, Code::ConversationNotFound);
                refused.push(error.conversation_id.unwrap());
            }
            ServerFrame::Events(page) => assert_eq!(page.conversation_id, own),
            ServerFrame::Synced(synced) => {
                assert!(synced.unlisted.is_empty());
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    refused.sort_unstable();
    let mut want = [secret, nowhere];
    want.sort_unstable();
    assert_eq!(refused, want);
}

#[test]
fn one_sync_at_a_time() {
    let world = World::new();
    let alice = world.person();
    let room = world.group(&[&alice]);
    fill(&world, &alice, room, 2_000);
    let mut client = world.connect(&alice);
    client.sync(&[(room, 0)], None);
    let second = client.sync(&[(room, 0)], None);
    let mut refused = false;
    client.until(|frame| match frame {
        ServerFrame::Error(error) => {
            assert_eq!((error.code, error.reference.as_ref()), (Code::SyncInProgress, Some(&second)));
            refused = true;
            None
        }
        ServerFrame::Synced(_) => Some(()),
        _ => None,
    });
    assert!(refused || matches!(client.frame(), ServerFrame::Synced(_)), "or the first was over already");
}

/// P38.
#[test]
fn a_cursor_beyond_the_log_is_not_believed() {
    let world = World::new();
    let alice = world.person();
    let room = world.group(&[&alice]);
    for token in [false, true] {
        let mut client = world.connect(&alice);
        client.sync(&[], None);
        let token = token.then(|| client.synced().1.token);
        if token.is_none() {
            client.synced();
        }
        client.sync(&[(room, 1_000_000)], token.as_deref());
        client.synced();
        let outcome = world.execute(&alice, room, message("live all the same"));
        let chat::Outcome::Applied { seq } = outcome else { panic!("{outcome:?}") };
        assert_eq!(client.events(room, 1), [seq]);
    }
}

#[test]
fn silence_makes_a_connection_live_after_a_moment() {
    let mut wish = Wish::default();
    wish.options.sync_grace_ms = 30;
    let world = World::with(wish);
    let alice = world.person();
    let room = world.group(&[&alice]);
    let mut client = world.connect(&alice);
    // Somebody else's frames until the silent one hears the first of them.
    let mut other = world.connect(&alice);
    for number in 1.. {
        other.send(room, CommandId::from_u128(number), "is anybody there?");
        let told = other.events(room, 1)[0];
        client.socket.get_ref().set_nonblocking(true).unwrap();
        let heard = client.socket.read();
        client.socket.get_ref().set_nonblocking(false).unwrap();
        if let Ok(heard) = heard {
            let text = heard.into_text().unwrap();
            assert!(text.starts_with("{\"type\":\"event\""), "{text}");
            break;
        }
        assert!(told < 1_000_000, "never live");
    }
}

/// What a reader holds: the last place of each conversation.
#[derive(Clone)]
struct Cursors(BTreeMap<ConversationId, Seq>);

impl Cursors {
    /// One event, which must be the next of its conversation.
    fn next(&mut self, room: ConversationId, seq: Seq) {
        let cursor = self.0.get_mut(&room).expect("one of the rooms");
        assert_eq!(seq, *cursor + 1, "{room} out of order");
        *cursor = seq;
    }

    /// Reads until the sync is over; returns its token. When the sync was asked for while live, it may begin with
    /// what came live since: then its first page overlaps, without a gap.
    fn follow(&mut self, client: &mut Client, from_live: bool) -> String {
        let mut in_pages: BTreeMap<ConversationId, Seq> = BTreeMap::new();
        loop {
            match client.frame() {
                ServerFrame::Events(page) => {
                    for event in &page.events {
                        let before = in_pages.insert(page.conversation_id, event.seq);
                        assert!(before.is_none_or(|before| event.seq == before + 1), "pages out of order");
                        let known = from_live && event.seq <= self.0[&page.conversation_id];
                        if !known {
                            self.next(page.conversation_id, event.seq);
                        }
                    }
                }
                ServerFrame::Event(event) => {
                    assert!(from_live && in_pages.is_empty(), "live in the middle of a sync");
                    self.next(event.conversation_id, event.seq);
                }
                ServerFrame::Synced(synced) => return synced.token,
                other => panic!("{other:?}"),
            }
        }
    }

    fn pairs(&self) -> Vec<(ConversationId, Seq)> {
        self.0.iter().map(|(room, seq)| (*room, *seq)).collect()
    }

    fn all_at(&self, last: Seq) -> bool {
        self.0.values().all(|seq| *seq == last)
    }
}

/// P34: live events are held back while a sync runs.
#[test]
fn d4_readers_that_come_and_go_under_a_flood_miss_nothing_and_see_nothing_twice() {
    for backend in [Backend::Embedded, Backend::Model] {
        flood(backend);
    }
}

const FLOOD_ROOMS: usize = 12;
const FLOOD_MESSAGES: u64 = 400;

fn flood(backend: Backend) {
    let mut wish = Wish { backend, ..Wish::default() };
    wish.options.frames = gateway::FrameRate { per_second: 1_000_000, burst: 1_000_000 };
    let world = World::with(wish);
    let [writer, reader] = world.people();
    let rooms: Vec<ConversationId> = (0..FLOOD_ROOMS).map(|_| world.group(&[&writer, &reader])).collect();
    let last = FLOOD_MESSAGES + 1;
    // Nobody writes before everybody has been there once: all have to come back.
    let all_were_here = Barrier::new(4);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            all_were_here.wait();
            write_flood(&world, &writer, &rooms);
        });
        for _ in 0..3 {
            threads.spawn(|| read_flood(&world, &reader, (&rooms, last), &all_were_here));
        }
    });
}

fn write_flood(world: &World, writer: &Person, rooms: &[ConversationId]) {
    let mut client = world.connect(writer);
    client.go_live();
    let (mut sent, mut told) = (0, 0);
    let mut number = 0;
    for _ in 0..FLOOD_MESSAGES {
        for room in rooms {
            number += 1;
            client.send(*room, CommandId::from_u128(number), "flood");
            sent += 1;
            // Stay within what the kernel and the outbox hold.
            while sent - told > 100 {
                match client.frame() {
                    ServerFrame::Event(_) => told += 1,
                    ServerFrame::Accepted(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    while told < sent {
        told += usize::from(matches!(client.frame(), ServerFrame::Event(_)));
    }
}

fn read_flood(
    world: &World,
    reader: &Person,
    (rooms, last): (&[ConversationId], Seq),
    all_were_here: &Barrier,
) {
    let mut cursors = Cursors(rooms.iter().map(|room| (*room, 0)).collect());
    let mut token: Option<String> = None;
    for round in 1.. {
        let mut client = world.connect(reader);
        client.sync(&cursors.pairs(), token.as_deref());
        cursors.follow(&mut client, false);
        if round == 1 {
            all_were_here.wait();
        }
        if cursors.all_at(last) {
            assert!(round > 1, "nobody came back");
            return;
        }
        // Some live, then sync again on the same connection, then go.
        for _ in 0..round % 17 {
            if cursors.all_at(last) {
                break;
            }
            match client.frame() {
                ServerFrame::Event(event) => cursors.next(event.conversation_id, event.seq),
                other => panic!("{other:?}"),
            }
        }
        client.sync(&cursors.pairs(), None);
        token = Some(cursors.follow(&mut client, true));
    }
}
