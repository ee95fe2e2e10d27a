//! The way from accepted to announced over a backend, with faults between it and the pipeline.
//! Guarantees D1, D2, D3 and D5 where they can be seen without a network.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chat::{
    Announcement, CommandId, ConversationId, Envelope, Needs, Outcome, Refusal, UserId,
    ports::{Append, AppendOutcome, Queue, Settlement, Store},
};
use pipeline::{
    Persister, Progress,
    dead_letters::{self, Selection},
};

use super::world::{World, message};
use crate::{
    faulty::{FaultPlan, Faults, Faulty, Poison},
    harness::{Backend, Harness},
};

/// Longest wait for a delayed retry.
const WAIT: Duration = Duration::from_secs(2);

fn with_faults(backend: &Backend, plan: FaultPlan) -> (Backend, Arc<Faults>) {
    let faults = Arc::new(Faults::new(plan));
    let backend = Backend {
        store: Arc::new(Faulty::new(backend.store.clone(), faults.clone())),
        messages: Arc::new(Faulty::new(backend.messages.clone(), faults.clone())),
        notifications: Arc::new(Faulty::new(backend.notifications.clone(), faults.clone())),
        ..backend.clone()
    };
    (backend, faults)
}

fn persister(backend: &Backend) -> Persister {
    backend.persister(WAIT, Arc::new(|_, _| {}))
}

/// Steps until nothing waits, whatever fails on the way. Returns the sum of what was done.
async fn run_dry(persister: &Persister, messages: &dyn Queue<Envelope>) -> Progress {
    let mut sum = Progress::default();
    for _ in 0..500 {
        let depth = messages.depth().await.expect("depth");
        if depth.waiting + depth.in_flight == 0 {
            return sum;
        }
        if let Ok(progress) = persister.step().await {
            sum.stored += progress.stored;
            sum.duplicates += progress.duplicates;
            sum.refused += progress.refused;
            sum.dead += progress.dead;
        }
    }
    panic!("the queue does not run dry");
}

async fn announced(backend: &Backend) -> Vec<Announcement> {
    let mut all = Vec::new();
    loop {
        let leases = backend.notifications.lease(1_000, Duration::ZERO).await.expect("lease");
        if leases.is_empty() {
            return all;
        }
        let done = leases.iter().map(|lease| (lease.id.clone(), Settlement::Done)).collect();
        backend.notifications.settle(done).await.expect("settle");
        all.extend(leases.into_iter().map(|lease| lease.body));
    }
}

async fn commands_in(world: &World, conversation: ConversationId) -> Vec<CommandId> {
    world.log(conversation).await.into_iter().skip(1).map(|row| row.event.command_id).collect()
}

fn messages(world: &World, conversation: ConversationId, actor: UserId, count: usize) -> Vec<Envelope> {
    (0..count)
        .map(|number| world.envelope(conversation, actor, message(&format!("message {number}"))))
        .collect()
}

fn ids(envelopes: &[Envelope]) -> Vec<CommandId> {
    envelopes.iter().map(|envelope| envelope.command_id).collect()
}

/// A poison command goes to the dead letters at once and drags nobody along; its sender is told; sent again after it
/// is healed it is applied once, at the end (D2, D3, D5).
pub async fn a_poison_command_drags_nobody_along(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let (one, two) = (world.group(alice, &[bob]).await, world.group(bob, &[]).await);
    let (in_one, in_two) = (messages(&world, one, alice, 5), messages(&world, two, bob, 3));
    let (faulty, faults) = with_faults(&world.backend, FaultPlan::default());
    let poison = in_one[2].command_id;
    faults.poison(poison, Poison::Permanent);
    let persister = persister(&faulty);
    let batch = in_one.iter().chain(&in_two).cloned().collect();
    world.backend.commands.submit(batch).await.expect("submit");
    let progress = run_dry(&persister, &*world.backend.messages).await;
    assert_eq!((progress.stored, progress.dead), (7, 1));
    let mut wanted = ids(&in_one);
    wanted.remove(2);
    assert_eq!(commands_in(&world, one).await, wanted);
    assert_eq!(commands_in(&world, two).await, ids(&in_two));
    let letters = dead_letters::list(&*world.backend.messages, None, 10).await.expect("list");
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].command_id, letters[0].what), (Some(poison), "sendMessage"));
    assert!(letters[0].reason.contains("poison"), "{}", letters[0].reason);
    let failed = Announcement::Failed {
        user: alice,
        conversation: one,
        command_id: poison,
        refusal: Refusal::DeadLettered,
    };
    assert_eq!(world.store().failures(alice).await.expect("failures"), std::slice::from_ref(&failed));
    assert!(announced(&world.backend).await.contains(&failed));
    faults.heal();
    let queue = &*world.backend.messages;
    assert_eq!(dead_letters::redrive(queue, Selection::All).await.expect("redrive"), 1);
    assert_eq!(dead_letters::redrive(queue, Selection::All).await.expect("redrive"), 0);
    run_dry(&persister, queue).await;
    wanted.push(poison);
    assert_eq!(commands_in(&world, one).await, wanted);
}

