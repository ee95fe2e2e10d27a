//! The connection table in memory.
//! Invariant: a lease that has run out counts for nothing, whether or not its row is still there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chat::{
    Announcement, ConnectionId, ConversationId, EventKind, NodeId, TimestampMs, UserId,
    account::SecretHash,
    announcement::Presence,
    ports::{Clock, Connection, Directory, PortError, Store, Ticket},
};

/// A connection table in memory, over a store that knows who is a member of what. Clones share it.
#[derive(Clone)]
pub struct ModelDirectory {
    state: Arc<Mutex<State>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct State {
    connections: BTreeMap<(UserId, ConnectionId), (Connection, TimestampMs)>,
    seen: BTreeMap<UserId, TimestampMs>,
    subscriptions: BTreeSet<(ConversationId, NodeId)>,
    tickets: BTreeMap<SecretHash, Ticket>,
}

impl ModelDirectory {
    /// An empty table.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> ModelDirectory {
        ModelDirectory { state: Arc::default(), store, clock }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn nodes_for(&self, announcement: &Announcement) -> Result<Vec<NodeId>, PortError> {
        let now_ms = self.clock.now_ms();
        let mut nodes = BTreeSet::new();
        let conversation = match announcement {
            Announcement::Event { event, .. } => Some(event.conversation),
            Announcement::Marks { conversation, to_all: true, .. }
            | Announcement::Typing { conversation, .. } => Some(*conversation),
            Announcement::Marks { conversation, user, to_all: false, .. } => {
                nodes.extend(self.lock().nodes_of(*user, now_ms));
                Some(*conversation)
            }
            Announcement::Failed { user, .. }
            | Announcement::SessionsEnded { user, .. }
            | Announcement::AccountDisabled { user, .. }
            | Announcement::Preferences { user, .. } => {
                nodes.extend(self.lock().nodes_of(*user, now_ms));
                None
            }
            // Whoever watches may be anywhere.
            Announcement::Presence { .. } => {
                nodes.extend(self.lock().all_nodes(now_ms));
                None
            }
        };
        if let Announcement::Event { event, .. } = announcement
            && let EventKind::MemberRemoved { user } = &event.kind
        {
            nodes.extend(self.lock().nodes_of(*user, now_ms));
        }
        if let Some(conversation) = conversation {
            let to_all = !matches!(announcement, Announcement::Marks { to_all: false, .. });
            let members =
                if to_all { self.store.members(conversation, None, usize::MAX).await? } else { Vec::new() };
            let state = self.lock();
            nodes.extend(state.subscribed(conversation));
            nodes.extend(members.iter().flat_map(|member| state.nodes_of(member.user, now_ms)));
        }
        Ok(nodes.into_iter().collect())
    }
}

impl State {
    fn alive(&self, user: UserId, now_ms: TimestampMs) -> impl Iterator<Item = &Connection> {
        let all = self.connections.range((user, ConnectionId::from_u128(0))..);
        all.take_while(move |((owner, _), _)| *owner == user)
            .filter(move |(_, (_, lease_until))| *lease_until > now_ms)
            .map(|(_, (connection, _))| connection)
    }

    fn nodes_of(&self, user: UserId, now_ms: TimestampMs) -> Vec<NodeId> {
        self.alive(user, now_ms).map(|connection| connection.node).collect()
    }

    fn all_nodes(&self, now_ms: TimestampMs) -> Vec<NodeId> {
        let alive = self.connections.values().filter(|(_, lease_until)| *lease_until > now_ms);
        alive.map(|(connection, _)| connection.node).collect()
    }

    fn subscribed(&self, conversation: ConversationId) -> Vec<NodeId> {
        self.subscriptions.iter().filter(|(id, _)| *id == conversation).map(|(_, node)| *node).collect()
    }

    fn presence(&self, user: UserId, now_ms: TimestampMs) -> Presence {
        let active: Vec<bool> = self.alive(user, now_ms).map(|connection| connection.active).collect();
        if active.is_empty() {
            Presence::Offline { last_seen: self.last_seen(user) }
        } else if active.contains(&true) {
            Presence::Online
        } else {
            Presence::Away
        }
    }

    /// The end of the last lease that ran out unnoticed, or the last time somebody left.
    fn last_seen(&self, user: UserId) -> Option<TimestampMs> {
        let rows = self.connections.range((user, ConnectionId::from_u128(0))..);
        let leases = rows.take_while(|((owner, _), _)| *owner == user).map(|(_, (_, until))| *until);
        leases.chain(self.seen.get(&user).copied()).max()
    }
}

/// The presence of those for whom it differs in kind.
fn changed(before: Vec<(UserId, Presence)>, state: &State, now_ms: TimestampMs) -> Vec<(UserId, Presence)> {
    let now = before.into_iter().map(|(user, before)| (user, before, state.presence(user, now_ms)));
    let differ =
        |before: &Presence, now: &Presence| std::mem::discriminant(before) != std::mem::discriminant(now);
    now.filter(|(_, before, now)| differ(before, now)).map(|(user, _, now)| (user, now)).collect()
}

#[async_trait]
impl Directory for ModelDirectory {
    async fn put(
        &self,
        connections: Vec<Connection>,
        lease_until: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        let now_ms = self.clock.now_ms();
        let mut state = self.lock();
        let users: BTreeSet<UserId> = connections.iter().map(|connection| connection.user).collect();
        let before = users.into_iter().map(|user| (user, state.presence(user, now_ms))).collect();
        for connection in connections {
            state.connections.insert((connection.user, connection.connection), (connection, lease_until));
        }
        Ok(changed(before, &state, now_ms))
    }

    async fn remove(
        &self,
        connections: Vec<(UserId, ConnectionId)>,
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        let mut state = self.lock();
        let users: BTreeSet<UserId> = connections.iter().map(|(user, _)| *user).collect();
        let before = users.into_iter().map(|user| (user, state.presence(user, now_ms))).collect();
        for key in connections {
            if let Some((_, lease_until)) = state.connections.remove(&key) {
                let seen = state.seen.entry(key.0).or_default();
                *seen = (*seen).max(lease_until.min(now_ms));
            }
        }
        Ok(changed(before, &state, now_ms))
    }

    async fn presence(
        &self,
        users: &[UserId],
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        let state = self.lock();
        Ok(users.iter().map(|user| (*user, state.presence(*user, now_ms))).collect())
    }

    async fn interested(&self, announcements: &[Arc<Announcement>]) -> Result<Vec<Vec<NodeId>>, PortError> {
        let mut all = Vec::with_capacity(announcements.len());
        for announcement in announcements {
            all.push(self.nodes_for(announcement).await?);
        }
        Ok(all)
    }

    async fn subscribe(&self, node: NodeId, conversations: &[ConversationId]) -> Result<(), PortError> {
        self.lock().subscriptions.extend(conversations.iter().map(|conversation| (*conversation, node)));
        Ok(())
    }

    async fn put_ticket(&self, hash: SecretHash, ticket: Ticket) -> Result<(), PortError> {
        self.lock().tickets.insert(hash, ticket);
        Ok(())
    }

    async fn take_ticket(&self, hash: &SecretHash, now_ms: TimestampMs) -> Result<Option<Ticket>, PortError> {
        Ok(self.lock().tickets.remove(hash).filter(|ticket| ticket.expires_at > now_ms))
    }
}
