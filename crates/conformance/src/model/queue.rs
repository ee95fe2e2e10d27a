//! The queue port in memory, as an SQS FIFO queue behaves: leases run out, everything may come twice.
//! Invariant: items of a group are leased in the order they were sent, and never two batches of a group at once.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chat::{
    TimestampMs,
    ports::{
        Clock, DeadLetter, Depth, ErrorKind, Item, Lease, LeaseId, PortError, Queue, QueueCapabilities,
        Settlement,
    },
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{
    clock::millis,
    dice::Dice,
    limits::{LEASE_MS, QUEUE_ITEMS_MAX, SEND_ITEMS_MAX},
};

/// How a model queue is bounded, and how much of what SQS may do it does.
#[derive(Debug, Clone, Copy)]
pub struct QueueOptions {
    /// Items held, waiting and leased, before `send` answers `Overloaded`.
    pub items_max: usize,
    /// Items in one `send`.
    pub batch_max: usize,
    /// Life of a lease, milliseconds.
    pub lease_ms: u64,
    /// Leases, of 1,000, that run out much too soon: two workers hold the same items then.
    pub short_leases_per_mille: u32,
    /// Whether groups are leased in random order.
    pub shuffle_groups: bool,
}

/// A queue in memory. Clones share it.
pub struct ModelQueue<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Notify,
    options: QueueOptions,
    dice: Dice,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct State<T> {
    next: u64,
    groups: BTreeMap<u128, VecDeque<Entry<T>>>,
    /// Lease to group and position.
    leases: BTreeMap<LeaseId, (u128, u64)>,
    dead: BTreeMap<String, DeadLetter<(u128, T)>>,
}

#[derive(Debug)]
struct Entry<T> {
    position: u64,
    body: T,
    sent_at: TimestampMs,
    attempts: u32,
    first_failed_at: Option<TimestampMs>,
    ready_at: TimestampMs,
    leased_until: Option<TimestampMs>,
}

impl Default for QueueOptions {
    fn default() -> QueueOptions {
        QueueOptions {
            items_max: QUEUE_ITEMS_MAX,
            batch_max: SEND_ITEMS_MAX,
            lease_ms: LEASE_MS,
            short_leases_per_mille: 0,
            shuffle_groups: false,
        }
    }
}

impl<T> Clone for ModelQueue<T> {
    fn clone(&self) -> ModelQueue<T> {
        ModelQueue { shared: self.shared.clone() }
    }
}

impl<T: Clone> ModelQueue<T> {
    /// An empty queue.
    #[must_use]
    pub fn new(options: QueueOptions, clock: Arc<dyn Clock>, dice: Dice) -> ModelQueue<T> {
        let state =
            State { next: 0, groups: BTreeMap::new(), leases: BTreeMap::new(), dead: BTreeMap::new() };
        ModelQueue {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                changed: Notify::new(),
                options,
                dice,
                clock,
            }),
        }
    }

    /// What a restart of everybody who held leases does: all leases are void.
    pub fn forget_leases(&self) {
        let mut state = self.lock();
        state.leases.clear();
        for entry in state.groups.values_mut().flatten() {
            entry.leased_until = None;
        }
        drop(state);
        self.shared.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> TimestampMs {
        self.shared.clock.now_ms()
    }

    fn take(&self, max: usize) -> Vec<Lease<T>> {
        let now_ms = self.now_ms();
        let options = &self.shared.options;
        let mut state = self.lock();
        state.expire(now_ms);
        let mut order: Vec<(u64, u128)> = state
            .groups
            .iter()
            .filter(|(_, entries)| is_free(entries, now_ms))
            .map(|(group, entries)| (entries.front().map_or(0, |entry| entry.position), *group))
            .collect();
        order.sort_unstable();
        if options.shuffle_groups {
            self.shared.dice.shuffle(&mut order);
        }
        let mut leases = Vec::new();
        for (_, group) in order {
            let short = self.shared.dice.chance(options.short_leases_per_mille);
            let life_ms = if short { options.lease_ms / 10 } else { options.lease_ms };
            state.lease_group(group, max - leases.len(), now_ms, now_ms + life_ms, &mut leases);
            if leases.len() >= max {
                break;
            }
        }
        leases
    }

    /// When something may become free without anybody telling: a delay or a lease that runs out.
    fn next_change(&self) -> Option<TimestampMs> {
        let now_ms = self.now_ms();
        let state = self.lock();
        let times = state.groups.values().flat_map(|entries| {
            let leases = entries.iter().filter_map(|entry| entry.leased_until);
            leases.chain(entries.front().map(|entry| entry.ready_at))
        });
        times.filter(|at| *at > now_ms).min()
    }

    /// How long until `at_ms`, at least a millisecond so that waiting makes progress.
    fn until(&self, at_ms: TimestampMs) -> Duration {
        Duration::from_millis(at_ms.saturating_sub(self.now_ms()).max(1))
    }
}

