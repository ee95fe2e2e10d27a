//! The tables: one log-structured tree without a log of its own, because the journal is the log.
//! Knows no chat. Invariant: what is on disk is always the state between two [`Writer`]s, never half of one, because
//! one tree is flushed as a whole.

use std::{
    ops::RangeBounds,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use lsm_tree::{
    AbstractTree, AnyTree, Cache, Guard, SeqNo, SequenceNumberCounter, Slice,
    compaction::Leveled,
    config::{BloomConstructionPolicy, FilterPolicy, FilterPolicyEntry, PinningPolicy},
    descriptor_table::DescriptorTable,
};
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::{error::Fault, keys::Key, limits};

/// Told once, when the tables cannot be written any more.
pub(crate) type OnFailure = Box<dyn Fn(&Fault) + Send + Sync>;
/// Told after a flush: the note that belonged to it is durable now.
pub(crate) type OnFlushed = Box<dyn Fn(u64) + Send + Sync>;

/// One ordered map of bytes on disk.
pub(crate) struct Engine {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    tree: AnyTree,
    seqno: SequenceNumberCounter,
    memtable_bytes_max: u64,
    /// Bytes of rows not yet handed to the flusher.
    active_bytes: AtomicU64,
    write: Mutex<()>,
    work: Mutex<Work>,
    changed: Condvar,
    /// Somebody may go on who waited for the disk.
    room: Notify,
}

#[derive(Default)]
struct Work {
    /// Notes of memtables that wait to be flushed, oldest first.
    sealed: Vec<u64>,
    /// Flushes since the compactor looked last.
    flushed: bool,
    stopping: bool,
    failed: bool,
}

/// The right to write; there is one at a time.
pub(crate) struct Writer<'a> {
    shared: &'a Shared,
    _guard: MutexGuard<'a, ()>,
}

