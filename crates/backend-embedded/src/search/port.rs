//! The search port: candidates from the index, each read from the store and asked again.
//! Runs on a few threads for blocking work: a search never holds up the sockets of a shard (D6).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use chat::{
    ConversationId, Row,
    ports::{ErrorKind, PortError, Search, SearchCapabilities, SearchPage},
    search::{Phrase, Place, SearchQuery},
};
use rustc_hash::FxHashMap;
use tantivy::{
    Searcher, Term,
    query::{AllQuery, BooleanQuery, Occur, PhrasePrefixQuery, PhraseQuery, Query, TermQuery},
    schema::IndexRecordOption,
};
use tokio::sync::oneshot;

use super::{SearchIndex, folder::Opened, newest::Newest, schema};
use crate::{
    error::Fault,
    keys,
    limits::{SEARCH_CANDIDATES_MIN, SEARCH_ROOM_TERMS_MAX, SEARCH_ROUNDS_MAX, SEARCHES_WAITING_MAX},
};

type Rooms = FxHashMap<u64, ConversationId>;

/// The port.
pub(crate) struct EmbeddedSearch {
    index: Arc<SearchIndex>,
    waiting: AtomicUsize,
}

/// Counts one search for as long as it waits or works, also when its request is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl EmbeddedSearch {
    pub(crate) fn new(index: Arc<SearchIndex>) -> EmbeddedSearch {
        EmbeddedSearch { index, waiting: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Search for EmbeddedSearch {
    fn capabilities(&self) -> SearchCapabilities {
        SearchCapabilities { reads_own_writes: false, rebuildable: true }
    }

    async fn search(&self, query: SearchQuery) -> Result<SearchPage, PortError> {
        const OPERATION: &str = "search.search (embedded)";
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _counted = Waiting(&self.waiting);
        if waiting >= SEARCHES_WAITING_MAX {
            return Err(PortError::new(ErrorKind::Overloaded, OPERATION));
        }
        let stopped = |_| Fault::Stopped.at(OPERATION);
        let _permit = self.index.permits.acquire().await.map_err(stopped)?;
        let index = Arc::clone(&self.index);
        let page = tokio::task::spawn_blocking(move || index.search(&query)).await;
        let page = page.map_err(|error| PortError::new(ErrorKind::Internal, OPERATION).caused_by(error))?;
        page.map_err(|fault| fault.at(OPERATION))
    }

    async fn refresh(&self) -> Result<(), PortError> {
        const OPERATION: &str = "search.refresh (embedded)";
        let (told, done) = oneshot::channel();
        {
            let mut state = self.index.lock();
            if state.is_stopping {
                return Err(Fault::Stopped.at(OPERATION));
            }
            state.waiters.push(told);
            if state.is_feeding {
                self.index.changed.notify_all();
            } else {
                self.index.start(&mut state);
            }
        }
        let outcome = done.await.unwrap_or(Err(Fault::Stopped));
        outcome.map_err(|fault| fault.at(OPERATION))
    }
}

impl SearchIndex {
    fn search(self: &Arc<Self>, query: &SearchQuery) -> Result<SearchPage, Fault> {
        self.tick();
        let is_partial = self.lock().progress.as_ref().is_some_and(|progress| progress.filling.is_some());
        let empty = SearchPage { is_partial, ..SearchPage::default() };
        let rooms = self.rooms(query)?;
        if rooms.is_empty() || query.rows_max == 0 {
            return Ok(empty);
        }
        let Some(opened) = self.opened(false)? else { return Ok(empty) };
        let page = self.page(&opened, query, Arc::new(rooms))?;
        Ok(SearchPage { is_partial, ..page })
    }

    /// The conversations to be searched: those of the reader at this moment.
    fn rooms(&self, query: &SearchQuery) -> Result<Rooms, Fault> {
        let mut rooms = Rooms::default();
        if let Some(within) = &query.within {
            for id in within {
                if self.core.member(*id, query.reader)?.is_some() {
                    rooms.insert(schema::room(*id), *id);
                }
            }
            return Ok(rooms);
        }
        let all = keys::memberships(query.reader);
        for pair in self.core.engine.prefix(&all) {
            let id = ConversationId::from_bytes(keys::id(&pair?.0, all.len()));
            rooms.insert(schema::room(id), id);
        }
        Ok(rooms)
    }

    fn page(&self, opened: &Opened, query: &SearchQuery, rooms: Arc<Rooms>) -> Result<SearchPage, Fault> {
        let searcher = opened.reader.searcher();
        let wanted = wanted(opened, &searcher, query, &rooms)?;
        let mut newest = Newest {
            rooms,
            before: query.before,
            since: query.since,
            after: query.after,
            times: Arc::clone(&opened.times),
            places_max: (query.rows_max + 1).max(SEARCH_CANDIDATES_MIN),
        };
        let mut rows: Vec<Row> = Vec::with_capacity(query.rows_max + 1);
        for _ in 0..SEARCH_ROUNDS_MAX {
            let places = searcher.search(&wanted, &newest)?;
            for place in &places {
                let row = self.core.row(place.conversation, place.seq)?;
                rows.extend(row.filter(|row| query.finds(row)));
                if rows.len() > query.rows_max {
                    rows.truncate(query.rows_max);
                    let next = rows.last().map(Place::of);
                    return Ok(SearchPage { rows, next, is_partial: false });
                }
            }
            let is_last = places.len() < newest.places_max;
            newest.after = places.last().copied().or(newest.after);
            if is_last {
                return Ok(SearchPage { rows, next: None, is_partial: false });
            }
        }
        // Many candidates were none: the rest is for the next page.
        Ok(SearchPage { rows, next: newest.after, is_partial: false })
    }
}

/// What the index is asked: everything that can be told by lists of messages. Times are told by columns.
fn wanted(
    opened: &Opened,
    searcher: &Searcher,
    query: &SearchQuery,
    rooms: &Rooms,
) -> Result<BooleanQuery, Fault> {
    let fields = opened.fields;
    let mut all: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    let mut fewest = u64::MAX;
    for phrase in &query.phrases {
        all.push((Occur::Must, of_phrase(phrase, opened)));
        for (at, (_, word)) in phrase.words().iter().enumerate() {
            if !phrase.is_prefix() || at + 1 < phrase.words().len() {
                fewest = fewest.min(searcher.doc_freq(&Term::from_field_text(fields.text, word))?);
            }
        }
    }
    if !query.from.is_empty() {
        let senders =
            query.from.iter().map(|user| Term::from_field_u64(fields.sender, schema::sender(*user)));
        all.push((Occur::Must, any_of(senders.collect())));
    }
    if query.has_file {
        all.push((Occur::Must, any_of(vec![Term::from_field_u64(fields.file, 1)])));
    }
    if rooms.len() <= SEARCH_ROOM_TERMS_MAX {
        let terms: Vec<Term> = rooms.keys().map(|room| Term::from_field_u64(fields.room, *room)).collect();
        let mut messages = 0_u64;
        for term in &terms {
            messages = messages.saturating_add(searcher.doc_freq(term)?);
        }
        // Worth while when the conversations have fewer messages than the words.
        if messages < fewest {
            all.push((Occur::Must, any_of(terms)));
        }
    }
    if all.is_empty() {
        all.push((Occur::Must, Box::new(AllQuery)));
    }
    Ok(BooleanQuery::new(all))
}

fn any_of(terms: Vec<Term>) -> Box<dyn Query> {
    let term = |term| Box::new(TermQuery::new(term, IndexRecordOption::Basic)) as Box<dyn Query>;
    Box::new(BooleanQuery::union(terms.into_iter().map(term).collect()))
}

/// Lists that hold every message with the phrase. A beginning is looked for anywhere in the message: whether it stands
/// where it should, the message itself tells.
fn of_phrase(phrase: &Phrase, opened: &Opened) -> Box<dyn Query> {
    let term = |(at, word): &(usize, String)| (*at, Term::from_field_text(opened.fields.text, word));
    let mut terms: Vec<(usize, Term)> = phrase.words().iter().map(term).collect();
    if !phrase.is_prefix() {
        return beside_each_other(terms);
    }
    let Some((_, beginning)) = terms.pop() else { return Box::new(AllQuery) };
    let mut beginning = PhrasePrefixQuery::new(vec![beginning]);
    beginning.set_max_expansions(u32::MAX);
    if terms.is_empty() {
        return Box::new(beginning);
    }
    Box::new(BooleanQuery::intersection(vec![beside_each_other(terms), Box::new(beginning)]))
}

fn beside_each_other(mut terms: Vec<(usize, Term)>) -> Box<dyn Query> {
    match terms.pop() {
        Some((_, only)) if terms.is_empty() => Box::new(TermQuery::new(only, IndexRecordOption::Basic)),
        last => {
            terms.extend(last);
            Box::new(PhraseQuery::new_with_offset(terms))
        }
    }
}
