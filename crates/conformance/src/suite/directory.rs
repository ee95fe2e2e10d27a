//! What `Directory` promises: presence by leases, tickets that are good once, who has to hear of what.
//! Nodes hear perhaps too much, never too little.

use std::sync::Arc;

use chat::{
    Announcement, Command, CommandId, ConnectionId, ConversationId, EventKind, NodeId, Refusal, SessionId,
    UserId,
    announcement::Presence,
    change::MarkState,
    ports::{Connection, Ticket},
};

use super::world::World;
use crate::harness::Harness;

/// A lease that outlives the test, milliseconds.
const LONG_MS: u64 = 60_000;

fn connection(world: &World, user: UserId, node: NodeId, active: bool) -> Connection {
    let connection = ConnectionId::new(world.now_ms(), &world.random());
    Connection { connection, user, session: SessionId::from_u128(1), node, active }
}

async fn put(world: &World, connection: &Connection) -> Vec<(UserId, Presence)> {
    let lease_until = world.now_ms() + LONG_MS;
    world.backend.directory.put(vec![connection.clone()], lease_until).await.expect("put")
}

async fn remove(world: &World, connection: &Connection) -> Vec<(UserId, Presence)> {
    let key = (connection.user, connection.connection);
    world.backend.directory.remove(vec![key], world.now_ms()).await.expect("remove")
}

async fn presence(world: &World, user: UserId) -> Presence {
    let found = world.backend.directory.presence(&[user], world.now_ms()).await.expect("presence");
    assert_eq!(found.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [user]);
    found[0].1
}

fn is_offline(presence: Presence) -> bool {
    matches!(presence, Presence::Offline { .. })
}

async fn interested(world: &World, announcement: Announcement) -> Vec<NodeId> {
    let asked = [Arc::new(announcement)];
    let mut nodes = world.backend.directory.interested(&asked).await.expect("interested");
    assert_eq!(nodes.len(), 1);
    nodes.remove(0)
}

/// Online while any connection is active, away while there are only others, else offline; changes are told once.
pub async fn presence_follows_the_connections(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let node = world.backend.nodes[0];
    assert_eq!(presence(&world, alice).await, Presence::Offline { last_seen: None });
    let phone = connection(&world, alice, node, true);
    assert_eq!(put(&world, &phone).await, [(alice, Presence::Online)]);
    assert_eq!(put(&world, &phone).await, [], "a renewal is no news");
    let desk = connection(&world, alice, node, false);
    assert_eq!(put(&world, &desk).await, []);
    assert_eq!(presence(&world, alice).await, Presence::Online);
    let idle = Connection { active: false, ..phone.clone() };
    assert_eq!(put(&world, &idle).await, [(alice, Presence::Away)]);
    assert_eq!(presence(&world, alice).await, Presence::Away);
    assert_eq!(put(&world, &phone).await, [(alice, Presence::Online)]);
    assert_eq!(remove(&world, &phone).await, [(alice, Presence::Away)]);
    let gone = remove(&world, &desk).await;
    assert!(matches!(gone.as_slice(), [(user, Presence::Offline { last_seen: Some(_) })] if *user == alice));
    assert!(matches!(presence(&world, alice).await, Presence::Offline { last_seen: Some(_) }));
    assert_eq!(remove(&world, &desk).await, [], "removing again is no news");
}

/// Expired leases are left out, whether anybody removed them or not.
pub async fn a_lease_that_runs_out_counts_for_nothing(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let node = world.backend.nodes[0];
    let now_ms = world.now_ms();
    let (short, long) = (connection(&world, alice, node, true), connection(&world, bob, node, true));
    world.backend.directory.put(vec![short.clone()], now_ms + 5_000).await.expect("put");
    world.backend.directory.put(vec![long], now_ms + 50_000).await.expect("put");
    let at = async |ms| {
        let found = world.backend.directory.presence(&[bob, alice], now_ms + ms).await.expect("presence");
        assert_eq!(found.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [bob, alice]);
        (found[0].1, found[1].1)
    };
    assert_eq!(at(4_999).await, (Presence::Online, Presence::Online));
    let (bobs, alices) = at(5_001).await;
    assert!(bobs == Presence::Online && is_offline(alices), "{bobs:?} {alices:?}");
    world.backend.directory.put(vec![short], now_ms + 20_000).await.expect("put");
    assert_eq!(at(5_001).await.1, Presence::Online, "renewed");
}