impl Engine {
    /// Opens the tree in a folder, or makes it.
    pub(crate) fn open(folder: &Path, memtable_bytes_max: u64, cache_bytes: u64) -> Result<Engine, Fault> {
        let (seqno, visible) = (SequenceNumberCounter::default(), SequenceNumberCounter::default());
        let bloom = |bits| FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(bits));
        let tree = lsm_tree::Config::new(folder, seqno.clone(), visible.clone())
            .use_cache(Arc::new(Cache::with_capacity_bytes(cache_bytes)))
            .use_descriptor_table(Some(Arc::new(DescriptorTable::new(limits::OPEN_FILES_MAX))))
            .filter_policy(FilterPolicy::new([bloom(14.0), bloom(10.0)]))
            .filter_block_pinning_policy(PinningPolicy::new([true, false]))
            .index_block_pinning_policy(PinningPolicy::new([true, true, false]))
            .open()?;
        let next = tree.get_highest_seqno().map_or(1, |highest| highest + 1);
        seqno.fetch_max(next);
        visible.fetch_max(next);
        let shared = Arc::new(Shared {
            tree,
            seqno,
            memtable_bytes_max,
            active_bytes: AtomicU64::new(0),
            write: Mutex::new(()),
            work: Mutex::new(Work::default()),
            changed: Condvar::new(),
            room: Notify::new(),
        });
        Ok(Engine { shared, threads: Mutex::new(Vec::new()) })
    }

    /// Starts the threads that write tables and merge them.
    pub(crate) fn start(&self, on_flushed: OnFlushed, on_failure: OnFailure) -> std::io::Result<()> {
        let on_failure = Arc::new(on_failure);
        let (shared, failing) = (Arc::clone(&self.shared), Arc::clone(&on_failure));
        let flusher = std::thread::Builder::new().name("store-flush".into());
        let flusher = flusher.spawn(move || shared.run_flusher(&on_flushed, &failing))?;
        self.threads.lock().push(flusher);
        let shared = Arc::clone(&self.shared);
        let compactor = std::thread::Builder::new().name("store-compact".into());
        let compactor = compactor.spawn(move || shared.run_compactor(&on_failure))?;
        self.threads.lock().push(compactor);
        Ok(())
    }

    pub(crate) fn get(&self, key: &Key) -> Result<Option<Slice>, Fault> {
        Ok(self.shared.tree.get(key, SeqNo::MAX)?)
    }

    pub(crate) fn contains(&self, key: &Key) -> Result<bool, Fault> {
        Ok(self.shared.tree.contains_key(key, SeqNo::MAX)?)
    }

    /// All pairs whose key begins with these bytes, ascending from either end.
    pub(crate) fn prefix(
        &self,
        prefix: &[u8],
    ) -> impl DoubleEndedIterator<Item = Result<(Slice, Slice), Fault>> + use<> {
        self.shared.tree.prefix(prefix, SeqNo::MAX, None).map(|pair| Ok(pair.into_inner()?))
    }

    pub(crate) fn range<K: AsRef<[u8]>, R: RangeBounds<K>>(
        &self,
        range: R,
    ) -> impl DoubleEndedIterator<Item = Result<(Slice, Slice), Fault>> + use<K, R> {
        self.shared.tree.range(range, SeqNo::MAX, None).map(|pair| Ok(pair.into_inner()?))
    }

    /// Waits for the right to write. Never held across an await.
    pub(crate) fn writer(&self) -> Writer<'_> {
        Writer { shared: &self.shared, _guard: self.shared.write.lock() }
    }

    /// Waits while the disk is too far behind (D6); false once it has failed.
    pub(crate) async fn room(&self) -> bool {
        loop {
            let notified = self.shared.room.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            match self.shared.work.lock() {
                work if work.failed => return false,
                // With an idle flusher the next write cuts and makes room.
                work if work.sealed.is_empty() || self.memory_bytes() < self.shared.overrun_bytes() => {
                    return true;
                }
                _ => {}
            }
            notified.await;
        }
    }

    /// As [`Engine::room`], where no runtime runs, with a bound of its own in multiples of the memtable's.
    pub(crate) fn room_blocking(&self, overrun_factor: u64) -> Result<(), Fault> {
        let mut work = self.shared.work.lock();
        let bytes_max = self.shared.memtable_bytes_max.saturating_mul(overrun_factor);
        let is_behind = |work: &Work| !work.sealed.is_empty() && self.memory_bytes() >= bytes_max;
        while !work.failed && is_behind(&work) {
            self.shared.changed.wait(&mut work);
        }
        if work.failed { Err(Fault::Stopped) } else { Ok(()) }
    }

    /// Writes everything out and merges all tables, so that nothing is left of what was overwritten or removed.
    /// Takes long for a large store.
    pub(crate) fn merge_all(&self) -> Result<(), Fault> {
        let shared = &self.shared;
        shared.flush_everything()?;
        shared.tree.major_compact(limits::TABLE_BYTES, shared.seqno.get())?;
        shared.forget_old_versions();
        Ok(())
    }

    /// Bytes of tables on disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.shared.tree.disk_space()
    }

    /// Bytes of rows in memory alone.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.shared.active_bytes.load(Ordering::Relaxed)
    }

    /// Writes out what was handed over, and ends the threads.
    pub(crate) fn stop(&self) {
        self.shared.work.lock().stopping = true;
        self.shared.changed.notify_all();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.thread().id() != std::thread::current().id() {
                // The threads report their failures through the hook.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Writer<'_> {
    /// Visible at once. Of several writes to a key the last one holds.
    pub(crate) fn put(&self, key: &Key, value: Vec<u8>) {
        let (_, size) = self.shared.tree.insert(&key[..], value, self.shared.seqno.next());
        self.shared.active_bytes.store(size, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, key: &[u8]) {
        let (_, size) = self.shared.tree.remove(key, self.shared.seqno.next());
        self.shared.active_bytes.store(size, Ordering::Relaxed);
    }

    /// Whether it is time to cut: enough has gathered, and the flusher is idle.
    pub(crate) fn is_cut_due(&self) -> bool {
        let bytes = self.shared.active_bytes.load(Ordering::Relaxed);
        bytes >= self.shared.memtable_bytes_max && self.shared.work.lock().sealed.is_empty()
    }

    /// Hands everything written so far to the flusher. `note` comes back once it is durable.
    pub(crate) fn cut(&self, note: u64) {
        if self.shared.tree.rotate_memtable().is_some() {
            self.shared.active_bytes.store(0, Ordering::Relaxed);
            self.shared.work.lock().sealed.push(note);
            self.shared.changed.notify_all();
        }
    }
}

impl Shared {
    fn overrun_bytes(&self) -> u64 {
        self.memtable_bytes_max.saturating_mul(limits::MEMTABLE_OVERRUN_FACTOR)
    }

    fn run_flusher(&self, on_flushed: &OnFlushed, on_failure: &OnFailure) {
        while self.wait_for(|work| !work.sealed.is_empty()) {
            match self.flush() {
                Ok(note) => on_flushed(note),
                Err(fault) => return self.fail(&fault, on_failure),
            }
        }
    }

    /// Waits until what is sealed is flushed.
    fn flush_everything(&self) -> Result<(), Fault> {
        let mut work = self.work.lock();
        while !work.sealed.is_empty() && !work.failed {
            self.changed.wait(&mut work);
        }
        if work.failed { Err(Fault::Stopped) } else { Ok(()) }
    }

    /// Flushes what is sealed, and returns the newest note of it.
    fn flush(&self) -> Result<u64, Fault> {
        while self.tree.l0_run_count() > limits::LEVEL0_TABLES_MAX && !self.work.lock().stopping {
            // Compaction is behind; readers would pay for every further table.
            let mut work = self.work.lock();
            work.flushed = true;
            self.changed.notify_all();
            self.changed.wait_for(&mut work, std::time::Duration::from_millis(20));
        }
        let (note, notes) = {
            let work = self.work.lock();
            (work.sealed.last().copied().unwrap_or_default(), work.sealed.len())
        };
        let lock = self.tree.get_flush_lock();
        self.tree.flush(&lock, self.seqno.get())?;
        drop(lock);
        self.forget_old_versions();
        let mut work = self.work.lock();
        work.sealed.drain(..notes);
        work.flushed = true;
        drop(work);
        self.changed.notify_all();
        self.room.notify_waiters();
        Ok(note)
    }

    fn run_compactor(&self, on_failure: &OnFailure) {
        while self.wait_for(|work| std::mem::take(&mut work.flushed)) {
            if let Err(fault) = self.compact() {
                return self.fail(&fault, on_failure);
            }
            self.changed.notify_all();
        }
    }

    fn compact(&self) -> Result<(), Fault> {
        let strategy = Leveled::default()
            .with_l0_threshold(limits::LEVEL0_TABLES)
            .with_table_target_size(limits::TABLE_BYTES);
        let strategy = Arc::new(strategy);
        // One step may make the next one due; without change there is none.
        loop {
            let before = self.tree.current_version().id();
            if self.work.lock().stopping {
                return Ok(());
            }
            self.tree.compact(Arc::clone(&strategy) as _, self.seqno.get())?;
            self.forget_old_versions();
            if self.tree.current_version().id() == before {
                return Ok(());
            }
        }
    }

    /// Readers ask for the newest state alone, so nothing older has to be kept.
    fn forget_old_versions(&self) {
        let folder = self.tree.tree_config().path.clone();
        let outcome = self.tree.get_version_history_lock().maintenance(&folder, self.seqno.get() + 1);
        if let Err(error) = outcome {
            tracing::warn!(%error, "an old version of the store's table list could not be removed");
        }
    }

    /// Sleeps until there is work; false when there never will be.
    fn wait_for(&self, mut is_due: impl FnMut(&mut Work) -> bool) -> bool {
        let mut work = self.work.lock();
        loop {
            if work.failed {
                return false;
            }
            if is_due(&mut work) {
                return true;
            }
            if work.stopping {
                return false;
            }
            self.changed.wait(&mut work);
        }
    }

    fn fail(&self, fault: &Fault, on_failure: &OnFailure) {
        tracing::error!(%fault, "the store's tables cannot be written");
        self.work.lock().failed = true;
        self.changed.notify_all();
        self.room.notify_waiters();
        on_failure(fault);
    }
}
