//! A queue with faults: answers are lost, calls fail or take long.
//! Invariant: nothing is settled or sent that was not asked for.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chat::ports::{DeadLetter, Depth, Item, Lease, LeaseId, PortError, Queue, QueueCapabilities, Settlement};

use super::Faulty;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Send + 'static> Queue<T> for Faulty<Arc<dyn Queue<T>>> {
    fn capabilities(&self) -> QueueCapabilities {
        self.inner.capabilities()
    }

    async fn send(&self, items: Vec<Item<T>>) -> Result<(), PortError> {
        self.faults.before("faulty.queue.send").await?;
        self.inner.send(items).await?;
        self.faults.after("faulty.queue.send (done)", ()).await
    }

    /// Only fails before it has leased: where leases never run out, an answer must not be lost.
    async fn lease(&self, max: usize, wait: Duration) -> Result<Vec<Lease<T>>, PortError> {
        self.faults.before("faulty.queue.lease").await?;
        self.inner.lease(max, wait).await
    }

    async fn settle(&self, settlements: Vec<(LeaseId, Settlement)>) -> Result<(), PortError> {
        self.faults.before("faulty.queue.settle").await?;
        self.inner.settle(settlements).await?;
        self.faults.after("faulty.queue.settle (done)", ()).await
    }

    async fn dead_letters(&self, after: Option<&str>, limit: usize) -> Result<Vec<DeadLetter<T>>, PortError> {
        self.faults.before("faulty.queue.dead_letters").await?;
        self.inner.dead_letters(after, limit).await
    }

    async fn redrive(&self, ids: &[String]) -> Result<usize, PortError> {
        self.faults.before("faulty.queue.redrive").await?;
        let sent = self.inner.redrive(ids).await?;
        self.faults.after("faulty.queue.redrive (done)", sent).await
    }

    async fn drop_dead(&self, ids: &[String]) -> Result<usize, PortError> {
        self.faults.before("faulty.queue.drop_dead").await?;
        let dropped = self.inner.drop_dead(ids).await?;
        self.faults.after("faulty.queue.drop_dead (done)", dropped).await
    }

    async fn depth(&self) -> Result<Depth, PortError> {
        self.faults.before("faulty.queue.depth").await?;
        self.inner.depth().await
    }
}
