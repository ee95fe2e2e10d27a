//! The notifier when nodes fail: in order for each node, around what cannot be told.
//! A node that cannot be reached is skipped, because its clients sync (D4).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chat::{
    Announcement, CommandId, ConversationId, Event, EventKind, NodeId, TimestampMs, UserId,
    account::SecretHash,
    announcement::Presence,
    limits::ATTEMPTS_MAX,
    ports::{Announcer, Connection, DeadLetter, Directory, ErrorKind, Item, PortError, Queue, Ticket},
};
use conformance::{dice::Dice, faulty::FaultPlan, model::QueueOptions};
use pipeline::{Notifier, NotifierOptions};

use crate::scene::{LEASE_WAIT, Scene};

const ONE: NodeId = NodeId::from_u128(1);
const TWO: NodeId = NodeId::from_u128(2);

/// Two nodes that everything is for; each call answers as the test says.
struct Nodes {
    heard: Mutex<BTreeMap<NodeId, Vec<(u128, u64)>>>,
    answer: fn(NodeId, &[Arc<Announcement>]) -> Option<ErrorKind>,
}

#[async_trait]
impl Announcer for Nodes {
    async fn announce(&self, node: NodeId, batch: Vec<Arc<Announcement>>) -> Result<(), PortError> {
        if let Some(kind) = (self.answer)(node, &batch) {
            return Err(PortError::new(kind, "nodes.announce"));
        }
        let mut heard = self.heard.lock().expect("no node panicked");
        heard.entry(node).or_default().extend(batch.iter().map(|news| name(news)));
        Ok(())
    }
}

#[async_trait]
impl Directory for Nodes {
    async fn put(&self, _: Vec<Connection>, _: TimestampMs) -> Result<Vec<(UserId, Presence)>, PortError> {
        Ok(Vec::new())
    }
    async fn remove(
        &self,
        _: Vec<(UserId, chat::ConnectionId)>,
        _: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        Ok(Vec::new())
    }
    async fn presence(&self, _: &[UserId], _: TimestampMs) -> Result<Vec<(UserId, Presence)>, PortError> {
        Ok(Vec::new())
    }
    async fn interested(&self, news: &[Arc<Announcement>]) -> Result<Vec<Vec<NodeId>>, PortError> {
        Ok(news.iter().map(|_| vec![ONE, TWO]).collect())
    }
    async fn subscribe(&self, _: NodeId, _: &[ConversationId]) -> Result<(), PortError> {
        Ok(())
    }
    async fn put_ticket(&self, _: SecretHash, _: Ticket) -> Result<(), PortError> {
        Ok(())
    }
    async fn take_ticket(&self, _: &SecretHash, _: TimestampMs) -> Result<Option<Ticket>, PortError> {
        Ok(None)
    }
}

fn name(news: &Announcement) -> (u128, u64) {
    (news.conversation().map_or(0, ConversationId::as_u128), news.seq().unwrap_or_default())
}

fn news(conversation: u128, seq: u64) -> Item<Announcement> {
    let event = Event {
        conversation: ConversationId::from_u128(conversation),
        seq,
        at: 1,
        actor: UserId::from_u128(1),
        command_id: CommandId::from_u128(u128::from(seq)),
        kind: EventKind::Deleted { target: 1 },
    };
    let body = Announcement::Event { event: Box::new(event), ordinal: 0 };
    Item { group: conversation, dedup: 0, body }
}

struct Stage {
    scene: Scene,
    nodes: Arc<Nodes>,
    notifier: Notifier,
}

impl Stage {
    async fn new(answer: fn(NodeId, &[Arc<Announcement>]) -> Option<ErrorKind>) -> Stage {
        let scene = Scene::new(QueueOptions::default(), FaultPlan::default()).await;
        let nodes = Arc::new(Nodes { heard: Mutex::default(), answer });
        let notifier = Notifier::new(
            Arc::new(scene.model.notifications.clone()),
            nodes.clone(),
            nodes.clone(),
            scene.model.clock.clone(),
            Arc::new(Dice::new(5)),
            NotifierOptions { lease_wait: LEASE_WAIT, ..NotifierOptions::default() },
        );
        Stage { scene, nodes, notifier }
    }

    async fn send(&self, items: Vec<Item<Announcement>>) {
        self.scene.model.notifications.send(items).await.expect("the model never fails");
    }

    async fn run_dry(&self) {
        for _ in 0..100 {
            let depth = self.scene.model.notifications.depth().await.expect("the model never fails");
            if depth.waiting + depth.in_flight == 0 {
                return;
            }
            self.notifier.step().await.expect("step");
        }
        panic!("the queue does not run dry");
    }

