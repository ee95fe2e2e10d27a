//! Searching by looking: the newest rows of the reader's own conversations, up to a bound (decision 0022).
//! Knows no index: what a result is says `SearchQuery::finds`, and every row is read as it is now (D7).

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use chat::{
    ConversationId, Row, Seq,
    ports::{ErrorKind, PortError, Search, SearchCapabilities, SearchPage},
    search::{Place, SearchQuery},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;

use crate::{
    error::plain,
    limits::{
        CLOCKS_APART_MS, REQUESTS_AT_ONCE_MAX, SEARCH_PAGE_ROWS, SEARCH_ROWS_READ_MAX, SEARCHES_AT_ONCE_MAX,
    },
    store::Core,
};

/// The port. Clones share it.
#[derive(Clone)]
pub(crate) struct AwsSearch {
    store: Arc<Core>,
    running: Arc<Semaphore>,
    rows_read_max: usize,
}

impl AwsSearch {
    pub(crate) fn new(store: Arc<Core>) -> AwsSearch {
        let running = Arc::new(Semaphore::new(SEARCHES_AT_ONCE_MAX));
        AwsSearch { store, running, rows_read_max: SEARCH_ROWS_READ_MAX }
    }

    /// One page further back in each of these conversations, from the place that each has reached.
    async fn further_back(
        &self,
        open: &BTreeMap<ConversationId, Seq>,
    ) -> Result<Vec<(ConversationId, Vec<Row>)>, PortError> {
        let places: Vec<(ConversationId, Seq)> = open.iter().map(|(id, before)| (*id, *before)).collect();
        let pages = stream::iter(places).map(async |(id, before)| {
            // Every row as it is now; an edit's row is no result, so it needs no text.
            Ok((id, self.store.downwards(id, before.saturating_sub(1), SEARCH_PAGE_ROWS).await?))
        });
        pages.buffer_unordered(REQUESTS_AT_ONCE_MAX).try_collect().await
    }
}

#[async_trait]
impl Search for AwsSearch {
    fn capabilities(&self) -> SearchCapabilities {
        SearchCapabilities { reads_own_writes: true, rebuildable: true }
    }

    async fn search(&self, query: SearchQuery) -> Result<SearchPage, PortError> {
        let full = |_| plain(ErrorKind::Overloaded, "search (too many at the same time)");
        let _running = self.running.try_acquire().map_err(full)?;
        let own = self.store.memberships(query.reader).await?;
        let asked = |id: &ConversationId| query.within.as_ref().is_none_or(|within| within.contains(id));
        // The newest conversations first: they are read on as long as they may have something newer than what is found.
        let mut open: BTreeMap<ConversationId, Seq> = own
            .iter()
            .filter(|(id, meta, _)| asked(id) && meta.messages > 0)
            .map(|(id, meta, _)| (*id, meta.last_message + 1))
            .collect();
        let (mut hits, mut read) = (Vec::new(), 0);
        while !open.is_empty() && read < self.rows_read_max {
            let mut next = BTreeMap::new();
            let newest_needed = needed(&mut hits, query.rows_max);
            for (id, rows) in self.further_back(&open).await? {
                read += rows.len();
                let Some(oldest) = rows.last().map(|row| (row.event.seq, row.event.at)) else { continue };
                let is_far_back = |limit: u64| oldest.1.saturating_add(CLOCKS_APART_MS) < limit;
                let is_over = oldest.0 <= 1
                    || newest_needed.is_some_and(is_far_back)
                    || query.since.is_some_and(is_far_back);
                if !is_over {
                    next.insert(id, oldest.0);
                }
                hits.extend(rows.into_iter().filter(|row| query.finds(row)));
            }
            open = next;
        }
        hits.sort_by_key(|row| Reverse(Place::of(row)));
        let is_more = hits.len() > query.rows_max;
        hits.truncate(query.rows_max);
        let next = if is_more { hits.last().map(Place::of) } else { None };
        Ok(SearchPage { rows: hits, next, is_partial: !open.is_empty() && !is_more })
    }

    async fn refresh(&self) -> Result<(), PortError> {
        Ok(())
    }
}

/// The time before which nothing can be on the page any more: that of the row after its last one. What stands behind
/// that row is forgotten.
fn needed(hits: &mut Vec<Row>, rows_max: usize) -> Option<u64> {
    if hits.len() <= rows_max {
        return None;
    }
    hits.sort_by_key(|row| Reverse(Place::of(row)));
    hits.truncate(rows_max + 1);
    hits.last().map(|row| row.event.at)
}
