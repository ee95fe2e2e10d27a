//! What a backend must offer: a durable ordered queue, a store, a connection directory, a way to tell nodes,
//! a way to move in and out.
//! Contracts for implementers, kept small; every method says what is atomic and what may happen twice.

mod clock;
mod directory;
mod error;
mod moving;
mod queue;
mod search;
mod store;

pub use self::{
    clock::{Clock, Randomness},
    directory::{Announcer, Connection, Directory, Ticket},
    error::{ErrorKind, PortError, Retry},
    moving::{Arrival, Moving},
    queue::{DeadLetter, Depth, Item, Lease, LeaseId, Queue, QueueCapabilities, Settlement},
    search::{Search, SearchCapabilities, SearchPage},
    store::{
        Append, AppendOutcome, ChangedSince, Commands, ConversationEntry, EventsPage, EventsQuery,
        MemberEntry, Store, StoreCapabilities, UploadEntry,
    },
};
