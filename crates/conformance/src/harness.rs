//! How a backend plugs into the suites, and the tools the suites drive it with.
//! Does not know what is behind the ports; a case asks the capabilities and never loosens what it asserts.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chat::{
    Announcement, Envelope, NodeId,
    ports::{Clock, Commands, Directory, Queue, Randomness, Search, Store},
};
use pipeline::{AppliedHook, Persister, PersisterOptions};

/// A backend's ports.
#[derive(Clone)]
pub struct Backend {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Commands on their way.
    pub messages: Arc<dyn Queue<Envelope>>,
    /// Announcements on their way.
    pub notifications: Arc<dyn Queue<Announcement>>,
    /// The way in.
    pub commands: Arc<dyn Commands>,
    /// The connection table.
    pub directory: Arc<dyn Directory>,
    /// Searching in messages.
    pub search: Arc<dyn Search>,
    /// The time it goes by.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub randomness: Arc<dyn Randomness>,
    /// What its persister has to call with every durable outcome, if anything.
    pub applied: Option<AppliedHook>,
    /// Nodes whose connections it can hold: one for a backend of one process, else two.
    pub nodes: Vec<NodeId>,
}

/// Opens backends for the suites. Each test makes a harness of its own, so backends do not see each other.
#[async_trait]
pub trait Harness: Send + Sync {
    /// A new backend, empty.
    async fn open(&self) -> Backend;

    /// Ends all processes of a backend as a crash does, and opens it again. Called only where the capabilities say
    /// that something survives.
    async fn restart(&self, backend: Backend) -> Backend;

    /// A new backend whose messages queue is full with this many items; `None` where the bound cannot be set.
    async fn open_bounded(&self, items_max: usize) -> Option<Backend> {
        let _ = items_max;
        None
    }

    /// How long a lease lives, where leases expire; short enough to wait for.
    fn lease_life(&self) -> Option<Duration> {
        None
    }
}

impl Backend {
    /// A persister for this backend that also calls `hook`. Waits for a lease at most `lease_wait`.
    #[must_use]
    pub fn persister(&self, lease_wait: Duration, hook: AppliedHook) -> Persister {
        let own = self.applied.clone();
        let options = PersisterOptions { lease_wait, ..PersisterOptions::default() };
        Persister::new(
            self.messages.clone(),
            self.store.clone(),
            self.notifications.clone(),
            self.clock.clone(),
            self.randomness.clone(),
            options,
        )
        .on_applied(Arc::new(move |envelope, outcome| {
            if let Some(own) = &own {
                own(envelope, outcome);
            }
            hook(envelope, outcome);
        }))
    }
}
