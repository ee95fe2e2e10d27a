//! The handle of an open journal, and the threads behind it.
//! Names no clock, no randomness and no runtime: plain threads, or none at all when stepped by hand.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, atomic::Ordering, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    disk::Disk,
    error::{AppendError, Failure, OpenError},
    limits,
    options::Options,
    pending::Prepared,
    preparer::Preparer,
    reader::Reader,
    record::{Appended, NewRecord, Position},
    recovery::{self, Recovered},
    shared::{Hooks, Shared, lock},
    writer::Writer,
};

/// An open journal. Shared between threads behind an `Arc`; dropping it closes it.
pub struct Journal {
    pub(crate) shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Does by hand, step by step, what a journal's threads would do: for simulations that must be deterministic.
pub struct Stepper {
    writer: Writer,
    preparer: Preparer,
}

impl Journal {
    /// Opens the journal in a folder, or creates it in an empty one, and starts its threads.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Corrupt`] says where acknowledged records are damaged.
    pub fn open(disk: Arc<dyn Disk>, options: Options) -> Result<(Self, Recovered), OpenError> {
        Self::open_with(disk, options, Hooks::default())
    }

    /// [`Journal::open`], with hooks.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_with(
        disk: Arc<dyn Disk>,
        options: Options,
        hooks: Hooks,
    ) -> Result<(Self, Recovered), OpenError> {
        let (journal, stepper, recovered) = Self::open_stepped(disk, options, hooks)?;
        let start = journal.start(stepper);
        start.map_err(|source| OpenError::Io { action: "start the journal's threads", source })?;
        Ok((journal, recovered))
    }

    /// Opens without threads: nothing is written but by the [`Stepper`].
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_stepped(
        disk: Arc<dyn Disk>,
        options: Options,
        hooks: Hooks,
    ) -> Result<(Self, Stepper, Recovered), OpenError> {
        options.check()?;
        let opened = recovery::open(&*disk, &options)?;
        let shared = Arc::new(Shared::new(disk, options, hooks, &opened));
        let writer = Writer::new(Arc::clone(&shared), opened.tail);
        let preparer = Preparer::new(Arc::clone(&shared));
        let journal = Self { shared, threads: Mutex::new(Vec::new()) };
        Ok((journal, Stepper { writer, preparer }, opened.recovered))
    }

    /// Appends records, all of them or, after a crash, none. Never waits for the disk.
    ///
    /// When this returns `Ok`, `done` is called exactly once, by the writer thread, after the records are durable
    /// (or cannot be made so); calls come in the order of positions and must not block. When it returns an error,
    /// `done` is dropped uncalled.
    ///
    /// # Errors
    /// [`AppendError::Full`] may be retried; the others may not.
    pub fn append(
        &self,
        records: Vec<NewRecord>,
        done: impl FnOnce(Result<Appended, AppendError>) + Send + 'static,
    ) -> Result<(), AppendError> {
        let options = &self.shared.options;
        let append = Prepared::new(records, self.shared.salt, options)?;
        let wake = self.shared.pending().push(&append, Box::new(done), options)?;
        if wake {
            self.shared.wake_writer();
        }
        Ok(())
    }

    /// The last position known to be durable; 0 before the first.
    #[must_use]
    pub fn committed(&self) -> Position {
        Position(self.shared.committed())
    }

    /// The first position that can be read.
    #[must_use]
    pub fn first(&self) -> Position {
        Position(self.shared.catalog().first())
    }

    /// Blocks until something beyond a position is durable, the journal has stopped, or the time is over; returns
    /// the last durable position.
    #[must_use]
    pub fn wait_committed(&self, beyond: Position, timeout: Duration) -> Position {
        Position(self.shared.wait_committed(beyond.0, timeout))
    }

    /// What ended the journal's life, if the disk has failed. See also [`Hooks::on_failure`].
    #[must_use]
    pub fn failed(&self) -> Option<Arc<Failure>> {
        self.shared.failure.get().cloned()
    }

