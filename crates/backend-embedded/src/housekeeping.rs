//! What is done now and then: notes of what is settled, last-seen times, erasing the text of deleted messages, a look at
//! whether the search index lacks something.
//! Nothing waits for it, and nothing is lost when it does not come to it.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use chat::Change;
use parking_lot::Mutex;

use crate::{
    core::Core,
    directory::EmbeddedDirectory,
    erase,
    limits::{ERASURE_INTERVAL_MS, HOUSEKEEPING_INTERVAL_MS},
    record::{JournaledChange, Record},
    search::SearchIndex,
};

/// The thread that does it.
pub(crate) struct Housekeeping {
    stop: Mutex<Option<mpsc::Sender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Housekeeping {
    pub(crate) fn start(
        core: Arc<Core>,
        directory: Arc<EmbeddedDirectory>,
        search: Arc<SearchIndex>,
    ) -> std::io::Result<Housekeeping> {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("store-keep".into());
        let thread = thread.spawn(move || {
            let interval = Duration::from_millis(HOUSEKEEPING_INTERVAL_MS);
            let mut rounds = 0;
            while stopped.recv_timeout(interval) == Err(mpsc::RecvTimeoutError::Timeout) {
                round(&core, &directory);
                search.tick();
                rounds += 1;
                if rounds % (ERASURE_INTERVAL_MS / HOUSEKEEPING_INTERVAL_MS) == 0 {
                    erase_due(&core);
                }
            }
        })?;
        Ok(Housekeeping { stop: Mutex::new(Some(stop)), thread: Mutex::new(Some(thread)) })
    }

    pub(crate) fn stop(&self) {
        self.stop.lock().take();
        if let Some(thread) = self.thread.lock().take() {
            // It does not panic; if it did, there is nothing left to be done about it.
            let _ = thread.join();
        }
    }

    /// One more round before everything ends: everybody connected was here until now.
    pub(crate) fn last_words(&self, core: &Arc<Core>, directory: &EmbeddedDirectory) {
        directory.see_all(core.now_ms());
        round(core, directory);
    }
}

fn round(core: &Arc<Core>, directory: &EmbeddedDirectory) {
    if core.failure.has_failed() {
        return;
    }
    loop {
        let seen = directory.take_seen();
        if seen.is_empty() {
            break;
        }
        let change = JournaledChange { change: Change::Seen(seen), ordinals: Vec::new() };
        if let Err(fault) = core.begin_change(Record::Change(change), |_| {}) {
            tracing::warn!(%fault, "last-seen times could not be kept");
            break;
        }
    }
    if let Some(note) = core.messages.due_note(1) {
        let record = Record::Settled(note).encode(core.now_ms());
        if let Err(fault) = core.append(vec![record], |_| {}) {
            tracing::warn!(%fault, "a note of what is settled could not be written");
        }
    }
}

fn erase_due(core: &Arc<Core>) {
    if !erase::is_possible(core) {
        return;
    }
    if let Err(fault) = erase::erase_due(core) {
        tracing::warn!(%fault, "the text of deleted messages could not be erased; tried again later");
    }
}
