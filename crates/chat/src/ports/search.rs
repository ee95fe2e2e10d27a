//! The search port: which messages that somebody may see have what is asked for.
//! An index behind it may be late and may be lost; the store stays the truth, so a result is always a message as it is now.

use async_trait::async_trait;

use super::PortError;
use crate::{
    event::Row,
    search::{Place, SearchQuery},
};

/// What a search backend can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchCapabilities {
    /// What is applied is found at once, without [`Search::refresh`].
    pub reads_own_writes: bool,
    /// Its index can be made again from what the store has, with the same answers.
    pub rebuildable: bool,
}

/// One page of results.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchPage {
    /// Messages as they are now, newest first.
    pub rows: Vec<Row>,
    /// Where the next page begins, `None` when there is none. A page may have fewer rows than asked and a next one.
    pub next: Option<Place>,
    /// Older messages are still being indexed, so some may be missing.
    pub is_partial: bool,
}

/// Searching. All methods may be called from many tasks at once.
#[async_trait]
pub trait Search: Send + Sync {
    /// What this backend can do.
    fn capabilities(&self) -> SearchCapabilities;

    /// Messages that [`SearchQuery::finds`], in conversations that the reader is a member of at this moment (D7),
    /// newest first, at most `rows_max`. `Overloaded` when too many searches are waiting.
    async fn search(&self, query: SearchQuery) -> Result<SearchPage, PortError>;

    /// Returns when everything that was applied before the call can be found.
    async fn refresh(&self) -> Result<(), PortError>;
}
