//! Nodes in memory: each has an inbox that whoever plays the node reads.
//! Invariant: what reaches an inbox stays in the order it was announced; a node that is not there is no error.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use chat::{
    Announcement, NodeId,
    ports::{Announcer, PortError},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a node hears. Unbounded because a simulation's worlds are small; a real node's inbox is not.
pub type Inbox = UnboundedReceiver<Arc<Announcement>>;

/// Announces to nodes of this process. Clones share the nodes.
#[derive(Debug, Clone, Default)]
pub struct ModelAnnouncer {
    nodes: Arc<Mutex<BTreeMap<NodeId, UnboundedSender<Arc<Announcement>>>>>,
}

impl ModelAnnouncer {
    /// Starts a node, in place of one of the same name.
    #[must_use]
    pub fn start(&self, node: NodeId) -> Inbox {
        let (sender, inbox) = unbounded_channel();
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).insert(node, sender);
        inbox
    }
}

#[async_trait]
impl Announcer for ModelAnnouncer {
    async fn announce(&self, node: NodeId, batch: Vec<Arc<Announcement>>) -> Result<(), PortError> {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = nodes.get(&node) else { return Ok(()) };
        let heard = batch.into_iter().all(|announcement| sender.send(announcement).is_ok());
        if !heard {
            nodes.remove(&node);
        }
        Ok(())
    }
}