/// No lease in the group, and its first item is not waiting for a retry.
fn is_free<T>(entries: &VecDeque<Entry<T>>, now_ms: TimestampMs) -> bool {
    entries.iter().all(|entry| entry.leased_until.is_none())
        && entries.front().is_some_and(|entry| entry.ready_at <= now_ms)
}

impl<T: Clone> State<T> {
    fn held(&self) -> usize {
        self.groups.values().map(VecDeque::len).sum()
    }

    fn push(&mut self, group: u128, body: T, now_ms: TimestampMs) {
        let position = self.next;
        self.next += 1;
        self.groups.entry(group).or_default().push_back(Entry {
            position,
            body,
            sent_at: now_ms,
            attempts: 0,
            first_failed_at: None,
            ready_at: now_ms,
            leased_until: None,
        });
    }

    fn expire(&mut self, now_ms: TimestampMs) {
        let leases = &mut self.leases;
        for (group, entries) in &mut self.groups {
            for entry in entries.iter_mut() {
                if entry.leased_until.is_some_and(|until| until <= now_ms) {
                    entry.leased_until = None;
                    leases.retain(|_, held| *held != (*group, entry.position));
                }
            }
        }
    }

    fn lease_group(
        &mut self,
        group: u128,
        max: usize,
        now_ms: TimestampMs,
        until: TimestampMs,
        leases: &mut Vec<Lease<T>>,
    ) {
        let Some(entries) = self.groups.get_mut(&group) else { return };
        for entry in entries.iter_mut().take_while(|entry| entry.ready_at <= now_ms).take(max) {
            entry.attempts += 1;
            entry.leased_until = Some(until);
            let id = LeaseId(format!("{:016}-{}", entry.position, entry.attempts));
            self.leases.insert(id.clone(), (group, entry.position));
            leases.push(Lease {
                id,
                group,
                attempts: entry.attempts,
                sent_at: entry.sent_at,
                body: entry.body.clone(),
            });
        }
    }

    fn settle(&mut self, lease: &LeaseId, settlement: Settlement, now_ms: TimestampMs) {
        let Some((group, position)) = self.leases.remove(lease) else { return };
        let Some(entries) = self.groups.get_mut(&group) else { return };
        let Some(at) = entries.iter().position(|entry| entry.position == position) else { return };
        match settlement {
            Settlement::RetryAfter(delay) => {
                let entry = &mut entries[at];
                entry.leased_until = None;
                entry.ready_at = now_ms + millis(delay);
                entry.first_failed_at.get_or_insert(now_ms);
            }
            Settlement::Done => drop(entries.remove(at)),
            Settlement::Dead { reason } => {
                let Some(entry) = entries.remove(at) else { return };
                let id = format!("{:016}", entry.position);
                let letter = DeadLetter {
                    id: id.clone(),
                    body: Some((group, entry.body)),
                    reason,
                    attempts: entry.attempts,
                    first_failed_at: entry.first_failed_at.unwrap_or(now_ms),
                    last_failed_at: now_ms,
                };
                self.dead.insert(id, letter);
            }
        }
        if entries.is_empty() {
            self.groups.remove(&group);
        }
    }

