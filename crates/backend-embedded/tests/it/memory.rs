//! Memory stays bounded however much waits (D6), and nothing is lost or reordered by it.
//! The bound is lowered so that a small backlog is far above it.

use std::{collections::BTreeMap, time::Duration};

use backend_embedded::Config;
use chat::{
    ConversationId,
    ports::{EventsQuery, Settlement},
};

use crate::support::{World, dump, message, open, small, user};

const BOUND: usize = 128 * 1024;

async fn world(rooms: u128) -> (World, Vec<ConversationId>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let world = open(Config { queue_memory_bytes: BOUND, ..small(folder.path()) });
    let mut all = Vec::new();
    for room in 0..rooms {
        all.push(world.create(900 + room, chat::ConversationKind::Group, user(1), &[]).await);
    }
    (world, all, folder)
}

fn assert_bounded(world: &World) {
    let bytes = world.backend.gauges().commands_memory_bytes;
    // One batch read back may come on top.
    assert!(bytes <= 2 * BOUND as u64 + 1_500_000, "{bytes} bytes");
}

async fn ids(world: &World, room: ConversationId) -> Vec<u128> {
    let page = world.store.events(room, EventsQuery::After(1), usize::MAX, usize::MAX).await.unwrap();
    page.rows.iter().map(|row| row.event.command_id.as_u128()).collect()
}

#[tokio::test]
async fn d6_a_backlog_waits_in_the_journal_and_comes_out_in_order() {
    let (world, rooms, _folder) = world(3).await;
    let body = "x".repeat(200);
    for first in (0..30_000_u128).step_by(500) {
        let envelopes = (first..first + 500).map(|id| {
            let room = rooms[usize::try_from(id % 3).unwrap()];
            message(room, user(1), 1_000_000 + id, &body)
        });
        world.send(envelopes.collect()).await;
        assert!(world.backend.gauges().commands_memory_bytes <= BOUND as u64);
    }
    assert_eq!(world.messages.depth().await.unwrap().waiting, 30_000);
    let mut applied = 0;
    while applied < 30_000 {
        let leases = world.messages.lease(1_000, Duration::ZERO).await.unwrap();
        assert_bounded(&world);
        let (ids, outcomes) = world.decide(leases).await;
        assert!(!ids.is_empty(), "{applied} applied");
        applied += outcomes.len();
        world.messages.settle(ids.into_iter().map(|id| (id, Settlement::Done)).collect()).await.unwrap();
    }
    for (index, room) in (0_u128..).zip(rooms) {
        let wanted: Vec<u128> = (0..30_000).filter(|id| id % 3 == index).map(|id| 1_000_000 + id).collect();
        assert_eq!(ids(&world, room).await, wanted);
    }
    assert_eq!(world.messages.depth().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn d6_and_d5_followers_of_a_retry_wait_on_disk_while_others_go_on() {
    let (world, rooms, _folder) = world(2).await;
    let (stuck, free) = (rooms[0], rooms[1]);
    world.send(vec![message(stuck, user(1), 1, "poison for now")]).await;
    let leases = world.messages.lease(1, Duration::ZERO).await.unwrap();
    let retry = Settlement::RetryAfter(Duration::from_millis(400));
    world.messages.settle(vec![(leases[0].id.clone(), retry)]).await.unwrap();
    let body = "x".repeat(200);
    let mut applied = BTreeMap::new();
    for first in (10..6_010_u128).step_by(500) {
        world.send((first..first + 500).map(|id| message(stuck, user(1), id, &body)).collect()).await;
        world.send(vec![message(free, user(1), first, "on time")]).await;
        assert_bounded(&world);
        let leases = world.messages.lease(64, Duration::ZERO).await.unwrap();
        if leases.iter().any(|lease| lease.body.conversation == stuck) {
            // A slow machine: the retry has come before the followers were all sent.
            let again = Settlement::RetryAfter(Duration::from_millis(400));
            let ids = leases.into_iter().map(|lease| (lease.id, again.clone()));
            world.messages.settle(ids.collect()).await.unwrap();
            continue;
        }
        let (ids, outcomes) = world.decide(leases).await;
        applied.extend(outcomes.into_iter().map(|(envelope, outcome)| (envelope.command_id, outcome)));
        world.messages.settle(ids.into_iter().map(|id| (id, Settlement::Done)).collect()).await.unwrap();
    }
    assert!(!applied.is_empty(), "the free conversation goes on");
    loop {
        let leases = world.messages.lease(500, Duration::from_secs(2)).await.unwrap();
        if leases.is_empty() {
            break;
        }
        let (ids, _) = world.decide(leases).await;
        world.messages.settle(ids.into_iter().map(|id| (id, Settlement::Done)).collect()).await.unwrap();
    }
    let wanted: Vec<u128> = std::iter::once(1).chain(10..6_010).collect();
    assert_eq!(ids(&world, stuck).await, wanted);
}

#[tokio::test]
async fn d8_and_d6_a_backlog_survives_a_crash_in_order() {
    let (world, rooms, _folder) = world(3).await;
    let body = "x".repeat(200);
    for first in (0..20_000_u128).step_by(500) {
        let of = |id: u128| message(rooms[usize::try_from(id % 3).unwrap()], user(1), 1_000_000 + id, &body);
        world.send((first..first + 500).map(of).collect()).await;
    }
    let killed = world.killed();
    let world = open(world.configured_for(killed.path()));
    assert_bounded(&world);
    world.persist_all().await;
    for (index, room) in (0_u128..).zip(&rooms) {
        let wanted: Vec<u128> = (0..20_000).filter(|id| id % 3 == index).map(|id| 1_000_000 + id).collect();
        assert_eq!(ids(&world, *room).await, wanted);
    }
    let config = world.config.clone();
    drop(world);
    let before = dump(&config);
    std::fs::remove_dir_all(config.data.join("store")).unwrap();
    drop(open(config.clone()));
    assert!(dump(&config) == before);
}
