//! Processes that end without a word: what they leased is free soon, whom they held sockets for is gone with them.
//! Two installations over the same names stand for two processes.

use std::time::{Duration, Instant};

use backend_aws::{Aws, Node};
use chat::{
    ConnectionId, ConversationId, NodeId, SessionId, UserId,
    announcement::Presence,
    ports::{Clock as _, Connection, Directory as _, Randomness as _},
};
use conformance::suite::world::{World, message};

use crate::harness::{SystemRandomness, WallClock, backend, fresh_names, open, options};

async fn two_processes() -> (Aws, Aws) {
    let names = fresh_names(10).await;
    (open(&names, options()).await, open(&names, options()).await)
}

fn random() -> [u8; 10] {
    let mut random = [0; 10];
    SystemRandomness.fill(&mut random);
    random
}

#[tokio::test]
async fn a_lease_lasts_while_it_is_renewed_and_no_longer() {
    let (one, other) = two_processes().await;
    let world = World::over(backend(&one), 1);
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    let envelope = world.envelope(group, alice, message("takes long"));
    world.backend.commands.submit(vec![envelope.clone()]).await.expect("submit");
    let leases = one.messages.lease(10, Duration::from_secs(10)).await.expect("lease");
    assert_eq!(leases.len(), 1);
    let renewing = tokio::spawn(one.leases.clone().keep());
    let looked = other.messages.lease(10, Duration::from_secs(8)).await.expect("lease");
    assert_eq!(looked, vec![], "the lease of five seconds has been renewed");
    renewing.abort();
    let looked = other.messages.lease(10, Duration::from_secs(10)).await.expect("lease");
    assert_eq!(looked.first().map(|lease| &lease.body), Some(&envelope), "and runs out without that");
}

#[tokio::test]
async fn who_was_connected_to_a_node_that_has_ended_is_offline_and_nobody_tells_it() {
    let (one, other) = two_processes().await;
    let node = NodeId::new(WallClock.now_ms(), &random());
    let user = UserId::new(WallClock.now_ms(), &random());
    let row = Node { node, address: Some("127.0.0.1:1".into()), sockets: 1, leaving: false };
    one.directory.keep_node(&row, WallClock.now_ms() + 2_500).await.expect("keep");
    let connection = ConnectionId::new(WallClock.now_ms(), &random());
    let held = Connection { connection, user, session: SessionId::from_u128(1), node, active: true };
    one.directory.put(vec![held], WallClock.now_ms() + 120_000).await.expect("put");

    let presence =
        async || other.directory.presence(&[user], WallClock.now_ms()).await.expect("presence")[0].1;
    let interested = async || {
        let marks = chat::Announcement::Typing { conversation: ConversationId::from_u128(1), user };
        let ended = chat::Announcement::SessionsEnded { user, sessions: vec![SessionId::from_u128(1)] };
        let asked = [std::sync::Arc::new(marks), std::sync::Arc::new(ended)];
        other.directory.interested(&asked).await.expect("interested").remove(1)
    };
    assert_eq!(presence().await, Presence::Online, "a node is known from its first moment (D4)");
    assert_eq!(interested().await, [node]);
    assert_eq!(other.directory.living().await.expect("living"), std::slice::from_ref(&row));

    let deadline = Instant::now() + Duration::from_secs(20);
    while presence().await == Presence::Online {
        assert!(Instant::now() < deadline, "online for as long as the connection's own lease");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(matches!(presence().await, Presence::Offline { last_seen: Some(_) }));
    assert_eq!(interested().await, []);
    one.directory.forget_node(node).await.expect("forget");
    assert!(matches!(presence().await, Presence::Offline { .. }));
}