/// A ticket is good once: the first caller gets it, nobody else (D7).
pub async fn a_ticket_is_taken_once(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let now_ms = world.now_ms();
    let ticket = Ticket { user: alice, session: SessionId::from_u128(9), expires_at: now_ms + 30_000 };
    let directory = world.backend.directory.clone();
    directory.put_ticket([1; 32], ticket).await.expect("put ticket");
    assert_eq!(directory.take_ticket(&[2; 32], now_ms).await.expect("take ticket"), None);
    let takers: Vec<_> = (0..8)
        .map(|_| {
            let directory = directory.clone();
            tokio::spawn(async move { directory.take_ticket(&[1; 32], now_ms).await.expect("take ticket") })
        })
        .collect();
    let mut taken = Vec::new();
    for taker in takers {
        taken.extend(taker.await.expect("a taker"));
    }
    assert_eq!(taken, [ticket]);
}

/// A ticket out of date is good for nothing.
pub async fn an_expired_ticket_is_worth_nothing(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let now_ms = world.now_ms();
    let ticket =
        Ticket { user: UserId::from_u128(1), session: SessionId::from_u128(9), expires_at: now_ms + 10 };
    world.backend.directory.put_ticket([1; 32], ticket).await.expect("put ticket");
    let late = world.backend.directory.take_ticket(&[1; 32], now_ms + 11).await.expect("take ticket");
    assert_eq!(late, None);
}

/// An event is for the nodes that hold members, and for one that holds a member it removes (D4).
pub async fn an_event_is_for_the_nodes_of_its_members(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let nodes = world.backend.nodes.clone();
    for (user, node) in [alice, bob].into_iter().zip(nodes.iter().cycle()) {
        put(&world, &connection(&world, user, *node, true)).await;
        world.backend.directory.subscribe(*node, &[group]).await.expect("subscribe");
    }
    let said = world.say(group, alice, "hello").await;
    let event = world.row(group, said).await.event;
    let told = interested(&world, Announcement::Event { event: Box::new(event), ordinal: 1 }).await;
    assert!(nodes.iter().all(|node| told.contains(node)), "{nodes:?} {told:?}");
    let removed = world.applied(group, alice, Command::RemoveMember { user: bob }).await;
    let event = world.row(group, removed).await.event;
    assert_eq!(event.kind, EventKind::MemberRemoved { user: bob });
    let told = interested(&world, Announcement::Event { event: Box::new(event), ordinal: 1 }).await;
    assert!(nodes.iter().all(|node| told.contains(node)), "{nodes:?} {told:?}");
}

/// News of one person are for the nodes that hold that person.
pub async fn news_of_a_person_are_for_that_persons_nodes(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let node = *world.backend.nodes.last().expect("a node");
    put(&world, &connection(&world, bob, node, true)).await;
    world.backend.directory.subscribe(node, &[group]).await.expect("subscribe");
    let failed = Announcement::Failed {
        user: bob,
        conversation: group,
        command_id: CommandId::from_u128(1),
        refusal: Refusal::DeadLettered,
    };
    let ended = Announcement::SessionsEnded { user: bob, sessions: vec![SessionId::from_u128(1)] };
    let state = MarkState { read: 1, read_ordinal: 0, delivered: 1 };
    let marks = |to_all| Announcement::Marks { conversation: group, user: bob, state, to_all };
    let typing = Announcement::Typing { conversation: group, user: alice };
    for news in [failed, ended, marks(true), marks(false), typing] {
        let told = interested(&world, news.clone()).await;
        assert!(told.contains(&node), "{news:?}: {told:?}");
    }
}

/// One answer per announcement, in the order asked.
pub async fn recipients_come_in_the_order_asked(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let nodes = world.backend.nodes.clone();
    put(&world, &connection(&world, alice, nodes[0], true)).await;
    put(&world, &connection(&world, bob, nodes[nodes.len() - 1], true)).await;
    let news = |user| Arc::new(Announcement::SessionsEnded { user, sessions: vec![] });
    let told = world.backend.directory.interested(&[news(bob), news(alice)]).await.expect("interested");
    assert_eq!(told.len(), 2);
    assert!(told[0].contains(&nodes[nodes.len() - 1]) && told[1].contains(&nodes[0]), "{told:?}");
    assert_eq!(world.backend.directory.interested(&[]).await.expect("interested"), Vec::<Vec<NodeId>>::new());
    let nobody = ConversationId::from_u128(404);
    world.backend.directory.subscribe(nodes[0], &[nobody]).await.expect("subscribe");
}