    fn heard(&self, node: NodeId) -> Vec<(u128, u64)> {
        self.nodes.heard.lock().expect("no node panicked").get(&node).cloned().unwrap_or_default()
    }

    async fn dead(&self) -> Vec<((u128, u64), u32)> {
        let letters = self.scene.model.notifications.dead_letters(None, 100).await;
        let letters = letters.expect("the model never fails");
        let line = |letter: &DeadLetter<Announcement>| {
            (name(letter.body.as_ref().expect("the model's letters read")), letter.attempts)
        };
        letters.iter().map(line).collect()
    }
}

/// Every node hears everything that is for it, each conversation in order.
#[tokio::test(start_paused = true)]
async fn every_node_hears_everything_in_order() {
    let stage = Stage::new(|_, _| None).await;
    stage.send((1..=50).flat_map(|seq| [news(7, seq), news(8, seq)]).collect()).await;
    stage.run_dry().await;
    for node in [ONE, TWO] {
        for conversation in [7, 8] {
            let heard: Vec<u64> =
                stage.heard(node).iter().filter(|(of, _)| *of == conversation).map(|(_, seq)| *seq).collect();
            assert_eq!(heard, (1..=50).collect::<Vec<_>>());
        }
    }
}

/// D4: a node that cannot be reached is skipped at once; the others hear everything and nothing is tried again.
#[tokio::test(start_paused = true)]
async fn d4_a_node_out_of_reach_is_skipped() {
    let stage = Stage::new(|node, _| (node == ONE).then_some(ErrorKind::Unavailable)).await;
    stage.send((1..=5).map(|seq| news(7, seq)).collect()).await;
    let progress = stage.notifier.step().await.expect("step");
    assert_eq!((progress.announced, progress.retried, progress.dead), (5, 0, 0));
    assert_eq!((stage.heard(ONE).len(), stage.heard(TWO).len()), (0, 5));
}

/// A node that is too busy is told later, and in order; whoever was told already hears some news twice.
#[tokio::test(start_paused = true)]
async fn a_busy_node_is_told_later() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let stage = Stage::new(|node, _| {
        let busy = node == ONE && CALLS.fetch_add(1, Ordering::Relaxed) < 15;
        busy.then_some(ErrorKind::Overloaded)
    })
    .await;
    stage.send((1..=4).map(|seq| news(7, seq)).collect()).await;
    stage.run_dry().await;
    assert_eq!(stage.heard(ONE), [(7, 1), (7, 2), (7, 3), (7, 4)]);
    assert!(stage.heard(TWO).starts_with(&[(7, 1), (7, 2), (7, 3), (7, 4)]), "{:?}", stage.heard(TWO));
    assert_eq!(stage.dead().await, vec![]);
}

/// D5: what a node can never take is given up alone; everything around it is told.
#[tokio::test(start_paused = true)]
async fn d5_what_can_never_be_told_is_given_up_alone() {
    let stage =
        Stage::new(|_, batch| batch.iter().any(|news| name(news) == (7, 3)).then_some(ErrorKind::Invalid))
            .await;
    stage.send((1..=5).flat_map(|seq| [news(7, seq), news(8, seq)]).collect()).await;
    stage.run_dry().await;
    assert_eq!(stage.dead().await, [((7, 3), 1)]);
    assert_eq!(stage.heard(ONE).len(), 9);
    assert_eq!(stage.heard(TWO).len(), 9);
}

/// D5: what a node never takes for the moment is given up after its attempts; those behind it are told.
#[tokio::test(start_paused = true)]
async fn d5_what_is_never_taken_is_given_up_after_its_attempts() {
    let stage =
        Stage::new(|_, batch| batch.iter().any(|news| name(news) == (7, 1)).then_some(ErrorKind::Overloaded))
            .await;
    stage.send(vec![news(7, 1), news(8, 1)]).await;
    stage.run_dry().await;
    assert_eq!(stage.dead().await, [((7, 1), ATTEMPTS_MAX)]);
    assert!(stage.heard(ONE).contains(&(8, 1)));
    stage.send(vec![news(7, 2)]).await;
    stage.run_dry().await;
    assert!(stage.heard(TWO).contains(&(7, 2)));
}

/// A shutdown ends an idle notifier, where leases expire, after the look under way.
#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_an_idle_notifier() {
    let stage = Stage::new(|_, _| None).await;
    let before = tokio::time::Instant::now();
    stage.notifier.run(tokio::time::sleep(Duration::from_secs(5))).await;
    assert_eq!(before.elapsed(), LEASE_WAIT);
}
