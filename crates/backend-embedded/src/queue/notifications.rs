//! The notifications queue: in memory, because what it tells dies with the sockets it would be told to (D4 heals).
//! Bounded in bytes (D6): a sender that is faster than the sockets is told so.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use chat::{
    Announcement, EventKind,
    ports::{
        Clock, DeadLetter, Depth, ErrorKind, Item, Lease, LeaseId, PortError, Queue, QueueCapabilities,
        Settlement,
    },
};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::{
    dead_id,
    groups::{Entry, Fate, Groups},
    parse_dead_id, parse_lease_id,
};
use crate::{
    core::invalid,
    limits::{NOTIFICATIONS_BYTES_MAX, NOTIFICATIONS_DEAD_MAX, SEND_ITEMS_MAX},
};

/// Announcements on their way to the nodes.
pub(crate) struct Notifications {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    groups: Groups<Announcement>,
    last: u64,
    dead: BTreeMap<u64, (u128, DeadLetter<Announcement>)>,
    has_stopped: bool,
}

impl Notifications {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Notifications {
        Notifications { clock, state: Mutex::new(State::default()), arrived: Notify::new() }
    }

    /// Ends the wait of everybody who leases.
    pub(crate) fn stop(&self) {
        self.state.lock().has_stopped = true;
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }

    fn take(&self, max: usize) -> (Vec<Lease<Announcement>>, Option<Instant>) {
        let mut state = self.state.lock();
        state.groups.unpark(Instant::now());
        let leases = state.groups.take(max);
        if !leases.is_empty() && state.groups.has_ready() {
            self.arrived.notify_one();
        }
        (leases, state.groups.next_due())
    }
}

#[async_trait]
impl Queue<Announcement> for Notifications {
    fn capabilities(&self) -> QueueCapabilities {
        QueueCapabilities {
            survives_restart: false,
            leases_expire: false,
            batch_max: SEND_ITEMS_MAX,
            lease_max: usize::MAX,
        }
    }

    async fn send(&self, items: Vec<Item<Announcement>>) -> Result<(), PortError> {
        const OPERATION: &str = "notifications.send (embedded)";
        if items.len() > SEND_ITEMS_MAX {
            return Err(invalid(OPERATION));
        }
        let sent_at = self.clock.now_ms();
        let mut state = self.state.lock();
        if state.has_stopped {
            return Err(PortError::new(ErrorKind::Unavailable, OPERATION));
        }
        if state.groups.bytes() > NOTIFICATIONS_BYTES_MAX {
            return Err(PortError::new(ErrorKind::Overloaded, OPERATION));
        }
        for item in items {
            state.push(item.group, item.body, sent_at);
        }
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    async fn lease(&self, max: usize, wait: Duration) -> Result<Vec<Lease<Announcement>>, PortError> {
        let until = Instant::now() + wait;
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let (leases, due) = self.take(max);
            if !leases.is_empty() || Instant::now() >= until {
                return Ok(leases);
            }
            if self.state.lock().has_stopped {
                return Err(PortError::new(ErrorKind::Unavailable, "notifications.lease (embedded)"));
            }
            // Whether woken or out of time, the loop looks again.
            let _ = tokio::time::timeout_at(due.map_or(until, |due| due.min(until)), arrived).await;
        }
    }

    async fn settle(&self, settlements: Vec<(LeaseId, Settlement)>) -> Result<(), PortError> {
        let now = (Instant::now(), self.clock.now_ms());
        let mut state = self.state.lock();
        for (id, settlement) in settlements {
            let Some((position, attempts)) = parse_lease_id(&id) else { continue };
            match settlement {
                Settlement::Done => drop(state.groups.settle(position, attempts, Fate::Done, now)),
                Settlement::RetryAfter(delay) => {
                    state.groups.settle(position, attempts, Fate::Retry(delay), now);
                }
                Settlement::Dead { reason } => state.bury(position, attempts, reason, now),
            }
        }
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter<Announcement>>, PortError> {
        let state = self.state.lock();
        let first = after.map_or(Some(0), |id| parse_dead_id(id).unwrap_or(u64::MAX).checked_add(1));
        let Some(first) = first else { return Ok(Vec::new()) };
        Ok(state.dead.range(first..).take(limit).map(|(_, (_, letter))| letter.clone()).collect())
    }

    async fn redrive(&self, ids: &[String]) -> Result<usize, PortError> {
        let sent_at = self.clock.now_ms();
        let mut state = self.state.lock();
        let mut sent = 0;
        for id in ids {
            let dead = parse_dead_id(id).and_then(|item| state.dead.remove(&item));
            if let Some((group, DeadLetter { body: Some(body), .. })) = dead {
                state.push(group, body, sent_at);
                sent += 1;
            }
        }
        drop(state);
        self.arrived.notify_one();
        Ok(sent)
    }

    async fn drop_dead(&self, ids: &[String]) -> Result<usize, PortError> {
        let mut state = self.state.lock();
        let items = ids.iter().filter_map(|id| parse_dead_id(id));
        Ok(items.filter(|item| state.dead.remove(item).is_some()).count())
    }

    async fn depth(&self) -> Result<Depth, PortError> {
        let state = self.state.lock();
        let now_ms = self.clock.now_ms();
        Ok(Depth {
            waiting: state.groups.waiting() as u64,
            in_flight: state.groups.in_flight() as u64,
            dead: state.dead.len() as u64,
            oldest_age_ms: state.groups.oldest().map_or(0, |sent_at| now_ms.saturating_sub(sent_at)),
        })
    }
}

impl State {
    fn push(&mut self, group: u128, body: Announcement, sent_at: u64) {
        self.last += 1;
        let entry = Entry {
            position: self.last,
            bytes: size_of::<Entry<Announcement>>() + heap_bytes(&body),
            attempts: 0,
            sent_at,
            first_failed_at: None,
            is_passed: false,
            is_moved: false,
            body,
        };
        self.groups.push(group, entry, usize::MAX, usize::MAX);
    }

    fn bury(&mut self, position: u64, attempts: u32, reason: String, now: (Instant, u64)) {
        let Some((group, entry)) = self.groups.leased_entry(position, attempts) else { return };
        let letter = DeadLetter {
            id: dead_id(position),
            body: Some(entry.body.clone()),
            reason,
            attempts,
            first_failed_at: entry.first_failed_at.unwrap_or(now.1),
            last_failed_at: now.1,
        };
        self.dead.insert(position, (group, letter));
        if self.dead.len() > NOTIFICATIONS_DEAD_MAX {
            self.dead.pop_first();
        }
        self.groups.settle(position, attempts, Fate::Done, now);
    }
}

/// What an announcement takes on the heap, roughly; only messages can be long.
fn heap_bytes(announcement: &Announcement) -> usize {
    let Announcement::Event { event, .. } = announcement else { return 0 };
    let text = match &event.kind {
        EventKind::Message { body, mentions, attachments, .. } => {
            let files =
                attachments.iter().map(|file| size_of_val(file) + file.name.len() + file.content_type.len());
            body.len() + 16 * mentions.len() + files.sum::<usize>()
        }
        EventKind::Edited { body, mentions, .. } => body.len() + 16 * mentions.len(),
        EventKind::Created { members, .. } => 24 * members.len(),
        EventKind::MembersAdded { users, .. } => 16 * users.len(),
        _ => 0,
    };
    size_of_val(&**event) + text
}
