//! The connection table over the table of what lives shortly: rows per person, nodes, subscriptions, tickets.
//! Invariant: a lease that has run out counts for nothing, whether or not the table has removed its row.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use chat::{
    Announcement, ConnectionId, ConversationId, NodeId, SessionId, TimestampMs, UserId,
    account::SecretHash,
    announcement::Presence,
    limits::{MARKS_BROADCAST_MEMBERS_MAX, TICKET_LIFE_MS},
    ports::{Clock, Connection, Directory, PortError, Store, Ticket},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::{
    codec::from_hex,
    interest,
    item::{Attributes, Item, Key, Write, data, number, number_of, sort_of},
    keys,
    limits::{
        CONNECTION_KEPT_MS, NODES_TOLD_ALL_MAX, REQUESTS_AT_ONCE_MAX, SMALL_MEMBERS_MAX, SUBSCRIPTION_LIFE_MS,
    },
    roster::{Life, Node, Roster, UNTIL},
    table::{Range, Table},
};

/// When somebody left.
const SEEN: &str = "sn";
/// The bound of small conversations is the one of the rules.
const _: () = assert!(SMALL_MEMBERS_MAX as u64 == MARKS_BROADCAST_MEMBERS_MAX);

/// A connection as it is stored: never gains a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct StoredConnection {
    node: NodeId,
    session: SessionId,
    active: bool,
}

/// A connection row with its lease.
#[derive(Debug, Clone, Copy)]
struct Line {
    held: StoredConnection,
    until: TimestampMs,
}

/// The connection table. Clones share it.
#[derive(Clone)]
pub struct AwsDirectory {
    table: Table,
    pub(crate) store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    roster: Roster,
}

impl AwsDirectory {
    pub(crate) fn new(table: Table, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> AwsDirectory {
        let roster = Roster::new(table.clone(), Arc::clone(&clock));
        AwsDirectory { table, store, clock, roster }
    }

    /// Says that a node lives until then, where it takes announcements and what it holds. To be repeated before that.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn keep_node(&self, node: &Node, lease_until: TimestampMs) -> Result<(), PortError> {
        self.roster.keep(node, lease_until).await
    }

