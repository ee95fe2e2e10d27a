//! The ports in one process: steps 5 to 7 of a message's journey on a journal, a store projected from it, and memory.
//! Knows no socket and no wire format; everything that changes state is a journal record first (D1, D8).
//!
//! [`Embedded::open`] puts it together. Read on in this order: `record` (what stands in the journal), `keys` and
//! `codec` (what stands in the store), `apply` (how one becomes the other), `queue`, `replay`, `search`.
//! `docs/storage-format.md` describes the bytes.

mod apply;
mod cache;
mod changed;
mod codec;
mod commands;
mod config;
mod core;
mod directory;
mod embedded;
mod engine;
mod erase;
mod error;
mod failure;
mod gauges;
mod housekeeping;
mod inspect;
mod keys;
pub mod limits;
mod migrations;
mod moving;
mod queue;
mod record;
mod replay;
mod restore;
mod search;
mod store;

pub use crate::{
    commands::AppliedHook,
    config::{Config, History},
    embedded::{Embedded, Opened},
    error::{Fault, OpenError},
    failure::OnFailure,
    gauges::Gauges,
    inspect::{Inspector, RawRow},
    restore::{RestoreError, RestoreUntil, Restored, restore},
};
