//! The way in, the connection table and the nodes, with faults.
//! A dropped announcement is not an error to its sender: that is how an unreachable node looks (D4).

use std::sync::Arc;

use async_trait::async_trait;
use chat::{
    Announcement, ConnectionId, ConversationId, Envelope, NodeId, Outcome, TimestampMs, UserId,
    account::SecretHash,
    announcement::Presence,
    ports::{
        Announcer, Commands, Connection, Directory, PortError, Search, SearchCapabilities, SearchPage, Ticket,
    },
    search::SearchQuery,
};

use super::Faulty;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Commands for Faulty<Arc<dyn Commands>> {
    async fn submit(&self, envelopes: Vec<Envelope>) -> Result<(), PortError> {
        self.faults.before("faulty.commands.submit").await?;
        self.inner.submit(envelopes).await?;
        self.faults.after("faulty.commands.submit (done)", ()).await
    }

    async fn execute(&self, envelope: Envelope) -> Result<Outcome, PortError> {
        self.faults.before("faulty.commands.execute").await?;
        let outcome = self.inner.execute(envelope).await?;
        self.faults.after("faulty.commands.execute (done)", outcome).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Directory for Faulty<Arc<dyn Directory>> {
    async fn put(
        &self,
        connections: Vec<Connection>,
        lease_until: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        self.faults.before("faulty.directory.put").await?;
        self.inner.put(connections, lease_until).await
    }

    async fn remove(
        &self,
        connections: Vec<(UserId, ConnectionId)>,
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        self.faults.before("faulty.directory.remove").await?;
        self.inner.remove(connections, now_ms).await
    }

    async fn presence(
        &self,
        users: &[UserId],
        now_ms: TimestampMs,
    ) -> Result<Vec<(UserId, Presence)>, PortError> {
        self.faults.before("faulty.directory.presence").await?;
        self.inner.presence(users, now_ms).await
    }

    async fn interested(&self, announcements: &[Arc<Announcement>]) -> Result<Vec<Vec<NodeId>>, PortError> {
        self.faults.before("faulty.directory.interested").await?;
        self.inner.interested(announcements).await
    }

    async fn subscribe(&self, node: NodeId, conversations: &[ConversationId]) -> Result<(), PortError> {
        self.faults.before("faulty.directory.subscribe").await?;
        self.inner.subscribe(node, conversations).await
    }

    async fn put_ticket(&self, hash: SecretHash, ticket: Ticket) -> Result<(), PortError> {
        self.faults.before("faulty.directory.put_ticket").await?;
        self.inner.put_ticket(hash, ticket).await
    }

    async fn take_ticket(&self, hash: &SecretHash, now_ms: TimestampMs) -> Result<Option<Ticket>, PortError> {
        self.faults.before("faulty.directory.take_ticket").await?;
        self.inner.take_ticket(hash, now_ms).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Announcer for Faulty<Arc<dyn Announcer>> {
    async fn announce(&self, node: NodeId, batch: Vec<Arc<Announcement>>) -> Result<(), PortError> {
        self.faults.before("faulty.announcer.announce").await?;
        if self.faults.drops() {
            return Ok(());
        }
        self.inner.announce(node, batch).await?;
        self.faults.after("faulty.announcer.announce (done)", ()).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Search for Faulty<Arc<dyn Search>> {
    fn capabilities(&self) -> SearchCapabilities {
        self.inner.capabilities()
    }

    async fn search(&self, query: SearchQuery) -> Result<SearchPage, PortError> {
        self.faults.before("faulty.search.search").await?;
        self.inner.search(query).await
    }

    async fn refresh(&self) -> Result<(), PortError> {
        self.faults.before("faulty.search.refresh").await?;
        self.inner.refresh().await
    }
}