    /// Says that a node has ended.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn forget_node(&self, node: NodeId) -> Result<(), PortError> {
        self.roster.forget(node).await
    }

    /// Nodes that live, as of a second ago at most.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn living(&self) -> Result<Vec<Node>, PortError> {
        self.roster.living().await
    }

    /// Rows of a person. One whose node has ended ended with it, whatever its own lease says.
    async fn lines(&self, user: UserId) -> Result<Vec<(ConnectionId, Line)>, PortError> {
        let all = Range::prefix(keys::person(user), keys::CONNECTIONS);
        let items = self.table.query(&all, usize::MAX).await?;
        let mut lines = Vec::with_capacity(items.len());
        for item in &items {
            let id = sort_of(item).trim_start_matches(keys::CONNECTIONS);
            let (id, mut line) = (ConnectionId::from_u128(from_hex("connection", id)?), line_of(item)?);
            if line.until > self.clock.now_ms() {
                match self.roster.life(line.held.node).await? {
                    Life::Lives => {}
                    Life::Ended(at) => line.until = line.until.min(at),
                    Life::Unknown => continue,
                }
            }
            lines.push((id, line));
        }
        Ok(lines)
    }

    async fn seen(&self, user: UserId) -> Result<Option<TimestampMs>, PortError> {
        Ok(self.table.get(&keys::seen(user)).await?.and_then(|item| number_of(&item, SEEN)))
    }

    async fn presence_of(&self, user: UserId, now_ms: TimestampMs) -> Result<Presence, PortError> {
        let lines = self.lines(user).await?;
        let found = presence(lines.iter().map(|(_, line)| *line), now_ms);
        match found {
            Presence::Offline { last_seen } => {
                Ok(Presence::Offline { last_seen: last_seen.max(self.seen(user).await?) })
            }
            there => Ok(there),
        }
    }

    /// Nodes where somebody has a socket.
    pub(crate) async fn nodes_of(&self, user: UserId) -> Result<Vec<NodeId>, PortError> {
        let now_ms = self.clock.now_ms();
        let lines = self.lines(user).await?;
        Ok(lines.iter().filter(|(_, line)| line.until > now_ms).map(|(_, line)| line.held.node).collect())
    }

    /// Puts or removes rows of one person. Returns how they are now, if that is news.
    async fn change(
        &self,
        user: UserId,
        writes: Vec<(ConnectionId, Write)>,
        now_ms: TimestampMs,
    ) -> Result<Option<(UserId, Presence)>, PortError> {
        let mut before: BTreeMap<ConnectionId, Option<Line>> = BTreeMap::new();
        let mut after: BTreeMap<ConnectionId, Option<Line>> = BTreeMap::new();
        for (id, write) in writes {
            let now = match &write.action {
                crate::item::Action::Put(item) => Some(line_of(&item.attributes)?),
                _ => None,
            };
            let was = self.table.write_returning(write).await?.filter(|item| !item.is_empty());
            let was = was.as_ref().map(line_of).transpose()?;
            if let (None, Some(line)) = (now, was) {
                self.left(user, line.until.min(now_ms)).await?;
            }
            before.entry(id).or_insert(was);
            after.insert(id, now);
        }
        // A renewal is no news, and needs no look at the person's other connections.
        let same = |id: &ConnectionId| counts(before[id], now_ms) == counts(after[id], now_ms);
        if after.keys().all(same) {
            return Ok(None);
        }
        let lines = self.lines(user).await?;
        let others = || lines.iter().filter(|(id, _)| !after.contains_key(id)).map(|(_, line)| *line);
        let was = presence(others().chain(before.values().filter_map(|line| *line)), now_ms);
        let now = presence(others().chain(after.values().filter_map(|line| *line)), now_ms);
        if std::mem::discriminant(&was) == std::mem::discriminant(&now) {
            return Ok(None);
        }
        match now {
            Presence::Offline { last_seen } => {
                Ok(Some((user, Presence::Offline { last_seen: last_seen.max(self.seen(user).await?) })))
            }
            there => Ok(Some((user, there))),
        }
    }

    async fn left(&self, user: UserId, at: TimestampMs) -> Result<(), PortError> {
        let forward = Write::update(keys::seen(user), "SET sn = :at", [(":at", number(at))]);
        self.table.write(forward.only_if("attribute_not_exists(sn) OR sn < :at", [])).await.map(drop)
    }

    /// A large conversation has members on most nodes: with a few nodes all of them hear of it.
    pub(crate) async fn nodes_of_large(
        &self,
        conversation: ConversationId,
    ) -> Result<Vec<NodeId>, PortError> {
        let living = self.living().await?;
        if living.len() <= NODES_TOLD_ALL_MAX {
            return Ok(living.into_iter().map(|node| node.node).collect());
        }
        self.subscribed(conversation).await
    }

    /// Nodes that said they hold members of it.
    pub(crate) async fn subscribed(&self, conversation: ConversationId) -> Result<Vec<NodeId>, PortError> {
        let all = Range::prefix(keys::subscriptions(conversation), "");
        let items = self.table.query(&all, usize::MAX).await?;
        let living: BTreeSet<NodeId> = self.living().await?.into_iter().map(|node| node.node).collect();
        let nodes = items.iter().map(|item| from_hex("node", sort_of(item)).map(NodeId::from_u128));
        let nodes: Vec<NodeId> = nodes.collect::<Result<_, _>>()?;
        Ok(nodes.into_iter().filter(|node| living.contains(node)).collect())
    }
}

fn line_of(item: &Attributes) -> Result<Line, PortError> {
    Ok(Line { held: data("connection", item)?, until: number_of(item, UNTIL).unwrap_or(0) })
}

/// Whether a row counts, and as what.
fn counts(line: Option<Line>, now_ms: TimestampMs) -> Option<bool> {
    line.filter(|line| line.until > now_ms).map(|line| line.held.active)
}

