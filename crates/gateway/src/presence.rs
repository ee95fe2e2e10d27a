//! This shard's lines in the connection table: who came, who went, who is away, leases renewed; and when people were
//! last seen.
//! Invariant: lines are written in the order things happened to a connection. Losing one costs presence, no message.

use std::{cell::RefCell, collections::VecDeque, mem, rc::Rc, sync::Arc, time::Instant};

use chat::{
    Announcement, Change, ConnectionId, TimestampMs, UserId,
    announcement::Presence,
    ports::{self, PortError},
};
use rustc_hash::FxHashMap;

use crate::{
    announcer::Telling,
    bell::Bell,
    connection::Connection,
    limits::{GONE_LATELY_MS, LEASE_BATCH_MAX, LEASE_MS, LEASE_RENEW_MS, SEEN_BATCH_MAX, SEEN_FLUSH_MS},
    shard::Shard,
};

/// Changes of the table that wait.
#[derive(Debug)]
pub(crate) struct Roll {
    waiting: RefCell<VecDeque<Line>>,
    seen: RefCell<FxHashMap<UserId, TimestampMs>>,
    times: RefCell<Times>,
    bell: Bell,
}

#[derive(Debug)]
struct Times {
    renewed_at: Instant,
    seen_at: Instant,
}

#[derive(Debug)]
enum Line {
    Put(ports::Connection),
    Remove(UserId, ConnectionId),
}

impl Roll {
    pub(crate) fn new(now: Instant) -> Roll {
        Roll {
            waiting: RefCell::default(),
            seen: RefCell::default(),
            times: RefCell::new(Times { renewed_at: now, seen_at: now }),
            bell: Bell::default(),
        }
    }

    /// A connection's line changed: whether its user is active on it.
    pub(crate) fn changed(&self, shard: &Shard, connection: &Connection) {
        // Bounded by the number of connections and their rate of frames; emptied at every turn.
        self.add(Line::Put(connection.line(shard.app.node)));
    }

    /// A connection is gone.
    pub(crate) fn went(&self, user: UserId, connection: ConnectionId) {
        self.add(Line::Remove(user, connection));
    }

    /// Puts a connection that is about to open into the table, before its user's memberships are read: whatever is
    /// announced after that read reaches this node.
    ///
    /// # Errors
    /// Those of the directory.
    pub(crate) async fn coming(&self, shard: &Shard, line: ports::Connection) -> Result<(), PortError> {
        let lease_until = shard.app.clock.now_ms() + LEASE_MS;
        let changed = shard.app.directory.put(vec![line], lease_until).await?;
        self.tell(shard, changed);
        Ok(())
    }

    /// Writes changes, for ever.
    pub(crate) async fn run(&self, shard: &Shard) {
        loop {
            self.bell.rung().await;
            self.flush(shard).await;
        }
    }

    /// Writes what waits now.
    pub(crate) async fn flush(&self, shard: &Shard) {
        let mut waiting = mem::take(&mut *self.waiting.borrow_mut()).into_iter().peekable();
        while let Some(line) = waiting.next() {
            let result = match line {
                Line::Put(first) => {
                    let mut batch = vec![first];
                    while let Some(Line::Put(line)) = waiting.next_if(|line| matches!(line, Line::Put(_))) {
                        batch.push(line);
                    }
                    shard.app.directory.put(batch, shard.app.clock.now_ms() + LEASE_MS).await
                }
                Line::Remove(user, connection) => {
                    let mut batch = vec![(user, connection)];
                    while let Some(Line::Remove(user, connection)) =
                        waiting.next_if(|line| matches!(line, Line::Remove(..)))
                    {
                        batch.push((user, connection));
                    }
                    shard.app.directory.remove(batch, shard.app.clock.now_ms()).await
                }
            };
            match result {
                Ok(changed) => self.tell(shard, changed),
                Err(error) => tracing::warn!(%error, "the connection table could not be written"),
            }
        }
    }

    /// Renews leases and stores when people were last seen, when it is time.
    pub(crate) async fn tend(&self, shard: &Shard, now: Instant) {
        let (renew, store_seen) = {
            let mut times = self.times.borrow_mut();
            (
                is_due(&mut times.renewed_at, now, LEASE_RENEW_MS),
                is_due(&mut times.seen_at, now, SEEN_FLUSH_MS),
            )
        };
        if renew {
            self.renew(shard).await;
        }
        if store_seen {
            self.store_seen(shard).await;
        }
    }

    /// Stores when people were last seen.
    pub(crate) async fn store_seen(&self, shard: &Shard) {
        let seen: Vec<(UserId, TimestampMs)> = mem::take(&mut *self.seen.borrow_mut()).into_iter().collect();
        for batch in seen.chunks(SEEN_BATCH_MAX) {
            if let Err(error) = shard.app.store.change(Change::Seen(batch.to_vec())).await {
                tracing::warn!(%error, "when people were last seen could not be stored");
            }
        }
    }

    async fn renew(&self, shard: &Shard) {
        let lines: Vec<ports::Connection> = shard
            .hub
            .borrow()
            .connections()
            .iter()
            .map(|(_, connection)| connection.line(shard.app.node))
            .collect();
        let lease_until = shard.app.clock.now_ms() + LEASE_MS;
        for batch in lines.chunks(LEASE_BATCH_MAX) {
            match shard.app.directory.put(batch.to_vec(), lease_until).await {
                Ok(changed) => self.tell(shard, changed),
                Err(error) => tracing::warn!(%error, "leases could not be renewed"),
            }
            tokio::task::yield_now().await;
        }
    }

    fn tell(&self, shard: &Shard, changed: Vec<(UserId, Presence)>) {
        for (user, presence) in changed {
            if let Presence::Offline { last_seen } = presence {
                let at = last_seen.unwrap_or_else(|| shard.app.clock.now_ms());
                self.seen.borrow_mut().insert(user, at);
            }
            shard.news.add(Announcement::Presence { user, presence }, &shard.out.stats);
        }
    }

    fn add(&self, line: Line) {
        self.waiting.borrow_mut().push_back(line);
        self.bell.ring();
    }
}

/// Tells who of the people watched here has gone lately. Whoever watches may hear it twice.
pub(crate) async fn look_again(shard: Rc<Shard>) {
    let watched = shard.hub.borrow().watched_people();
    for users in watched.chunks(LEASE_BATCH_MAX) {
        let now_ms = shard.app.clock.now_ms();
        let states = match shard.reading(shard.app.directory.presence(users, now_ms)).await {
            Ok(states) => states,
            Err(error) => return tracing::warn!(%error, "presence cannot be read"),
        };
        for (user, presence) in states {
            if went_lately(presence, now_ms) {
                let telling = Telling::new(Arc::new(Announcement::Presence { user, presence }));
                shard.hub.borrow_mut().tell(&telling, &shard.out);
            }
        }
        tokio::task::yield_now().await;
    }
}

fn went_lately(presence: Presence, now_ms: TimestampMs) -> bool {
    let Presence::Offline { last_seen } = presence else { return false };
    last_seen.is_some_and(|at| at + GONE_LATELY_MS > now_ms)
}

fn is_due(last: &mut Instant, now: Instant, every_ms: u64) -> bool {
    let due = now.saturating_duration_since(*last).as_millis() >= u128::from(every_ms);
    if due {
        *last = now;
    }
    due
}
