//! A gateway's row in the connection table: renewed while it lives, and what it sees in the others' rows.
//! Invariant: a node whose row had run out was skipped by announcements, so its clients come back and sync (D4).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use backend_aws::{AwsDirectory, Node};
use chat::{
    NodeId, TimestampMs,
    ports::{Clock, PortError},
};
use gateway::{HubHandle, Shed};
use tokio::sync::watch;

use super::balance::Balance;
use crate::limits::{NODE_LEASE_MS, NODE_RENEW_MS};

/// What a node says of itself.
pub(super) struct Row {
    pub(super) directory: AwsDirectory,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) node: NodeId,
    pub(super) address: String,
}

/// What renewing needs of the rest of the process.
pub(super) struct Surroundings {
    pub(super) hub: Arc<HubHandle>,
    /// Counts open sockets.
    pub(super) sockets: Box<dyn Fn() -> usize + Send + Sync>,
    /// Whether this node is on its way out.
    pub(super) leaving: watch::Receiver<bool>,
    /// Most of a thousand sockets to send away at once; 0 sends none.
    pub(super) shed_per_mille: u16,
}

impl Row {
    /// Writes the row. Returns until when it is good.
    pub(super) async fn keep(&self, sockets: usize, leaving: bool) -> Result<TimestampMs, PortError> {
        let until = self.clock.now_ms() + NODE_LEASE_MS;
        let node =
            Node { node: self.node, address: Some(self.address.clone()), sockets: sockets as u64, leaving };
        self.directory.keep_node(&node, until).await?;
        Ok(until)
    }

    /// Removes the row: the process holds no sockets any more.
    pub(super) async fn forget(&self) {
        if let Err(error) = self.directory.forget_node(self.node).await {
            tracing::warn!(%error, "this node's row could not be removed; it runs out by itself");
        }
    }

    /// Renews, for ever, and follows the others.
    pub(super) async fn renew(self: Arc<Self>, mut until: TimestampMs, mut around: Surroundings) {
        let mut balance = Balance::default();
        let mut before: BTreeSet<NodeId> = BTreeSet::new();
        loop {
            let pause = tokio::time::sleep(Duration::from_millis(NODE_RENEW_MS));
            tokio::select! {
                () = pause => {}
                // Others should know at once.
                Ok(()) = around.leaving.changed() => {}
            }
            let (sockets, leaving) = ((around.sockets)(), *around.leaving.borrow());
            match self.keep(sockets, leaving).await {
                Ok(kept) => {
                    let lapsed = std::mem::replace(&mut until, kept) < kept.saturating_sub(NODE_LEASE_MS);
                    if lapsed {
                        tracing::warn!("this node's row had run out; clients are told to come back and sync");
                        around.hub.shed(Shed::All).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "this node's row could not be renewed; others may not find it");
                    continue;
                }
            }
            match self.directory.living().await {
                Ok(living) if !leaving => self.follow(&living, &mut before, &mut balance, &around).await,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the rows of other nodes cannot be read"),
            }
        }
    }

    /// Looks at who lives: whoever went with a node is told to have gone, and a node with room gets some sockets.
    async fn follow(
        &self,
        living: &[Node],
        before: &mut BTreeSet<NodeId>,
        balance: &mut Balance,
        around: &Surroundings,
    ) {
        let now: BTreeSet<NodeId> = living.iter().map(|one| one.node).collect();
        let ended = std::mem::replace(before, now).difference(before).count();
        if ended > 0 {
            tracing::info!(ended, "other nodes have ended");
            around.hub.look_again().await;
        }
        let sockets = (around.sockets)() as u64;
        let own = (self.node, sockets);
        let share = balance.share(self.clock.now_ms(), own, living, around.shed_per_mille);
        if share > 0 {
            tracing::info!(share, sockets, "some clients are sent to nodes that have room");
            metrics::counter!("dynamowave_node_sheds_total").increment(1);
            around.hub.shed(Shed::PerMille(share)).await;
        }
    }
}
