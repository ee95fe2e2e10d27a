//! Moving house: everything a home holds as a folder of records and files, and such a folder into any other home.
//! Knows the ports and the folder, no backend: whatever offers the ports can be left and moved into.
//! Invariant: a folder without its manifest is no export, and a home is not served before all of an export is in it.
//!
//! Read in this order: [`Manifest`] (what stands in the folder), `read_out` (a home as records), [`export`],
//! [`check`], [`import`]. `docs/operate/moving.md` tells operators; decision 0036 tells why.

mod blobs;
mod block;
mod check;
mod error;
mod export;
mod import;
pub mod limits;
mod manifest;
mod read_out;
mod records;
mod tally;
mod watch;

use std::sync::Arc;

use chat::{
    Announcement, Envelope,
    ports::{Moving, Queue, Store},
};
use object_store::ObjectStore;

pub use self::{
    check::check,
    error::MovingError,
    export::{Exporter, export, export_files},
    import::{ImportOptions, Imported, import},
    manifest::Manifest,
    tally::Count,
    watch::{Stage, Unwatched, Watch},
};

/// The home that is read out, or taken into.
#[derive(Clone)]
pub struct House {
    /// Its store.
    pub store: Arc<dyn Store>,
    /// Its way to move in and out.
    pub moving: Arc<dyn Moving>,
    /// Its queue of commands: empty but for dead letters, or nothing is moved.
    pub messages: Arc<dyn Queue<Envelope>>,
    /// Its queue of announcements: empty, or nothing is moved.
    pub notifications: Arc<dyn Queue<Announcement>>,
    /// Its files.
    pub files: Arc<dyn ObjectStore>,
}