    fn depth(&self, now_ms: TimestampMs) -> Depth {
        let mut depth = Depth { dead: self.dead.len() as u64, ..Depth::default() };
        for entry in self.groups.values().flatten() {
            if entry.leased_until.is_some() {
                depth.in_flight += 1;
            } else {
                depth.waiting += 1;
            }
            depth.oldest_age_ms = depth.oldest_age_ms.max(now_ms.saturating_sub(entry.sent_at));
        }
        depth
    }
}

#[async_trait]
impl<T: Clone + Send + Sync + 'static> Queue<T> for ModelQueue<T> {
    fn capabilities(&self) -> QueueCapabilities {
        QueueCapabilities {
            survives_restart: true,
            leases_expire: true,
            batch_max: self.shared.options.batch_max,
            lease_max: usize::MAX,
        }
    }

    async fn send(&self, items: Vec<Item<T>>) -> Result<(), PortError> {
        let now_ms = self.now_ms();
        if items.len() > self.shared.options.batch_max {
            return Err(PortError::new(ErrorKind::Invalid, "model.queue.send (too many items)"));
        }
        let mut state = self.lock();
        if state.held() + items.len() > self.shared.options.items_max {
            return Err(PortError::new(ErrorKind::Overloaded, "model.queue.send"));
        }
        for item in items {
            state.push(item.group, item.body, now_ms);
        }
        drop(state);
        self.shared.changed.notify_waiters();
        Ok(())
    }

    async fn lease(&self, max: usize, wait: Duration) -> Result<Vec<Lease<T>>, PortError> {
        let deadline = Instant::now() + wait;
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let leases = self.take(max);
            if !leases.is_empty() || Instant::now() >= deadline {
                return Ok(leases);
            }
            let next = self.next_change().map(|at_ms| Instant::now() + self.until(at_ms));
            tokio::select! {
                biased;
                () = changed => {}
                () = sleep_until(next.map_or(deadline, |next| next.min(deadline))) => {}
            }
        }
    }

    async fn settle(&self, settlements: Vec<(LeaseId, Settlement)>) -> Result<(), PortError> {
        let now_ms = self.now_ms();
        let mut state = self.lock();
        state.expire(now_ms);
        for (lease, settlement) in settlements {
            state.settle(&lease, settlement, now_ms);
        }
        drop(state);
        self.shared.changed.notify_waiters();
        Ok(())
    }

    async fn dead_letters(&self, after: Option<&str>, limit: usize) -> Result<Vec<DeadLetter<T>>, PortError> {
        let state = self.lock();
        let letters =
            state.dead.values().filter(|letter| after.is_none_or(|after| letter.id.as_str() > after));
        Ok(letters.take(limit).map(without_group).collect())
    }

    async fn redrive(&self, ids: &[String]) -> Result<usize, PortError> {
        let now_ms = self.now_ms();
        let mut state = self.lock();
        let letters: Vec<_> = ids.iter().filter_map(|id| state.dead.remove(id)).collect();
        let sent = letters.len();
        for (group, body) in letters.into_iter().filter_map(|letter| letter.body) {
            state.push(group, body, now_ms);
        }
        drop(state);
        self.shared.changed.notify_waiters();
        Ok(sent)
    }

    async fn drop_dead(&self, ids: &[String]) -> Result<usize, PortError> {
        let mut state = self.lock();
        Ok(ids.iter().filter(|id| state.dead.remove(*id).is_some()).count())
    }

    async fn depth(&self) -> Result<Depth, PortError> {
        let now_ms = self.now_ms();
        let mut state = self.lock();
        state.expire(now_ms);
        Ok(state.depth(now_ms))
    }
}

fn without_group<T: Clone>(letter: &DeadLetter<(u128, T)>) -> DeadLetter<T> {
    DeadLetter {
        id: letter.id.clone(),
        body: letter.body.as_ref().map(|(_, body)| body.clone()),
        reason: letter.reason.clone(),
        attempts: letter.attempts,
        first_failed_at: letter.first_failed_at,
        last_failed_at: letter.last_failed_at,
    }
}
