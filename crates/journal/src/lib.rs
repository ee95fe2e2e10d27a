//! The journal: a write-ahead log of numbered records, step 5 of a message's journey ("command → queue").
//! Knows nothing of chat, and names no runtime, clock or randomness: time and salt are the caller's.
//!
//! One writer thread gathers what arrives while the disk is busy into a group, writes it, syncs it once, and tells
//! everyone who waits (guarantee D1). Opening after a crash finds everything that was acknowledged, or says where
//! it is damaged. [`format`] describes the bytes.
//!
//! ```
//! use std::sync::{Arc, mpsc};
//! use journal::{FileSystem, Journal, NewRecord, Options, Position};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let disk = Arc::new(FileSystem::open(folder.path())?);
//! let (journal, recovered) = Journal::open(disk, Options::default())?;
//! assert_eq!(recovered.last, Position::ZERO);
//!
//! let (sender, acknowledged) = mpsc::channel();
//! let record = NewRecord::new(1, 1_700_000_000_000, "hello");
//! journal.append(vec![record], move |outcome| drop(sender.send(outcome)))?;
//! assert_eq!(acknowledged.recv()??.last, Position(1));
//!
//! let mut records = Vec::new();
//! journal.reader(Position(1)).read(100, 1 << 20, &mut records)?;
//! assert_eq!(&records[0].payload[..], b"hello");
//! journal.close()?;
//! # Ok(())
//! # }
//! ```

mod catalog;
mod copy;
mod disk;
mod error;
mod file_system;
pub mod format;
mod journal;
pub mod limits;
mod maintain;
mod options;
mod pending;
mod pool;
mod preparer;
mod reader;
mod record;
mod recovery;
mod scan;
mod segment;
mod shared;
pub mod simulated;
mod verify;
mod writer;

pub use crate::{
    copy::{Copied, Until, copy},
    disk::{Disk, File},
    error::{AppendError, Damage, Failure, MaintainError, OpenError, ReadError},
    file_system::FileSystem,
    journal::{Journal, Stepper},
    maintain::Rewritten,
    options::{Archive, Options},
    reader::Reader,
    record::{Appended, NewRecord, Position, Record},
    recovery::Recovered,
    shared::{Hooks, OnCommit, OnFailure},
    verify::{Verified, verify},
};
