//! A whole backend in memory, written for clarity: the reference for what the ports promise, SQS and DynamoDB included.
//! Invariant: everything it does by chance is thrown by the dice it was given.

mod announcer;
mod commands;
mod directory;
mod harness;
mod queue;
mod search;
mod store;

use std::sync::Arc;

use chat::{Announcement, Envelope, Epoch, ports::Clock};

pub use self::{
    announcer::{Inbox, ModelAnnouncer},
    commands::{ModelCommands, item},
    directory::ModelDirectory,
    harness::ModelHarness,
    queue::{ModelQueue, QueueOptions},
    search::ModelSearch,
    store::ModelStore,
};
use crate::dice::Dice;

/// A backend in memory. Clones share it.
#[derive(Clone)]
pub struct Model {
    /// The store.
    pub store: ModelStore,
    /// Commands on their way to the store.
    pub messages: ModelQueue<Envelope>,
    /// Events on their way to the nodes.
    pub notifications: ModelQueue<Announcement>,
    /// The way in.
    pub commands: ModelCommands,
    /// The connection table.
    pub directory: ModelDirectory,
    /// The nodes.
    pub announcer: ModelAnnouncer,
    /// The time it goes by.
    pub clock: Arc<dyn Clock>,
}

impl Model {
    /// An empty backend.
    #[must_use]
    pub fn new(options: QueueOptions, clock: Arc<dyn Clock>, dice: &Dice) -> Model {
        let store = ModelStore::new(Epoch::from_u128(u128::from(dice.throw())));
        let messages = ModelQueue::new(options, clock.clone(), dice.fork());
        let notifications = ModelQueue::new(options, clock.clone(), dice.fork());
        Model {
            commands: ModelCommands::new(Arc::new(messages.clone())),
            directory: ModelDirectory::new(Arc::new(store.clone()), clock.clone()),
            announcer: ModelAnnouncer::default(),
            store,
            messages,
            notifications,
            clock,
        }
    }

    /// What a restart of every process does: leases are void, soft state is gone, the rest is there.
    #[must_use]
    pub fn restarted(self) -> Model {
        self.messages.forget_leases();
        self.notifications.forget_leases();
        Model {
            commands: ModelCommands::new(Arc::new(self.messages.clone())),
            directory: ModelDirectory::new(Arc::new(self.store.clone()), self.clock.clone()),
            announcer: ModelAnnouncer::default(),
            ..self
        }
    }
}
