//! Ephemeral news that a shard's own connections make: typing, presence, marks. Told in batches to the nodes that
//! have to hear of it, this one among them.
//! Invariant: bounded; what does not fit is dropped and counted, because whoever misses it asks or syncs (D6).

use std::{cell::RefCell, collections::BTreeMap, mem, sync::Arc};

use chat::{Announcement, NodeId, ports::PortError};

use crate::{
    bell::Bell,
    limits::NEWS_WAITING_MAX,
    metrics::{Dropped, Stats},
    shard::Shard,
};

/// The news of one shard.
#[derive(Debug, Default)]
pub(crate) struct News {
    waiting: RefCell<Vec<Arc<Announcement>>>,
    bell: Bell,
}

impl News {
    /// Adds one piece.
    pub(crate) fn add(&self, announcement: Announcement, stats: &Stats) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() >= NEWS_WAITING_MAX {
            return stats.dropped(Dropped::NewsFull);
        }
        waiting.push(Arc::new(announcement));
        self.bell.ring();
    }

    /// Tells, for ever.
    pub(crate) async fn run(&self, shard: &Shard) {
        loop {
            self.bell.rung().await;
            let batch = mem::take(&mut *self.waiting.borrow_mut());
            if let Err(error) = tell(shard, batch).await {
                tracing::warn!(%error, "typing, presence or marks could not be told");
            }
        }
    }
}

async fn tell(shard: &Shard, batch: Vec<Arc<Announcement>>) -> Result<(), PortError> {
    let nodes = shard.app.directory.interested(&batch).await?;
    let mut by_node: BTreeMap<NodeId, Vec<Arc<Announcement>>> = BTreeMap::new();
    for (announcement, nodes) in batch.iter().zip(nodes) {
        for node in nodes {
            by_node.entry(node).or_default().push(Arc::clone(announcement));
        }
    }
    for (node, batch) in by_node {
        shard.app.announcer.announce(node, batch).await?;
    }
    Ok(())
}
