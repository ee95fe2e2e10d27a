//! The connection table of one process: who is connected, who is there, which tickets are out.
//! Soft state: it begins empty; only the time somebody was last seen outlives the process, through the store.

use std::sync::Arc;

use async_trait::async_trait;
use chat::{
    Announcement, ConnectionId, ConversationId, NodeId, TimestampMs, UserId,
    account::SecretHash,
    announcement::Presence,
    ports::{Connection, Directory, ErrorKind, PortError, Ticket},
};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::{
    core::Core,
    limits::{DIRECTORY_SHARDS, SEEN_BATCH_MAX, TICKETS_MAX},
};

/// The table.
pub(crate) struct EmbeddedDirectory {
    core: Arc<Core>,
    users: [Mutex<FxHashMap<UserId, Vec<Held>>>; DIRECTORY_SHARDS],
    /// Nodes that have connections; one, in a process of its own.
    nodes: Mutex<Vec<NodeId>>,
    tickets: Mutex<FxHashMap<SecretHash, Ticket>>,
    /// Times to be written to the store, the newest per user.
    seen: Mutex<FxHashMap<UserId, TimestampMs>>,
}

/// A connection of a user.
#[derive(Debug, Clone, Copy)]
struct Held {
    connection: ConnectionId,
    is_active: bool,
    lease_until: TimestampMs,
}

/// What is known of a user without asking the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Online,
    Away,
    Offline,
}

impl EmbeddedDirectory {
    pub(crate) fn new(core: Arc<Core>) -> EmbeddedDirectory {
        EmbeddedDirectory {
            core,
            users: std::array::from_fn(|_| Mutex::new(FxHashMap::default())),
            nodes: Mutex::new(Vec::new()),
            tickets: Mutex::new(FxHashMap::default()),
            seen: Mutex::new(FxHashMap::default()),
        }
    }

    /// Last-seen times that have gathered, at most a change's worth.
    pub(crate) fn take_seen(&self) -> Vec<(UserId, TimestampMs)> {
        let mut seen = self.seen.lock();
        let users: Vec<UserId> = seen.keys().copied().take(SEEN_BATCH_MAX).collect();
        let mut taken: Vec<_> = users.iter().filter_map(|user| seen.remove_entry(user)).collect();
        taken.sort_unstable();
        taken
    }

    /// Notes everybody who is connected as seen now, for a shutdown.
    pub(crate) fn see_all(&self, now_ms: TimestampMs) {
        for shard in &self.users {
            let users: Vec<UserId> = shard.lock().keys().copied().collect();
            self.seen.lock().extend(users.into_iter().map(|user| (user, now_ms)));
        }
    }

    /// Connections held now.
    pub(crate) fn connections(&self) -> usize {
        self.users.iter().map(|shard| shard.lock().values().map(Vec::len).sum::<usize>()).sum()
    }

    fn shard(&self, user: UserId) -> &Mutex<FxHashMap<UserId, Vec<Held>>> {
        let last = user.to_bytes()[15];
        &self.users[usize::from(last) % DIRECTORY_SHARDS]
    }

    fn put_one(
        &self,
        connection: &Connection,
        lease_until: TimestampMs,
        now_ms: TimestampMs,
    ) -> Option<There> {
        let mut users = self.shard(connection.user).lock();
        let held = users.entry(connection.user).or_default();
        let before = there(held, now_ms);
        let new = Held { connection: connection.connection, is_active: connection.active, lease_until };
        match held.iter_mut().find(|held| held.connection == connection.connection) {
            Some(held) => *held = new,
            None => held.push(new),
        }
        let after = there(held, now_ms);
        (before != after).then_some(after)
    }

