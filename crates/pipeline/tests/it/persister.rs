//! The persister when things fail: who waits, who is given up, who is told, and who is left in peace.
//! Faults by chance are the simulation's; here each has its own test.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chat::{
    Announcement, CommandId, Outcome, Refusal,
    limits::ATTEMPTS_MAX,
    ports::{
        DeadLetter, Depth, ErrorKind, Item, Lease, LeaseId, PortError, Queue, QueueCapabilities, Settlement,
        Store,
    },
};
use conformance::{
    faulty::{FaultPlan, Poison},
    model::{ModelQueue, QueueOptions},
};
use tokio::time::Instant;

use crate::scene::{LEASE_WAIT, Scene};

async fn scene() -> Scene {
    Scene::new(QueueOptions::default(), FaultPlan::default()).await
}

fn failed(scene: &Scene, conversation: chat::ConversationId, id: u128) -> Announcement {
    Announcement::Failed {
        user: scene.alice,
        conversation,
        command_id: CommandId::from_u128(id),
        refusal: Refusal::DeadLettered,
    }
}

/// A notifications queue that refuses what a test tells it to.
struct Picky {
    inner: ModelQueue<Announcement>,
    refuse: fn(&Announcement) -> Option<ErrorKind>,
    open: AtomicBool,
    refused: AtomicUsize,
}

