//! Figures for metrics: how far, how full, how large.
//! Read when asked; nothing counts along the hot path for them.

use std::{path::Path, sync::atomic::Ordering};

use crate::{core::Core, directory::EmbeddedDirectory};

/// Figures as of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Last durable position of the journal.
    pub journal_committed: u64,
    /// First position the journal can read.
    pub journal_first: u64,
    /// Bytes of the journal's files, archive included.
    pub journal_bytes: u64,
    /// Position of the last change applied to the store.
    pub changes_applied: u64,
    /// Position up to which every command is done with.
    pub commands_done: u64,
    /// Commands waiting, leased ones not included.
    pub commands_waiting: u64,
    /// Commands leased and not settled.
    pub commands_in_flight: u64,
    /// How long the next command has been ready, milliseconds.
    pub commands_lag_ms: u64,
    /// Bytes of commands in memory.
    pub commands_memory_bytes: u64,
    /// Bytes of the store's tables.
    pub store_bytes: u64,
    /// Bytes of rows that are in memory alone.
    pub store_memory_bytes: u64,
    /// Connections held.
    pub connections: u64,
}

impl Gauges {
    pub(crate) fn read(core: &Core, directory: &EmbeddedDirectory) -> Gauges {
        let now_ms = core.now_ms();
        let depth = core.messages.depth(now_ms);
        let journal = core.config.data.join("journal");
        Gauges {
            journal_committed: core.journal.committed().0,
            journal_first: core.journal.first().0,
            journal_bytes: folder_bytes(&journal) + folder_bytes(&journal.join("archive")),
            changes_applied: core.changes_applied.load(Ordering::Relaxed),
            commands_done: core.messages.low_position(),
            commands_waiting: depth.waiting,
            commands_in_flight: depth.in_flight,
            commands_lag_ms: core.messages.lag(now_ms).1,
            commands_memory_bytes: core.messages.memory_bytes() as u64,
            store_bytes: core.engine.disk_bytes(),
            store_memory_bytes: core.engine.memory_bytes(),
            connections: directory.connections() as u64,
        }
    }
}

/// Bytes of the files right inside a folder; what cannot be read counts as nothing.
fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let files = entries.flatten().filter_map(|entry| entry.metadata().ok());
    files.filter(std::fs::Metadata::is_file).map(|file| file.len()).sum()
}