    /// Reads from a position on. Whether it can be read at all, the first `read` says.
    #[must_use]
    pub fn reader(&self, from: Position) -> Reader {
        Reader::new(Arc::clone(&self.shared), from)
    }

    /// Ends the segment being written, so that everything acknowledged so far lies in sealed ones. Waits for it;
    /// a stepped journal seals at its next step.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn seal(&self) -> Result<(), AppendError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let sealed = Box::new(move |outcome| drop(sender.send(outcome)));
        if self.shared.pending().push_seal(sealed)? {
            self.shared.wake_writer();
        }
        if self.shared.writer.get().is_none() {
            return Ok(());
        }
        receiver.recv().unwrap_or(Err(AppendError::Closed))
    }

    /// Accepts nothing more, writes and syncs what was accepted, and ends the threads. May be called again.
    ///
    /// # Errors
    /// [`AppendError::Failed`] when the journal had failed.
    pub fn close(&self) -> Result<(), AppendError> {
        if self.shared.pending().close() {
            self.shared.wake_writer();
        }
        let threads = std::mem::take(&mut *lock(&self.threads));
        // A waiter may close or drop the journal on the writer thread itself, which then ends after it.
        let on_writer = self.shared.writer.get().is_some_and(|writer| writer.id() == thread::current().id());
        if !on_writer {
            for handle in threads {
                // The threads catch their panics and make them failures.
                let _ = handle.join();
            }
        }
        self.failed().map_or(Ok(()), |failure| Err(AppendError::Failed(failure)))
    }

    fn start(&self, stepper: Stepper) -> io::Result<()> {
        let Stepper { writer, preparer } = stepper;
        let shared = Arc::clone(&self.shared);
        let writing = thread::Builder::new().name("journal-writer".into());
        let writing = writing.spawn(move || run_writer(&shared, writer))?;
        let _ = self.shared.writer.set(writing.thread().clone());
        lock(&self.threads).push(writing);
        let shared = Arc::clone(&self.shared);
        let preparing = thread::Builder::new().name("journal-preparer".into());
        let preparing = preparing.spawn(move || run_preparer(&shared, preparer))?;
        let _ = self.shared.preparer.set(preparing.thread().clone());
        lock(&self.threads).push(preparing);
        Ok(())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Whoever wants to know calls `close` first.
        let _ = self.close();
    }
}

impl Stepper {
    /// Writes and syncs one group, tells its waiters; false when there was nothing to do.
    pub fn commit(&mut self) -> bool {
        self.writer.step()
    }

    /// Prepares a chunk of the next segment; false when there was nothing to do.
    pub fn prepare(&mut self) -> bool {
        self.preparer.step()
    }
}

fn run_writer(shared: &Shared, mut writer: Writer) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        loop {
            while writer.step() {}
            if !rest(shared) {
                return;
            }
        }
    }));
    if outcome.is_err() {
        let source = io::Error::other("the writer thread panicked");
        shared.fail(Failure { action: "write", segment: 0, source }, None);
    }
    shared.stop();
}

/// Sleeps until there may be work; false when there never will be.
fn rest(shared: &Shared) -> bool {
    let slept_in_vain = {
        let mut pending = shared.pending();
        if shared.failure.get().is_some() {
            return false;
        }
        if !pending.is_empty() {
            return true;
        }
        if pending.has_ended() {
            return false;
        }
        // Whoever brings work takes the mark away; where it still stands, the first sleep ended without any.
        let slept_in_vain = std::mem::replace(&mut pending.idle, true);
        if slept_in_vain {
            pending.shrink();
        }
        slept_in_vain
    };
    if slept_in_vain {
        thread::park();
    } else {
        thread::park_timeout(limits::BUFFERS_KEPT);
    }
    true
}

fn run_preparer(shared: &Shared, mut preparer: Preparer) {
    while !shared.stopped.load(Ordering::SeqCst) {
        if !preparer.step() {
            thread::park();
        }
    }
}