    fn remove_one(&self, user: UserId, connection: ConnectionId, now_ms: TimestampMs) -> Option<There> {
        let mut users = self.shard(user).lock();
        let held = users.get_mut(&user)?;
        let before = there(held, now_ms);
        let count = held.len();
        held.retain(|held| held.connection != connection && held.lease_until > now_ms);
        let after = there(held, now_ms);
        let (is_gone, has_changed) = (held.is_empty(), held.len() != count);
        if is_gone {
            users.remove(&user);
        }
        drop(users);
        if is_gone && has_changed {
            self.seen.lock().insert(user, now_ms);
        }
        (before != after).then_some(after)
    }

    fn presence_of(&self, user: UserId, there: There) -> Result<Presence, PortError> {
        Ok(match there {
            There::Online => Presence::Online,
            There::Away => Presence::Away,
            There::Offline => Presence::Offline { last_seen: self.last_seen(user)? },
        })
    }

    fn last_seen(&self, user: UserId) -> Result<Option<TimestampMs>, PortError> {
        if let Some(at) = self.seen.lock().get(&user) {
            return Ok(Some(*at));
        }
        let account = crate::apply::account(&self.core, user);
        let account = account.map_err(|fault| fault.at("directory.presence (embedded)"))?;
        Ok(account.and_then(|account| account.seen_at))
    }
}

fn there(held: &[Held], now_ms: TimestampMs) -> There {
    let mut there = There::Offline;
    for held in held.iter().filter(|held| held.lease_until > now_ms) {
        if held.is_active {
            return There::Online;
        }
        there = There::Away;
    }
    there
}

#[async_trait]
impl Directory for EmbeddedDirectory {
    async fn put(
        &self,
        connections: Vec<Connection>,
        lease_until: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        let now_ms = self.core.now_ms();
        let mut changed = Vec::new();
        for connection in &connections {
            let mut nodes = self.nodes.lock();
            if !nodes.contains(&connection.node) {
                nodes.push(connection.node);
            }
            drop(nodes);
            if let Some(there) = self.put_one(connection, lease_until, now_ms) {
                changed.push((connection.user, there));
            }
        }
        changed.into_iter().map(|(user, there)| Ok((user, self.presence_of(user, there)?))).collect()
    }

    async fn remove(
        &self,
        connections: Vec<(UserId, ConnectionId)>,
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        let mut changed = Vec::new();
        for (user, connection) in connections {
            if let Some(there) = self.remove_one(user, connection, now_ms) {
                changed.push((user, self.presence_of(user, there)?));
            }
        }
        Ok(changed)
    }

    async fn presence(
        &self,
        users: &[UserId],
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        let of = |user: &UserId| {
            let there = self.shard(*user).lock().get(user).map_or(There::Offline, |held| there(held, now_ms));
            Ok((*user, self.presence_of(*user, there)?))
        };
        users.iter().map(of).collect()
    }

    async fn interested(&self, announcements: &[Arc<Announcement>]) -> Result<Vec<Vec<NodeId>>, PortError> {
        let nodes = self.nodes.lock().clone();
        Ok(announcements.iter().map(|_| nodes.clone()).collect())
    }

    async fn subscribe(&self, node: NodeId, _conversations: &[ConversationId]) -> Result<(), PortError> {
        let mut nodes = self.nodes.lock();
        if !nodes.contains(&node) {
            nodes.push(node);
        }
        Ok(())
    }

    async fn put_ticket(&self, hash: SecretHash, ticket: Ticket) -> Result<(), PortError> {
        let mut tickets = self.tickets.lock();
        if tickets.len() >= TICKETS_MAX {
            let now_ms = self.core.now_ms();
            tickets.retain(|_, ticket| ticket.expires_at > now_ms);
        }
        if tickets.len() >= TICKETS_MAX {
            return Err(PortError::new(ErrorKind::Overloaded, "directory.put_ticket (embedded)"));
        }
        tickets.insert(hash, ticket);
        Ok(())
    }

    async fn take_ticket(&self, hash: &SecretHash, now_ms: TimestampMs) -> Result<Option<Ticket>, PortError> {
        let ticket = self.tickets.lock().remove(hash);
        Ok(ticket.filter(|ticket| ticket.expires_at > now_ms))
    }
}