impl Picky {
    fn new(scene: &Scene, refuse: fn(&Announcement) -> Option<ErrorKind>) -> Arc<Picky> {
        let inner = scene.model.notifications.clone();
        Arc::new(Picky { inner, refuse, open: AtomicBool::new(false), refused: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Queue<Announcement> for Picky {
    fn capabilities(&self) -> QueueCapabilities {
        self.inner.capabilities()
    }
    async fn send(&self, items: Vec<Item<Announcement>>) -> Result<(), PortError> {
        let refused = items.iter().find_map(|item| (self.refuse)(&item.body));
        if let Some(kind) = refused.filter(|_| !self.open.load(Ordering::Relaxed)) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(PortError::new(kind, "picky.send"));
        }
        self.inner.send(items).await
    }
    async fn lease(&self, max: usize, wait: Duration) -> Result<Vec<Lease<Announcement>>, PortError> {
        self.inner.lease(max, wait).await
    }
    async fn settle(&self, settlements: Vec<(LeaseId, Settlement)>) -> Result<(), PortError> {
        self.inner.settle(settlements).await
    }
    async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter<Announcement>>, PortError> {
        self.inner.dead_letters(after, limit).await
    }
    async fn redrive(&self, ids: &[String]) -> Result<usize, PortError> {
        self.inner.redrive(ids).await
    }
    async fn drop_dead(&self, ids: &[String]) -> Result<usize, PortError> {
        self.inner.drop_dead(ids).await
    }
    async fn depth(&self) -> Result<Depth, PortError> {
        self.inner.depth().await
    }
}

/// D5: a command that can never be stored is given up at the first try; those around it are stored in that step.
#[tokio::test(start_paused = true)]
async fn d5_a_permanent_failure_is_given_up_at_once_and_alone() {
    let scene = scene().await;
    let (one, two) = (scene.group(1).await, scene.group(2).await);
    scene.faults.poison(CommandId::from_u128(13), Poison::Permanent);
    scene.send(one, 10..30).await;
    scene.send(two, 40..45).await;
    let progress = scene.persister().step().await.expect("step");
    assert_eq!((progress.stored, progress.dead, progress.retried), (24, 1, 0));
    assert_eq!(scene.log(one).await, (10..30).filter(|id| *id != 13).collect::<Vec<_>>());
    assert_eq!(scene.log(two).await, (40..45).collect::<Vec<_>>());
    let dead = scene.dead().await;
    assert_eq!((dead.len(), dead[0].0, dead[0].1), (1, 13, 1));
    assert!(scene.announced().await.contains(&failed(&scene, one, 13)));
    let outcomes = scene.outcomes.lock().expect("no hook panicked");
    assert_eq!(outcomes[&CommandId::from_u128(13)], [Outcome::Refused(Refusal::DeadLettered)]);
}

/// D5: a command that always fails for the moment is given up after its attempts; nobody behind it is, and nobody
/// elsewhere waits for it.
#[tokio::test(start_paused = true)]
async fn d5_a_stuck_command_is_given_up_after_its_attempts_and_nobody_behind_it() {
    let scene = scene().await;
    let (one, two) = (scene.group(1).await, scene.group(2).await);
    scene.faults.poison(CommandId::from_u128(12), Poison::Transient);
    scene.send(one, 10..16).await;
    scene.send(two, 20..23).await;
    let persister = scene.persister();
    persister.step().await.expect("step");
    assert_eq!(scene.log(two).await, [20, 21, 22], "others do not wait");
    scene.run_dry(&persister).await;
    assert_eq!(scene.log(one).await, [10, 11, 13, 14, 15]);
    let dead = scene.dead().await;
    assert_eq!((dead.len(), dead[0].0, dead[0].1), (1, 12, ATTEMPTS_MAX));
    assert!(dead[0].2.contains("gave up after 10 attempts"), "{}", dead[0].2);
}

/// D5: several stuck commands behind each other each get their tries, and are given up one after the other.
#[tokio::test(start_paused = true)]
async fn d5_stuck_commands_behind_each_other_drag_nobody_along() {
    let scene = scene().await;
    let group = scene.group(1).await;
    for id in [10, 12, 13] {
        scene.faults.poison(CommandId::from_u128(id), Poison::Transient);
    }
    scene.send(group, 10..16).await;
    scene.run_dry(&scene.persister()).await;
    assert_eq!(scene.log(group).await, [11, 14, 15]);
    assert_eq!(scene.dead().await.iter().map(|dead| dead.0).collect::<Vec<_>>(), [10, 12, 13]);
}

/// D5, D6: while the store fails whatever is tried, commands keep their place and their attempts; nothing is given up.
#[tokio::test(start_paused = true)]
async fn d5_an_outage_gives_up_nobody() {
    let plan = FaultPlan { transient_per_mille: 1_000, ..FaultPlan::default() };
    let scene = Scene::new(QueueOptions::default(), plan).await;
    let mut groups = Vec::new();
    for number in 0..20 {
        groups.push(scene.group(number + 1).await);
        scene.send(groups[groups.len() - 1], (number * 100)..(number * 100 + 5)).await;
    }
    let persister = scene.persister();
    let outage = tokio::time::sleep(Duration::from_secs(60));
    persister.run(outage).await;
    assert_eq!(scene.dead().await, vec![]);
    scene.faults.calm();
    scene.run_dry(&persister).await;
    for (number, group) in (0..).zip(groups) {
        assert_eq!(scene.log(group).await, ((number * 100)..(number * 100 + 5)).collect::<Vec<u128>>());
    }
    assert_eq!(scene.dead().await, vec![]);
}

/// D6: a full notifications queue holds commands back; none is lost and each is told once there is room.
#[tokio::test(start_paused = true)]
async fn d6_a_full_notifications_queue_only_slows_down() {
    let scene = scene().await;
    let group = scene.group(1).await;
    let picky = Picky::new(&scene, |_| Some(ErrorKind::Overloaded));
    let persister = scene.persister_with(picky.clone());
    scene.send(group, 10..14).await;
    for _ in 0..30 {
        let progress = persister.step().await.expect("step");
        assert_eq!((progress.retried, progress.dead), (4, 0));
    }
    assert_eq!(scene.log(group).await, [10, 11, 12, 13]);
    picky.open.store(true, Ordering::Relaxed);
    scene.run_dry(&persister).await;
    let told: Vec<_> = scene.announced().await.iter().filter_map(Announcement::seq).collect();
    assert_eq!(told, [2, 3, 4, 5]);
    assert_eq!(scene.dead().await, vec![]);
}

/// D5: what is stored but can never be told is a dead letter that says so; its sender is not told that it failed.
#[tokio::test(start_paused = true)]
async fn d5_stored_news_that_cannot_be_told_are_a_dead_letter_of_their_own() {
    let scene = scene().await;
    let group = scene.group(1).await;
    let picky = Picky::new(&scene, |news| (news.seq() == Some(3)).then_some(ErrorKind::Invalid));
    let persister = scene.persister_with(picky.clone());
    scene.send(group, 10..14).await;
    scene.run_dry(&persister).await;
    assert_eq!(scene.log(group).await, [10, 11, 12, 13]);
    let dead = scene.dead().await;
    assert_eq!((dead.len(), dead[0].0), (1, 11));
    assert!(dead[0].2.starts_with("stored, but not announced"), "{}", dead[0].2);
    let failures = scene.model.store.failures(scene.alice).await.expect("the model never fails");
    assert_eq!(failures, vec![]);
    let mut told: Vec<_> = scene.announced().await.iter().filter_map(Announcement::seq).collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told, [2, 4, 5]);
    picky.open.store(true, Ordering::Relaxed);
    let ids: Vec<String> = scene
        .model
        .messages
        .dead_letters(None, 10)
        .await
        .expect("the model never fails")
        .into_iter()
        .map(|letter| letter.id)
        .collect();
    assert_eq!(scene.model.messages.redrive(&ids).await.expect("the model never fails"), 1);
    scene.run_dry(&persister).await;
    assert_eq!(scene.announced().await.iter().filter_map(Announcement::seq).collect::<Vec<_>>(), [3]);
    assert_eq!(scene.log(group).await.len(), 4, "told again, not stored again (D2)");
}

/// A conversation whose head moves all the time waits; the rest of the lease is stored.
#[tokio::test(start_paused = true)]
async fn a_conversation_that_never_holds_still_waits_alone() {
    let plan = FaultPlan { conflict_per_mille: 1_000, ..FaultPlan::default() };
    let scene = Scene::new(QueueOptions::default(), plan).await;
    let group = scene.group(1).await;
    scene.send(group, 10..14).await;
    let persister = scene.persister();
    let progress = persister.step().await.expect("step");
    assert_eq!((progress.retried, progress.stored, progress.dead), (4, 0, 0));
    scene.faults.calm();
    scene.run_dry(&persister).await;
    assert_eq!(scene.log(group).await, [10, 11, 12, 13]);
}

/// D6: a whole failing store is asked a bounded number of times for one lease.
#[tokio::test(start_paused = true)]
async fn d6_an_outage_costs_a_bounded_number_of_calls() {
    let plan = FaultPlan { transient_per_mille: 1_000, ..FaultPlan::default() };
    let scene = Scene::new(QueueOptions::default(), plan).await;
    for number in 0..200 {
        let group = scene.group(number + 1).await;
        scene.send(group, [number * 10, number * 10 + 1]).await;
    }
    let progress = scene.persister().step().await.expect("step");
    assert_eq!((progress.retried, progress.outage), (400, true));
}

/// A shutdown ends a busy persister after its step, and an idle one, where leases expire, after the look under way: what
/// that look takes would be kept from others otherwise.
#[tokio::test(start_paused = true)]
async fn a_shutdown_finishes_the_step_and_ends() {
    let scene = scene().await;
    let group = scene.group(1).await;
    let persister = scene.persister();
    let before = Instant::now();
    persister.run(tokio::time::sleep(Duration::from_secs(5))).await;
    assert_eq!(before.elapsed(), LEASE_WAIT, "the look that was under way");
    scene.send(group, 10..14).await;
    persister.run(tokio::time::sleep(Duration::from_secs(5))).await;
    assert_eq!(scene.log(group).await.len(), 4);
    let depth = scene.model.messages.depth().await.expect("the model never fails");
    assert_eq!((depth.waiting, depth.in_flight), (0, 0));
}

/// The hook hears of every durable outcome, applied, unchanged and refused alike.
#[tokio::test(start_paused = true)]
async fn the_hook_hears_of_every_outcome() {
    let scene = scene().await;
    let group = scene.group(1).await;
    scene.send(group, [10]).await;
    scene.send(chat::ConversationId::from_u128(404), [11]).await;
    scene.run_dry(&scene.persister()).await;
    let outcomes = scene.outcomes.lock().expect("no hook panicked");
    assert_eq!(outcomes[&CommandId::from_u128(10)], [Outcome::Applied { seq: 2 }]);
    assert_eq!(outcomes[&CommandId::from_u128(11)], [Outcome::Refused(Refusal::ConversationNotFound)]);
}
