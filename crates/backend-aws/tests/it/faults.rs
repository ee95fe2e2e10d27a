//! The whole way of messages while the services fail: everything is stored once, without gaps, in order, and told.
//! Guarantees D1, D2, D3, D4 and D5.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chat::{
    Announcement, CommandId, ConversationId, Envelope,
    ports::{Append, AppendOutcome, LeaseId, Settlement},
};
use conformance::{
    harness::Backend,
    suite::world::{World, message},
};

use crate::harness::{LEASE, backend, faulty_sdk, fresh_names, open, open_by, options};

const CONVERSATIONS: usize = 4;
const MESSAGES: usize = 16;
/// Receives that a slow machine with many faults does not reach.
const RECEIVES_MAX: u32 = 100;
/// Longest time without anything new before a test gives up.
const PATIENCE: Duration = Duration::from_secs(90);

async fn told(backend: &Backend) -> Vec<Announcement> {
    let mut all = Vec::new();
    loop {
        let leases = backend.notifications.lease(10, Duration::from_secs(1)).await.expect("lease");
        if leases.is_empty() {
            return all;
        }
        let done: Vec<(LeaseId, Settlement)> =
            leases.iter().map(|lease| (lease.id.clone(), Settlement::Done)).collect();
        backend.notifications.settle(done).await.expect("settle");
        all.extend(leases.into_iter().map(|lease| lease.body));
    }
}

async fn stored(world: &World, conversation: ConversationId) -> Vec<CommandId> {
    let log = world.log(conversation).await;
    let seqs: Vec<u64> = log.iter().map(|row| row.event.seq).collect();
    assert_eq!(seqs, (1..=log.len() as u64).collect::<Vec<_>>(), "contiguous from 1");
    log.into_iter().skip(1).map(|row| row.event.command_id).collect()
}

/// A third of transactions throttled, most sends refused, answers lost: nothing is lost, doubled or out of order, and
/// nothing is given up (D1, D2, D3, D5).
#[tokio::test]
async fn everything_is_stored_once_and_in_order_while_the_services_fail() {
    let names = fresh_names(RECEIVES_MAX).await;
    let calm = open(&names, options()).await;
    let world = World::over(backend(&calm), 1);
    let alice = world.user("alice").await;
    let mut groups = Vec::new();
    for _ in 0..CONVERSATIONS {
        groups.push(world.group(alice, &[]).await);
    }
    let stormy = backend(&open_by(&faulty_sdk().await, &names, options()).await);
    let persister = stormy.persister(Duration::from_secs(1), Arc::new(|_, _| {}));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let working = tokio::spawn(async move { persister.run(async move { drop(stopped.await) }).await });

    let mut sent: BTreeMap<ConversationId, Vec<CommandId>> = BTreeMap::new();
    for number in 0..MESSAGES {
        let batch: Vec<Envelope> = groups
            .iter()
            .map(|group| world.envelope(*group, alice, message(&format!("message {number}"))))
            .collect();
        for envelope in &batch {
            sent.entry(envelope.conversation).or_default().push(envelope.command_id);
        }
        // As a client does: the same again until it is accepted.
        while stormy.commands.submit(batch.clone()).await.is_err() {}
    }
    let wanted = vec![1 + MESSAGES as u64; CONVERSATIONS];
    let reached = async {
        while world.store().heads(&groups).await.expect("heads") != wanted {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("everything is stored");
    let empty = async {
        while world.backend.messages.depth().await.expect("depth").waiting > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, empty).await.expect("resends are dealt with");
    drop(stop);
    working.await.expect("the persister ends");

    let told = told(&world.backend).await;
    for group in groups {
        assert_eq!(stored(&world, group).await, sent[&group]);
        let of_group = told.iter().filter(|news| news.conversation() == Some(group));
        let seqs: BTreeSet<u64> = of_group.filter_map(Announcement::seq).collect();
        assert_eq!(seqs, (2..=1 + MESSAGES as u64).collect(), "everything is told");
    }
    assert_eq!(world.backend.messages.dead_letters(None, 10).await.expect("dead letters"), vec![]);
}

/// A persister dies after its append and before it tells or settles: another process finds the commands when the
/// lease runs out, tells of them, and writes nothing twice (D2, D4).
#[tokio::test]
async fn what_a_dead_persister_had_stored_is_told_by_the_next() {
    let names = fresh_names(RECEIVES_MAX).await;
    let first = backend(&open(&names, options()).await);
    let world = World::over(first.clone(), 1);
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    let batch: Vec<Envelope> =
        (0..3).map(|number| world.envelope(group, alice, message(&format!("message {number}")))).collect();
    first.commands.submit(batch.clone()).await.expect("submit");
    let leases = first.messages.lease(10, Duration::from_secs(5)).await.expect("lease");
    let mut needs = chat::Needs::default();
    leases.iter().for_each(|lease| needs.add(&lease.body));
    let mut view = first.store.load(vec![(group, needs)]).await.expect("load").remove(0);
    for lease in &leases {
        view.execute(&lease.body);
    }
    let append = Append { effects: view.into_effects().expect("events to write") };
    assert_eq!(first.store.append(vec![append]).await.expect("append"), [AppendOutcome::Written]);
    // Here it dies: nothing is told, nothing is settled.
    drop((leases, first));

    let second = backend(&open(&names, options()).await);
    let persister = second.persister(LEASE + Duration::from_secs(10), Arc::new(|_, _| {}));
    let mut duplicates = 0;
    while duplicates < batch.len() {
        let progress = persister.step().await.expect("step");
        assert_ne!(progress.leased, 0, "the commands come again");
        assert_eq!(progress.stored, 0, "nothing is written twice");
        duplicates += progress.duplicates;
    }
    let told: Vec<u64> = told(&second).await.iter().filter_map(Announcement::seq).collect();
    assert_eq!(told, [2, 3, 4]);
    let ids: Vec<CommandId> = batch.iter().map(|envelope| envelope.command_id).collect();
    assert_eq!(stored(&World::over(second, 1_000), group).await, ids);
}
