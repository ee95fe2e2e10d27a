//! Steps 6 and 7 of a message's journey: commands out of the queue become stored events, events reach their nodes.
//! Knows the ports alone: no backend, no socket, no wire format, no clock or randomness of its own.
//!
//! Everything here may happen twice and is safe to: a worker that dies between any two lines leaves its leases
//! unsettled, another one finds the events stored (D2), tells of them again (D4) and settles.

pub mod dead_letters;
pub mod limits;
mod meters;
mod notifier;
mod outgoing;
mod persister;
pub mod retry;
mod round;
mod settling;
mod suspects;
mod telling;
mod worker;

pub use self::{
    notifier::{Notifier, NotifierOptions, NotifierProgress},
    persister::{AppliedHook, Persister, PersisterOptions, Progress},
};
