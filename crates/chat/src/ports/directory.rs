//! The connection table and the way to tell nodes: who is connected where, who is there, who has to hear of what.
//! Everything here is soft state: losing it costs a reconnect, never a message (D4).

use std::sync::Arc;

use async_trait::async_trait;

use super::PortError;
use crate::{
    account::SecretHash,
    announcement::{Announcement, Presence},
    ids::{ConnectionId, ConversationId, NodeId, SessionId, TimestampMs, UserId},
};

/// One open socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Which.
    pub connection: ConnectionId,
    /// Whose.
    pub user: UserId,
    /// By which login.
    pub session: SessionId,
    /// Where it is held.
    pub node: NodeId,
    /// Whether its user is active on it.
    pub active: bool,
}

/// A single-use permission to open one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Whose.
    pub user: UserId,
    /// By which login.
    pub session: SessionId,
    /// Until when.
    pub expires_at: TimestampMs,
}

/// The connection table.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Adds or renews connections until `lease_until`. Returns, for each, the user's presence when it changed.
    async fn put(
        &self,
        connections: Vec<Connection>,
        lease_until: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError>;
    /// Removes connections. Returns the presence of users for whom it changed.
    async fn remove(
        &self,
        connections: Vec<(UserId, ConnectionId)>,
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError>;
    /// How these people are, expired leases left out.
    async fn presence(
        &self,
        users: &[UserId],
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError>;
    /// Nodes that have to hear of each announcement.
    async fn interested(&self, announcements: &[Arc<Announcement>]) -> Result<Vec<Vec<NodeId>>, PortError>;
    /// Tells the table that this node has members of these conversations connected.
    async fn subscribe(&self, node: NodeId, conversations: &[ConversationId]) -> Result<(), PortError>;
    /// Keeps a ticket under the hash of its secret.
    async fn put_ticket(&self, hash: SecretHash, ticket: Ticket) -> Result<(), PortError>;
    /// Takes a ticket: the first caller gets it, nobody else.
    async fn take_ticket(&self, hash: &SecretHash, now_ms: TimestampMs) -> Result<Option<Ticket>, PortError>;
}

/// Tells a node.
#[async_trait]
pub trait Announcer: Send + Sync {
    /// Hands a batch, in order, to a node that holds sockets. A node that cannot be reached is no error: D4 repairs it.
    async fn announce(&self, node: NodeId, batch: Vec<Arc<Announcement>>) -> Result<(), PortError>;
}
