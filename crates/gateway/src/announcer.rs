//! The way announcements reach the shards: each is encoded once, as the very bytes that go onto the wire.
//! Invariant: an announcement that was taken is in the channel of every shard; a full channel makes the announcer
//! wait, so that a backlog stays in the notifications queue (D6).

use std::sync::Arc;

use async_trait::async_trait;
use chat::{
    Announcement, NodeId,
    ports::{Announcer, PortError},
};
use protocol::frame::ServerFrame;
use tokio::sync::mpsc;

use crate::{limits::ANNOUNCED_BATCHES_MAX, websocket};

/// Makes the two halves of the way from the pipeline to the sockets. The first half is an [`Announcer`] and can be
/// handed out before there is a gateway.
#[derive(Debug)]
pub struct Hub;

impl Hub {
    /// Channels to this many shards: [`crate::Options::shard_count`] tells how many a gateway will have.
    #[must_use]
    #[allow(clippy::new_ret_no_self, reason = "the hub is its two halves")]
    pub fn new(shards: usize) -> (Arc<HubHandle>, Inboxes) {
        let channels = (0..shards.max(1)).map(|_| mpsc::channel(ANNOUNCED_BATCHES_MAX));
        let (senders, receivers) = channels.unzip();
        (Arc::new(HubHandle { shards: senders }), Inboxes(receivers))
    }
}

/// Tells the sockets of this process.
#[derive(Debug)]
pub struct HubHandle {
    shards: Vec<mpsc::Sender<Inbound>>,
}

/// Which connections are told to come back, to this node or another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shed {
    /// All of them: they have missed something that nobody knows any more.
    All,
    /// So many of a thousand, at random: other nodes have room.
    PerMille(u16),
}

/// What comes to a shard from outside.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// To be told.
    Batch(Batch),
    /// To be sent away.
    Shed(Shed),
    /// Watched people may have gone without anybody telling.
    LookAgain,
}

/// The shards' ends of the channels, for [`crate::Gateway::start`].
#[derive(Debug)]
pub struct Inboxes(pub(crate) Vec<mpsc::Receiver<Inbound>>);

/// Announcements on their way to a shard, shared by all shards.
pub(crate) type Batch = Arc<[Telling]>;

/// One announcement with its frame.
#[derive(Debug)]
pub(crate) struct Telling {
    pub(crate) announcement: Arc<Announcement>,
    /// The whole WebSocket frame; empty where nothing is sent.
    pub(crate) frame: Box<[u8]>,
}

impl Telling {
    pub(crate) fn new(announcement: Arc<Announcement>) -> Telling {
        let frame = ServerFrame::of(&announcement)
            .map(|frame| websocket::text(&frame.encode()).into_boxed_slice())
            .unwrap_or_default();
        Telling { announcement, frame }
    }
}

impl HubHandle {
    /// Tells clients to come back, each after a random part of the spread of the options. What was accepted from them
    /// is answered first; nothing is lost, because they sync (D4). Returns before they have gone.
    pub async fn shed(&self, shed: Shed) {
        for shard in &self.shards {
            // A shard that has ended has none.
            let _ = shard.send(Inbound::Shed(shed)).await;
        }
    }
}

impl HubHandle {
    /// Looks how the people are whose presence is watched here, and tells who has gone: when a node has ended, nobody
    /// else says so.
    pub async fn look_again(&self) {
        for shard in &self.shards {
            // A shard that has ended has nobody who watches.
            let _ = shard.send(Inbound::LookAgain).await;
        }
    }
}

#[async_trait]
impl Announcer for HubHandle {
    /// The node is this one, whatever its id: who tells several nodes chooses the announcer by the node.
    async fn announce(&self, _node: NodeId, batch: Vec<Arc<Announcement>>) -> Result<(), PortError> {
        let batch: Batch = batch.into_iter().map(Telling::new).collect();
        for shard in &self.shards {
            // A shard that has ended has no sockets left; its clients sync elsewhere (D4).
            let _ = shard.send(Inbound::Batch(Arc::clone(&batch))).await;
        }
        Ok(())
    }
}
