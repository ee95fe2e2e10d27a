//! What other homes tell a node directly goes into the notifications queue here: no process holds sockets.
//! Invariant: an announcement that was taken is in the queue; the functions of that queue find out whom to tell.

use std::sync::Arc;

use async_trait::async_trait;
use backend_aws::AwsDirectory;
use chat::{
    Announcement, ConnectionId, ConversationId, NodeId, TimestampMs, UserId,
    account::SecretHash,
    announcement::Presence,
    ports::{Announcer, Connection, Directory, Item, PortError, Queue, Randomness, Ticket},
};

/// All sockets of API Gateway are held by this one node.
pub(crate) const GATEWAY: NodeId = NodeId::from_u128(0x0061_7069_2d67_7000_8000_7465_7761_7900);

/// The connection table, with one node that has to hear of everything.
#[derive(Clone)]
pub(crate) struct Roster(pub(crate) AwsDirectory);

/// Tells by the queue.
pub(crate) struct Relay {
    pub(crate) notifications: Arc<dyn Queue<Announcement>>,
    pub(crate) randomness: Arc<dyn Randomness>,
}

#[async_trait]
impl Directory for Roster {
    async fn put(
        &self,
        connections: Vec<Connection>,
        lease_until: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        self.0.put(connections, lease_until).await
    }

    async fn remove(
        &self,
        connections: Vec<(UserId, ConnectionId)>,
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        self.0.remove(connections, now_ms).await
    }

    async fn presence(
        &self,
        users: &[UserId],
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        self.0.presence(users, now_ms).await
    }

    async fn interested(&self, announcements: &[Arc<Announcement>]) -> Result<Vec<Vec<NodeId>>, PortError> {
        Ok(vec![vec![GATEWAY]; announcements.len()])
    }

    async fn subscribe(&self, _node: NodeId, _conversations: &[ConversationId]) -> Result<(), PortError> {
        Ok(())
    }

    async fn put_ticket(&self, hash: SecretHash, ticket: Ticket) -> Result<(), PortError> {
        self.0.put_ticket(hash, ticket).await
    }

    async fn take_ticket(&self, hash: &SecretHash, now_ms: TimestampMs) -> Result<Option<Ticket>, PortError> {
        self.0.take_ticket(hash, now_ms).await
    }
}

#[async_trait]
impl Announcer for Relay {
    async fn announce(&self, _node: NodeId, batch: Vec<Arc<Announcement>>) -> Result<(), PortError> {
        let item = |announcement: Arc<Announcement>| {
            let mut dedup = [0; 16];
            self.randomness.fill(&mut dedup);
            Item {
                group: group_of(&announcement),
                dedup: u128::from_be_bytes(dedup),
                body: Arc::unwrap_or_clone(announcement),
            }
        };
        self.notifications.send(batch.into_iter().map(item).collect()).await
    }
}

/// What belongs together keeps its order: the news of a conversation, else those of a person.
fn group_of(announcement: &Announcement) -> u128 {
    match announcement {
        Announcement::Event { event, .. } => event.conversation.as_u128(),
        Announcement::Failed { conversation, .. }
        | Announcement::Marks { conversation, .. }
        | Announcement::Typing { conversation, .. } => conversation.as_u128(),
        Announcement::Presence { user, .. }
        | Announcement::Preferences { user, .. }
        | Announcement::SessionsEnded { user, .. }
        | Announcement::AccountDisabled { user, .. } => user.as_u128(),
    }
}