/// Every event and every refusal is told, in order (D4, D5).
pub async fn everything_that_happens_is_told(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, eve] = world.users(["alice", "eve"]).await;
    let group = world.group(alice, &[]).await;
    let (sent, refused) = (messages(&world, group, alice, 3), messages(&world, group, eve, 1));
    let batch = sent.iter().chain(&refused).cloned().collect();
    world.backend.commands.submit(batch).await.expect("submit");
    run_dry(&persister(&world.backend), &*world.backend.messages).await;
    let told = announced(&world.backend).await;
    assert_eq!(told.iter().filter_map(Announcement::seq).collect::<Vec<_>>(), [2, 3, 4]);
    let log = world.log(group).await;
    for (announcement, row) in told.iter().zip(&log[1..]) {
        let Announcement::Event { event, ordinal } = announcement else { panic!("{announcement:?}") };
        assert_eq!((&**event, *ordinal), (&row.event, row.ordinal));
    }
    let failed = Announcement::Failed {
        user: eve,
        conversation: group,
        command_id: refused[0].command_id,
        refusal: Refusal::ConversationNotFound,
    };
    assert!(told.contains(&failed), "{told:?}");
}

/// A worker died after its append and before telling anybody: whoever finds the command stored tells of it (D2, D4).
pub async fn a_command_found_stored_is_told_again(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    let envelope = messages(&world, group, alice, 1).remove(0);
    world.backend.commands.submit(vec![envelope.clone()]).await.expect("submit");
    let leases = world.backend.messages.lease(10, WAIT).await.expect("lease");
    let mut needs = Needs::default();
    needs.add(&envelope);
    let mut view = world.store().load(vec![(group, needs)]).await.expect("load").remove(0);
    assert_eq!(view.execute(&envelope), Outcome::Applied { seq: 2 });
    let effects = view.into_effects().expect("an event");
    let written = world.store().append(vec![Append { effects }]).await.expect("append");
    assert_eq!(written, [AppendOutcome::Written]);
    let settlement = Settlement::RetryAfter(Duration::ZERO);
    world.backend.messages.settle(vec![(leases[0].id.clone(), settlement)]).await.expect("settle");
    let progress = run_dry(&persister(&world.backend), &*world.backend.messages).await;
    assert_eq!((progress.stored, progress.duplicates), (0, 1));
    let told: Vec<_> = announced(&world.backend).await.iter().filter_map(Announcement::seq).collect();
    assert_eq!(told, [2]);
    assert_eq!(world.log(group).await.len(), 2);
}

/// Whatever fails for the moment, everything is applied once and in order, and told at least once (D1, D2, D3).
pub async fn everything_arrives_once_and_in_order_through_faults(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let groups = [world.group(alice, &[]).await, world.group(alice, &[]).await];
    let sent = groups.map(|group| messages(&world, group, alice, 12));
    let plan = FaultPlan {
        seed: 11,
        transient_per_mille: 100,
        lost_answer_per_mille: 100,
        throttle_per_mille: 50,
        conflict_per_mille: 150,
        ..FaultPlan::default()
    };
    let (faulty, _) = with_faults(&world.backend, plan);
    let persister = persister(&faulty);
    for (one, two) in sent[0].iter().zip(&sent[1]) {
        // The same command twice now and then, as a client does that missed its answer.
        let batch = vec![one.clone(), two.clone(), one.clone()];
        world.backend.commands.submit(batch).await.expect("submit");
        drop(persister.step().await);
    }
    run_dry(&persister, &*world.backend.messages).await;
    let told = announced(&world.backend).await;
    for (group, sent) in groups.into_iter().zip(&sent) {
        assert_eq!(commands_in(&world, group).await, ids(sent));
        let seqs: BTreeSet<u64> = told
            .iter()
            .filter(|announcement| announcement.conversation() == Some(group))
            .filter_map(Announcement::seq)
            .collect();
        assert_eq!(seqs, (2..14).collect());
    }
    let letters = dead_letters::list(&*world.backend.messages, None, 10).await.expect("list");
    assert_eq!(letters, vec![]);
}

/// Several persisters share the work and write every command once (D2, D3).
pub async fn persisters_beside_each_other_write_everything_once(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let mut groups = Vec::new();
    for _ in 0..4 {
        groups.push(world.group(alice, &[]).await);
    }
    let sent: Vec<Vec<Envelope>> = groups.iter().map(|group| messages(&world, *group, alice, 30)).collect();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let persister = world.backend.persister(Duration::from_millis(300), Arc::new(|_, _| {}));
            tokio::spawn(async move { while persister.step().await.expect("step").leased > 0 {} })
        })
        .collect();
    for at in 0..30 {
        let batch = sent.iter().map(|envelopes| envelopes[at].clone()).collect();
        world.backend.commands.submit(batch).await.expect("submit");
    }
    for worker in workers {
        worker.await.expect("a worker");
    }
    run_dry(&persister(&world.backend), &*world.backend.messages).await;
    for (group, sent) in groups.into_iter().zip(&sent) {
        assert_eq!(commands_in(&world, group).await, ids(sent));
    }
}

/// A decorated store is the same store: without faults nothing differs.
pub async fn decorators_without_faults_change_nothing(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let (faulty, _) = with_faults(&world.backend, FaultPlan::default());
    let (inner, outer): (Arc<dyn Store>, Arc<dyn Store>) = (world.backend.store.clone(), faulty.store);
    assert_eq!((inner.capabilities(), inner.epoch()), (outer.capabilities(), outer.epoch()));
    assert_eq!(world.backend.messages.capabilities(), faulty.messages.capabilities());
    let alice = world.user("alice").await;
    assert_eq!(inner.account(alice).await.expect("account"), outer.account(alice).await.expect("account"));
}