fn presence(lines: impl Iterator<Item = Line>, now_ms: TimestampMs) -> Presence {
    let (mut is_there, mut is_active, mut last) = (false, false, None);
    for line in lines {
        if line.until > now_ms {
            is_there = true;
            is_active |= line.held.active;
        }
        last = last.max(Some(line.until));
    }
    match (is_there, is_active) {
        (_, true) => Presence::Online,
        (true, false) => Presence::Away,
        (false, false) => Presence::Offline { last_seen: last },
    }
}

#[async_trait]
impl Directory for AwsDirectory {
    async fn put(
        &self,
        connections: Vec<Connection>,
        lease_until: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        let now_ms = self.clock.now_ms();
        let nodes: BTreeSet<NodeId> = connections.iter().map(|connection| connection.node).collect();
        for node in nodes {
            self.roster.renew(node, lease_until).await?;
        }
        let mut by_user: BTreeMap<UserId, Vec<(ConnectionId, Write)>> = BTreeMap::new();
        for connection in connections {
            let Connection { connection, user, session, node, active } = connection;
            let item = Item::new(keys::connection(user, connection));
            let item =
                item.data(&StoredConnection { node, session, active }).with(UNTIL, number(lease_until));
            let write = item.expires(lease_until + CONNECTION_KEPT_MS).put();
            by_user.entry(user).or_default().push((connection, write));
        }
        let news = stream::iter(by_user).map(|(user, writes)| self.change(user, writes, now_ms));
        let news: Vec<Option<(UserId, Presence)>> = news.buffered(REQUESTS_AT_ONCE_MAX).try_collect().await?;
        Ok(news.into_iter().flatten().collect())
    }

    async fn remove(
        &self,
        connections: Vec<(UserId, ConnectionId)>,
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        let mut by_user: BTreeMap<UserId, Vec<(ConnectionId, Write)>> = BTreeMap::new();
        for (user, connection) in connections {
            let gone = Write::delete(keys::connection(user, connection));
            by_user.entry(user).or_default().push((connection, gone));
        }
        let news = stream::iter(by_user).map(|(user, writes)| self.change(user, writes, now_ms));
        let news: Vec<Option<(UserId, Presence)>> = news.buffered(REQUESTS_AT_ONCE_MAX).try_collect().await?;
        Ok(news.into_iter().flatten().collect())
    }

    async fn presence(
        &self,
        users: &[UserId],
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        let found =
            stream::iter(users.to_vec()).map(async |user| Ok((user, self.presence_of(user, now_ms).await?)));
        found.buffered(REQUESTS_AT_ONCE_MAX).try_collect().await
    }

    async fn interested(&self, announcements: &[Arc<Announcement>]) -> Result<Vec<Vec<NodeId>>, PortError> {
        interest::nodes_for(self, announcements).await
    }

    async fn subscribe(&self, node: NodeId, conversations: &[ConversationId]) -> Result<(), PortError> {
        let end = self.clock.now_ms() + SUBSCRIPTION_LIFE_MS;
        let row = |id: &ConversationId| Item::new(keys::subscription(*id, node)).expires(end);
        let keys: BTreeSet<ConversationId> = conversations.iter().copied().collect();
        self.table.put_many(keys.iter().map(row).collect()).await
    }

    async fn put_ticket(&self, hash: SecretHash, ticket: Ticket) -> Result<(), PortError> {
        let stored = (ticket.user, ticket.session, ticket.expires_at);
        let item = Item::new(keys::ticket(&hash)).data(&stored);
        self.table.write(item.expires(ticket.expires_at + TICKET_LIFE_MS).put()).await.map(drop)
    }

    async fn take_ticket(&self, hash: &SecretHash, now_ms: TimestampMs) -> Result<Option<Ticket>, PortError> {
        let key: Key = keys::ticket(hash);
        let taken =
            self.table.write_returning(Write::delete(key).only_if("attribute_exists(pk)", [])).await?;
        let Some(item) = taken else { return Ok(None) };
        let (user, session, expires_at) = data("ticket", &item)?;
        Ok(Some(Ticket { user, session, expires_at }).filter(|ticket| ticket.expires_at > now_ms))
    }
}
