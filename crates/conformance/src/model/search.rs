//! The search port over the model store: a plain look at every message, the reference for every index.
//! Knows no words of its own: `SearchQuery::finds` says what a result is.

use std::{cmp::Reverse, sync::Arc};

use async_trait::async_trait;
use chat::{
    Row,
    ports::{EventsQuery, PortError, Search, SearchCapabilities, SearchPage, Store},
    search::{Place, SearchQuery},
};

/// Rows looked at in one go.
const ROWS: usize = 500;

/// Searching by looking.
#[derive(Clone)]
pub struct ModelSearch(Arc<dyn Store>);

impl ModelSearch {
    /// Searches what is in this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> ModelSearch {
        ModelSearch(store)
    }
}

#[async_trait]
impl Search for ModelSearch {
    fn capabilities(&self) -> SearchCapabilities {
        SearchCapabilities { reads_own_writes: true, rebuildable: false }
    }

    async fn search(&self, query: SearchQuery) -> Result<SearchPage, PortError> {
        let mut rows: Vec<Row> = Vec::new();
        for (conversation, meta, _) in self.0.memberships(query.reader).await? {
            let mut after = 0;
            while after < meta.head {
                let page = self.0.events(conversation, EventsQuery::After(after), ROWS, usize::MAX).await?;
                let Some(last) = page.rows.last() else { break };
                after = last.event.seq;
                rows.extend(page.rows.into_iter().filter(|row| query.finds(row)));
            }
        }
        rows.sort_by_key(|row| Reverse(Place::of(row)));
        let is_more = rows.len() > query.rows_max;
        rows.truncate(query.rows_max);
        let next = if is_more { rows.last().map(Place::of) } else { None };
        Ok(SearchPage { rows, next, is_partial: false })
    }

    async fn refresh(&self) -> Result<(), PortError> {
        Ok(())
    }
}
