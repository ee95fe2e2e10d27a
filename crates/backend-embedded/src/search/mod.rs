//! Searching: an index beside the store, fed off the way of a message by a cursor of its own over the journal.
//! Invariant: the index only proposes; every result is read from the store and asked again whether it is one, so an index
//! that is late, lost or wrong can leave messages out but never show what is gone, changed or not the reader's (D7).
//!
//! [`schema`] is what stands in the index, [`progress`] how far it has come, [`feeder`] the thread that fills it,
//! [`newest`] how results are collected, [`port`] how it is asked. Nothing of it exists before it is needed.

mod feeder;
mod folder;
mod newest;
mod port;
mod progress;
mod schema;

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tantivy::IndexReader;
use tokio::sync::{Semaphore, oneshot};

pub(crate) use self::port::EmbeddedSearch;
use self::{folder::Opened, progress::Progress};
use crate::{
    core::Core,
    error::Fault,
    limits::{SEARCH_RESTART_AFTER_MS, SEARCHES_AT_ONCE},
};

/// The index of one backend.
pub(crate) struct SearchIndex {
    core: Arc<Core>,
    state: Mutex<State>,
    changed: Condvar,
    /// Searches at once; each takes a thread.
    permits: Semaphore,
}

type Waiter = oneshot::Sender<Result<(), Fault>>;

#[derive(Default)]
struct State {
    opened: Option<Arc<Opened>>,
    /// How far the index has come, once that has been looked up.
    progress: Option<Progress>,
    feeder: Option<JoinHandle<()>>,
    is_feeding: bool,
    is_stopping: bool,
    /// Not to be started again before then, because it failed.
    rest_until: Option<Instant>,
    /// Who wants to be told when the index has everything of now.
    waiters: Vec<Waiter>,
}

impl SearchIndex {
    pub(crate) fn new(core: Arc<Core>) -> Arc<SearchIndex> {
        let permits = Semaphore::new(SEARCHES_AT_ONCE);
        let (state, changed) = (Mutex::default(), Condvar::new());
        Arc::new(SearchIndex { core, state, changed, permits })
    }

    /// Starts feeding the index if there is something for it. Cheap when there is not.
    pub(crate) fn tick(self: &Arc<Self>) {
        let settled = self.core.messages.settled();
        let mut state = self.lock();
        let resting = state.rest_until.is_some_and(|until| Instant::now() < until);
        if state.is_feeding || state.is_stopping || resting {
            return;
        }
        let progress = state.progress.get_or_insert_with(|| folder::stored_progress(&self.core));
        if progress.is_due(&settled, self.core.now_ms(), self.core.config.erase_after_ms) {
            self.start(&mut state);
        }
    }

    /// Ends the feeder and closes the index.
    pub(crate) fn stop(&self) {
        let feeder = {
            let mut state = self.lock();
            state.is_stopping = true;
            state.waiters.clear();
            state.feeder.take()
        };
        self.changed.notify_all();
        self.permits.close();
        if let Some(feeder) = feeder {
            // It reports what fails by itself.
            let _ = feeder.join();
        }
        self.lock().opened = None;
    }

    /// Makes the index again from the store; blocks until it has everything of now. Returns how many messages it has.
    pub(crate) fn rebuild(self: &Arc<Self>) -> Result<u64, Fault> {
        let (told, done) = oneshot::channel();
        {
            let mut state = self.lock();
            if state.is_feeding {
                return Err(Fault::Stopped);
            }
            state.opened = None;
            folder::remove(&self.core)?;
            state.progress = None;
            state.waiters.push(told);
            self.start(&mut state);
        }
        done.blocking_recv().unwrap_or(Err(Fault::Stopped))?;
        Ok(self.opened(false)?.map_or(0, |opened| opened.reader.searcher().num_docs()))
    }

    fn start(self: &Arc<Self>, state: &mut State) {
        let index = Arc::clone(self);
        let thread = std::thread::Builder::new().name("search-feed".into());
        match thread.spawn(move || index.run()) {
            Ok(feeder) => {
                state.is_feeding = true;
                // The one before has ended, or is about to.
                state.feeder = Some(feeder);
            }
            Err(error) => tracing::warn!(%error, "the search index gets no thread; tried again later"),
        }
    }

    /// Feeds until there is nothing left to feed. Runs on a thread of its own.
    fn run(self: &Arc<Self>) {
        yield_to_others();
        // A panic ends this feeder and no more: state is changed under its lock only, and the index speaks for itself.
        let fed = panic::catch_unwind(AssertUnwindSafe(|| feeder::feed(self)));
        let fault = match fed {
            Ok(Ok(())) => return,
            Ok(Err(fault)) => fault.to_string(),
            Err(_) => "its feeder panicked".to_owned(),
        };
        let mut state = self.lock();
        state.is_feeding = false;
        state.opened = None;
        state.progress = None;
        state.rest_until = Some(Instant::now() + Duration::from_millis(SEARCH_RESTART_AFTER_MS));
        if !state.is_stopping {
            tracing::warn!(%fault, "the search index cannot be written; tried again later");
        }
        for waiter in state.waiters.drain(..) {
            // Who went away needs no answer.
            let _ = waiter.send(Err(Fault::Stopped));
        }
    }

    /// The index, opened at first use; `None` when there is none yet and none is to be made.
    fn opened(&self, make: bool) -> Result<Option<Arc<Opened>>, Fault> {
        let mut state = self.lock();
        if state.opened.is_none() {
            state.opened = folder::open(&self.core, make)?.map(Arc::new);
        }
        Ok(state.opened.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages on their way go first: this thread and those it starts get the time that is left.
fn yield_to_others() {
    let own = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(own), 19) {
        tracing::debug!(%error, "the search index is fed at the usual priority");
    }
}

/// Shows searches what was committed.
fn reload(reader: &IndexReader) -> Result<(), Fault> {
    reader.reload()?;
    Ok(())
}
