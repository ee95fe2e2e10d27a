//! Nodes and their sockets, without sockets: what a node hears goes to the clients that may hear it.
//! Knows members only through the store, at the moment of telling, as a gateway does.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chat::{Announcement, ConnectionId, EventKind, NodeId, UserId, ports::Store};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::model::Inbox;

/// What a client hears.
pub(super) type Ear = UnboundedReceiver<Arc<Announcement>>;

/// All open sockets of all nodes.
#[derive(Default)]
pub(super) struct Hub {
    sockets: Mutex<BTreeMap<ConnectionId, Socket>>,
}

struct Socket {
    user: UserId,
    node: NodeId,
    sender: UnboundedSender<Arc<Announcement>>,
}

impl Hub {
    /// Opens a socket.
    pub(super) fn open(&self, connection: ConnectionId, user: UserId, node: NodeId) -> Ear {
        let (sender, ear) = unbounded_channel();
        self.lock().insert(connection, Socket { user, node, sender });
        ear
    }

    /// Closes a socket. What was on its way is lost.
    pub(super) fn close(&self, connection: ConnectionId) {
        self.lock().remove(&connection);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Socket>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays a node until nobody can announce to it any more.
    pub(super) async fn play(&self, node: NodeId, mut inbox: Inbox, store: &dyn Store) {
        while let Some(announcement) = inbox.recv().await {
            self.tell(node, &announcement, store).await;
        }
    }

    async fn tell(&self, node: NodeId, announcement: &Arc<Announcement>, store: &dyn Store) {
        let here: Vec<UserId> =
            self.lock().values().filter(|socket| socket.node == node).map(|socket| socket.user).collect();
        let mut hearers = Vec::new();
        for user in here {
            if may_hear(store, announcement, user).await {
                hearers.push(user);
            }
        }
        for socket in self.lock().values() {
            if socket.node == node && hearers.contains(&socket.user) {
                // A client that is gone hears nothing.
                let _ = socket.sender.send(announcement.clone());
            }
        }
    }
}

async fn may_hear(store: &dyn Store, announcement: &Announcement, user: UserId) -> bool {
    match announcement {
        Announcement::Event { event, .. } => {
            let removed = matches!(event.kind, EventKind::MemberRemoved { user: gone } if gone == user);
            removed || matches!(store.member(event.conversation, user).await, Ok(Some(_)))
        }
        Announcement::Failed { user: sender, .. } => *sender == user,
        _ => false,
    }
}
