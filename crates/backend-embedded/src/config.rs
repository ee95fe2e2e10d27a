//! How an embedded backend is set up: where its files are and how much memory they may take.
//! Options lower the bounds of [`limits`](crate::limits); what they mean for an operator is in `docs/`.

use std::path::PathBuf;

use crate::limits;

/// What happens to journal segments once everything in them is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// They are kept in the journal's archive: the store can be rebuilt from them (D8).
    Keep,
    /// Their files are used again. The store is then the only copy of what they held.
    Recycle,
}

/// The set-up of one backend.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder; `journal` and `store` are made in it.
    pub data: PathBuf,
    /// Bytes of one journal segment; whole pages of 4 KiB, at least a commit group (2 MiB) and a page.
    pub segment_bytes: u64,
    /// What happens to old segments.
    pub history: History,
    /// How long after its deletion the text of a message may still stand in the journal and in old tables,
    /// milliseconds. Its rows lose it at once.
    pub erase_after_ms: u64,
    /// Bytes of new rows kept in memory.
    pub memtable_bytes: u64,
    /// Bytes of table blocks kept in memory.
    pub block_cache_bytes: u64,
    /// Bytes of accepted commands kept in memory.
    pub queue_memory_bytes: usize,
    /// Accepted commands that may wait.
    pub queue_items_max: u64,
    /// Age of the oldest waiting command above which no more are taken, milliseconds.
    pub queue_age_max_ms: u64,
}

impl Config {
    /// The usual set-up with this data folder.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Config {
        Config {
            data: data.into(),
            segment_bytes: journal::limits::SEGMENT_BYTES_DEFAULT,
            history: History::Keep,
            erase_after_ms: limits::ERASE_AFTER_MS_DEFAULT,
            memtable_bytes: limits::MEMTABLE_BYTES_DEFAULT,
            block_cache_bytes: limits::BLOCK_CACHE_BYTES_DEFAULT,
            queue_memory_bytes: limits::QUEUE_MEMORY_BYTES_DEFAULT,
            queue_items_max: limits::QUEUE_ITEMS_MAX_DEFAULT,
            queue_age_max_ms: limits::QUEUE_AGE_MAX_MS_DEFAULT,
        }
    }
}
