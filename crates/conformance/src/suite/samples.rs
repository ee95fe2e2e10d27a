//! What the queue suite puts into queues, and the short ways in which it sends, leases and settles.
//! Does not know what a case asserts.

use std::{fmt::Debug, sync::Arc, time::Duration};

use chat::{
    Announcement, Command, CommandId, ConversationId, Envelope, Event, EventKind, UserId,
    ports::{DeadLetter, Item, Lease, Queue, Settlement},
};

use crate::harness::Backend;

/// Long enough that only a broken queue needs it.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Not waiting at all.
pub(super) const NOW: Duration = Duration::ZERO;

/// Something a queue carries, with its number.
pub trait Sample: Clone + PartialEq + Debug + Send + Sync + 'static {
    /// The `number`th thing of a group.
    fn sample(group: u128, number: u64) -> Self;
    /// The backend's queue of such things.
    fn queue(backend: &Backend) -> Arc<dyn Queue<Self>>;
}

impl Sample for Envelope {
    fn sample(group: u128, number: u64) -> Envelope {
        Envelope {
            conversation: ConversationId::from_u128(group),
            actor: UserId::from_u128(77),
            command_id: CommandId::from_u128(group << 32 | u128::from(number)),
            accepted_at: number,
            command: Command::Send {
                body: format!("number {number}"),
                reply_to: None,
                mentions: Vec::new(),
                attachments: Vec::new(),
            },
        }
    }

    fn queue(backend: &Backend) -> Arc<dyn Queue<Envelope>> {
        backend.messages.clone()
    }
}

impl Sample for Announcement {
    fn sample(group: u128, number: u64) -> Announcement {
        let event = Event {
            conversation: ConversationId::from_u128(group),
            seq: number + 1,
            at: number,
            actor: UserId::from_u128(77),
            command_id: CommandId::from_u128(group << 32 | u128::from(number)),
            kind: EventKind::Deleted { target: number },
        };
        Announcement::Event { event: Box::new(event), ordinal: number }
    }

    fn queue(backend: &Backend) -> Arc<dyn Queue<Announcement>> {
        backend.notifications.clone()
    }
}

pub(super) fn item<T: Sample>(group: u128, number: u64) -> Item<T> {
    Item { group, dedup: group << 64 | u128::from(number), body: T::sample(group, number) }
}

pub(super) async fn send<T: Sample>(queue: &dyn Queue<T>, items: impl IntoIterator<Item = (u128, u64)>) {
    let batch_max = queue.capabilities().batch_max;
    let items: Vec<Item<T>> = items.into_iter().map(|(group, number)| item(group, number)).collect();
    for chunk in items.chunks(batch_max) {
        queue.send(chunk.to_vec()).await.expect("send");
    }
}

pub(super) async fn lease<T: Sample>(queue: &dyn Queue<T>, max: usize, wait: Duration) -> Vec<Lease<T>> {
    queue.lease(max, wait).await.expect("lease")
}

/// Leases, however many calls it takes, until `count` items are here, settling nothing.
pub(super) async fn lease_all<T: Sample>(queue: &dyn Queue<T>, count: usize) -> Vec<Lease<T>> {
    let mut leases = Vec::new();
    while leases.len() < count {
        let more = lease(queue, count - leases.len(), PATIENCE).await;
        assert!(!more.is_empty(), "{} of {count} items came", leases.len());
        leases.extend(more);
    }
    leases
}

/// The same where that many are never leased at once: settles what has come before it asks for more.
pub(super) async fn take_all<T: Sample>(queue: &dyn Queue<T>, count: usize) -> Vec<Lease<T>> {
    if count <= queue.capabilities().lease_max {
        return lease_all(queue, count).await;
    }
    let mut leases = Vec::new();
    while leases.len() < count {
        let more = lease(queue, count - leases.len(), PATIENCE).await;
        assert!(!more.is_empty(), "{} of {count} items came", leases.len());
        settle_done(queue, &more).await;
        leases.extend(more);
    }
    leases
}

pub(super) async fn settle<T: Sample>(queue: &dyn Queue<T>, lease: &Lease<T>, settlement: Settlement) {
    queue.settle(vec![(lease.id.clone(), settlement)]).await.expect("settle");
}

pub(super) async fn settle_done<T: Sample>(queue: &dyn Queue<T>, leases: &[Lease<T>]) {
    let done = leases.iter().map(|lease| (lease.id.clone(), Settlement::Done));
    queue.settle(done.collect()).await.expect("settle");
}

pub(super) async fn bury<T: Sample>(queue: &dyn Queue<T>, group: u128, number: u64, reason: &str) {
    send(queue, [(group, number)]).await;
    let leases = lease_all(queue, 1).await;
    settle(queue, &leases[0], Settlement::Dead { reason: reason.to_owned() }).await;
}

pub(super) async fn dead<T: Sample>(queue: &dyn Queue<T>) -> Vec<DeadLetter<T>> {
    queue.dead_letters(None, 100).await.expect("dead letters")
}

pub(super) fn bodies<T: Sample>(leases: &[Lease<T>]) -> Vec<T> {
    leases.iter().map(|lease| lease.body.clone()).collect()
}

pub(super) fn samples<T: Sample>(group: u128, numbers: impl IntoIterator<Item = u64>) -> Vec<T> {
    numbers.into_iter().map(|number| T::sample(group, number)).collect()
}
