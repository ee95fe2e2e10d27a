//! What the journal's handle, its threads and its readers share.
//! Holds the locks; each is held for memory work alone, except the catalog's around a rename.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::Thread,
    time::Duration,
};

use crate::{
    catalog::Catalog,
    disk::Disk,
    error::Failure,
    options::Options,
    pending::{Group, Pending},
    pool::Pool,
    record::Position,
    recovery::Opened,
};

/// Hears of commits.
pub type OnCommit = Box<dyn Fn(Position) + Send + Sync>;
/// Hears of the failure.
pub type OnFailure = Box<dyn Fn(&Arc<Failure>) + Send + Sync>;

/// Called by the writer thread; must not block.
#[derive(Default)]
pub struct Hooks {
    /// After each group: everything up to this position is durable now. Called before the group's waiters are.
    pub on_commit: Option<OnCommit>,
    /// Once, when the disk has failed: the process should say so and exit with an error.
    pub on_failure: Option<OnFailure>,
}

pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) options: Options,
    pub(crate) salt: u32,
    pub(crate) hooks: Hooks,
    pub(crate) failure: OnceLock<Arc<Failure>>,
    /// The writer is gone: nothing more will be committed.
    pub(crate) stopped: AtomicBool,
    pub(crate) writer: OnceLock<Thread>,
    pub(crate) preparer: OnceLock<Thread>,
    /// Held through a release, prune or rewrite.
    pub(crate) maintenance: Mutex<()>,
    committed: AtomicU64,
    pending: Mutex<Pending>,
    catalog: Mutex<Catalog>,
    pool: Mutex<Pool>,
    watchers: AtomicUsize,
    watch: Mutex<()>,
    moved: Condvar,
}

impl Shared {
    pub(crate) fn new(disk: Arc<dyn Disk>, options: Options, hooks: Hooks, opened: &Opened) -> Self {
        Self {
            disk,
            salt: opened.salt,
            hooks,
            failure: OnceLock::new(),
            stopped: AtomicBool::new(false),
            writer: OnceLock::new(),
            preparer: OnceLock::new(),
            maintenance: Mutex::new(()),
            committed: AtomicU64::new(opened.tail.next - 1),
            pending: Mutex::new(Pending::new(opened.tail.next)),
            catalog: Mutex::new(Catalog::new(opened)),
            pool: Mutex::new(Pool::new(&opened.listing.free, options.pool_segments_max)),
            options,
            watchers: AtomicUsize::new(0),
            watch: Mutex::new(()),
            moved: Condvar::new(),
        }
    }

    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        lock(&self.pending)
    }

    pub(crate) fn catalog(&self) -> MutexGuard<'_, Catalog> {
        lock(&self.catalog)
    }

    pub(crate) fn pool(&self) -> MutexGuard<'_, Pool> {
        lock(&self.pool)
    }

    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::SeqCst)
    }

    /// Everything up to here is durable: tells readers, then the owner.
    pub(crate) fn commit(&self, last: u64) {
        self.committed.store(last, Ordering::SeqCst);
        self.notify();
        if let Some(hook) = &self.hooks.on_commit {
            hook(Position(last));
        }
    }

    /// Ends the journal: nothing is accepted or written from here on, everyone who waits is told, in order.
    pub(crate) fn fail(&self, failure: Failure, group: Option<Group>) {
        let failure = Arc::clone(self.failure.get_or_init(|| Arc::new(failure)));
        let (waiters, seals) = self.pending().fail(&failure);
        self.notify();
        for waiter in group.into_iter().flat_map(|group| group.waiters).chain(waiters) {
            waiter.fail(&failure);
        }
        for sealed in seals {
            sealed(Err(crate::AppendError::Failed(Arc::clone(&failure))));
        }
        if let Some(hook) = &self.hooks.on_failure {
            hook(&failure);
        }
    }

    /// Waits until something beyond a position is committed, nothing more can be, or the time is over.
    pub(crate) fn wait_committed(&self, beyond: u64, timeout: Duration) -> u64 {
        self.watchers.fetch_add(1, Ordering::SeqCst);
        let guard = lock(&self.watch);
        let waiting = |(): &mut ()| self.committed() <= beyond && !self.stopped.load(Ordering::SeqCst);
        let outcome = self.moved.wait_timeout_while(guard, timeout, waiting);
        drop(outcome.unwrap_or_else(PoisonError::into_inner));
        self.watchers.fetch_sub(1, Ordering::SeqCst);
        self.committed()
    }

    /// The writer is gone.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.notify();
        self.wake_preparer();
    }

    pub(crate) fn wake_writer(&self) {
        if let Some(thread) = self.writer.get() {
            thread.unpark();
        }
    }

    pub(crate) fn wake_preparer(&self) {
        if let Some(thread) = self.preparer.get() {
            thread.unpark();
        }
    }

    fn notify(&self) {
        if self.watchers.load(Ordering::SeqCst) > 0 {
            // The lock makes sure that nobody is between having looked and going to sleep.
            drop(lock(&self.watch));
            self.moved.notify_all();
        }
    }
}

/// Locks whether or not a thread panicked inside: every critical section here leaves the books consistent, and a
/// panic of the writer ends the journal anyway.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
