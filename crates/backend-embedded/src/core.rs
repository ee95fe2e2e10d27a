//! What every port of this backend stands on: the journal, the tables, the queue's state, and the one applier.
//! Invariant: a change is applied only after its record is durable, in the order of the journal, exactly once.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
    mpsc,
};

use chat::{
    ChangeOutcome, ConversationId, Epoch, Meta, Session, UserId,
    account::SecretHash,
    ids::TimestampMs,
    ports::{Clock, ErrorKind, PortError},
};
use journal::{AppendError, Appended, Journal, NewRecord};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::{
    apply,
    cache::Cache,
    changed::Changed,
    codec::{self, StoredMember},
    commands::Waiters,
    config::Config,
    engine::{Engine, Writer},
    erase::Erasing,
    error::Fault,
    failure::FailureHook,
    keys,
    queue::messages::Messages,
    record::{Record, Settled},
};

/// How far the journal has been applied, as stored with every cut of the tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Applied {
    /// Every change up to here, and none above, is in the tables.
    pub(crate) changes: u64,
    /// The items that are done with, and so in the tables.
    pub(crate) items: Settled,
}

/// Name of the system row that holds [`Applied`].
pub(crate) const APPLIED_ROW: &str = "applied";

/// What is remembered of rows that are read all the time.
pub(crate) struct Caches {
    pub(crate) metas: Cache<ConversationId, Arc<Meta>>,
    pub(crate) members: Cache<(ConversationId, UserId), Option<StoredMember>>,
    pub(crate) sessions: Cache<SecretHash, Option<Session>>,
}

pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) epoch: Epoch,
    /// Tells this process from those before it.
    pub(crate) instance: u64,
    pub(crate) journal: Journal,
    pub(crate) engine: Engine,
    pub(crate) caches: Caches,
    pub(crate) changed: Mutex<Changed>,
    pub(crate) messages: Messages,
    pub(crate) waiters: Waiters,
    pub(crate) failure: Arc<FailureHook>,
    /// Every change up to this position, and perhaps some above, is applied.
    pub(crate) changes_applied: AtomicU64,
    /// Changes handed to the journal and not applied yet; until the start is over, its replay counts as one.
    changes_under_way: AtomicU64,
    /// The start has decided every item below this position at its own place, settled or not.
    pub(crate) decided_before: AtomicU64,
    pub(crate) erasing: Erasing,
    /// What was done with when the start was over: anything else may come to something else than before it.
    pub(crate) settled_at_start: OnceLock<Settled>,
    pub(crate) is_stopping: AtomicBool,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
}

/// A durable record for the applier.
pub(crate) struct Job {
    position: u64,
    record: Record,
    reply: oneshot::Sender<Result<ChangeOutcome, Fault>>,
}

/// The parts a core is made of.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) epoch: Epoch,
    /// Tells this process from those before it.
    pub(crate) instance: u64,
    pub(crate) journal: Journal,
    pub(crate) engine: Engine,
    pub(crate) caches: Caches,
    pub(crate) messages: Messages,
    pub(crate) failure: Arc<FailureHook>,
    pub(crate) changes_applied: u64,
}

impl Core {
    pub(crate) fn new(parts: Parts) -> (Arc<Core>, mpsc::Receiver<Job>) {
        let (sender, receiver) = mpsc::channel();
        let Parts { config, clock, epoch, journal, engine, .. } = parts;
        let Parts { instance, caches, messages, failure, changes_applied, .. } = parts;
        let core = Core {
            config,
            clock,
            epoch,
            instance,
            journal,
            engine,
            caches,
            changed: Mutex::new(Changed::default()),
            messages,
            waiters: Waiters::default(),
            failure,
            changes_applied: AtomicU64::new(changes_applied),
            changes_under_way: AtomicU64::new(1),
            decided_before: AtomicU64::new(0),
            erasing: Erasing::default(),
            settled_at_start: OnceLock::new(),
            is_stopping: AtomicBool::new(false),
            jobs: Mutex::new(Some(sender)),
        };
        (Arc::new(core), receiver)
    }

    pub(crate) fn now_ms(&self) -> TimestampMs {
        self.clock.now_ms()
    }

    /// Whether anything may still be written.
    pub(crate) fn check_running(&self, operation: &'static str) -> Result<(), PortError> {
        if self.is_stopping.load(Ordering::Relaxed) || self.failure.has_failed() {
            return Err(Fault::Stopped.at(operation));
        }
        Ok(())
    }

    /// Makes records durable that have no effect of their own. `done` is called by the journal's writer, in the
    /// order of positions.
    pub(crate) fn append(
        &self,
        records: Vec<NewRecord>,
        done: impl FnOnce(Result<Appended, AppendError>) + Send + 'static,
    ) -> Result<(), Fault> {
        Ok(self.journal.append(records, done)?)
    }

    /// Makes a record durable and applies it; the outcome comes when that is done. It is applied even if nobody waits
    /// for the outcome any more. `on_durable` is called with its position in the order of positions.
    pub(crate) fn begin_change(
        self: &Arc<Self>,
        record: Record,
        on_durable: impl FnOnce(u64) + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<ChangeOutcome, Fault>>, Fault> {
        let (reply, outcome) = oneshot::channel();
        let encoded = record.encode(self.now_ms());
        let core = Arc::clone(self);
        // Counted before it can have a position, until it is applied; one that is left for the next start stays counted.
        self.changes_under_way.fetch_add(1, Ordering::SeqCst);
        let begun = self.append(vec![encoded], move |appended| match appended {
            Ok(appended) => {
                on_durable(appended.first.0);
                core.enqueue(Job { position: appended.first.0, record, reply });
            }
            Err(error) => {
                core.change_is_over();
                drop(reply.send(Err(error.into())));
            }
        });
        if let Err(fault) = begun {
            self.change_is_over();
            return Err(fault);
        }
        Ok(outcome)
    }

    pub(crate) async fn change(self: &Arc<Self>, record: Record) -> Result<ChangeOutcome, Fault> {
        let outcome = self.begin_change(record, |_| {})?;
        outcome.await.unwrap_or(Err(Fault::Stopped))
    }

    fn enqueue(&self, job: Job) {
        let jobs = self.jobs.lock();
        if jobs.as_ref().is_none_or(|sender| sender.send(job).is_err()) {
            // The record is durable: it is applied when the backend opens again.
            tracing::debug!("a change is left for the next start");
        }
    }

    /// Applies jobs until there will be none any more. Runs on a thread of its own.
    pub(crate) fn run_applier(&self, jobs: &mpsc::Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            let outcome = self.apply(job.position, &job.record);
            if let Err(fault) = &outcome {
                // The next change must not be applied without this one.
                self.failure.fail(&format!("a change cannot be applied: {fault}"));
                drop(job.reply.send(outcome));
                return;
            }
            self.change_is_over();
            self.messages.after_change(self, &job.record);
            drop(job.reply.send(outcome));
        }
    }

    /// Applies one durable record.
    pub(crate) fn apply(&self, position: u64, record: &Record) -> Result<ChangeOutcome, Fault> {
        let writer = self.engine.writer();
        let outcome = apply::change(self, &writer, position, record)?;
        self.changes_applied.fetch_max(position, Ordering::SeqCst);
        self.cut_if_due(&writer);
        Ok(outcome)
    }

    /// Hands what has gathered in memory to the flusher, with the note of what it is.
    pub(crate) fn cut_if_due(&self, writer: &Writer<'_>) {
        if writer.is_cut_due() {
            self.cut(writer);
        }
    }

    pub(crate) fn cut(&self, writer: &Writer<'_>) {
        let changes = self.changes_known();
        let applied = Applied { changes, items: self.messages.settled() };
        // The first record a start from here on would read.
        let needed = applied.items.first_open().min(changes.saturating_add(1));
        writer.put(&keys::system(APPLIED_ROW), codec::encode(&applied));
        writer.cut(needed);
    }

    /// The position up to which every change is applied: where none is under way, that is the journal's end, so that a
    /// start need not read what holds no change, and segments can be released.
    fn changes_known(&self) -> u64 {
        let committed = self.journal.committed().0;
        if self.changes_under_way.load(Ordering::SeqCst) == 0 {
            self.changes_applied.fetch_max(committed, Ordering::SeqCst);
        }
        self.changes_applied.load(Ordering::SeqCst)
    }

    /// A change is applied or has failed, or the replay is over.
    pub(crate) fn change_is_over(&self) {
        self.changes_under_way.fetch_sub(1, Ordering::SeqCst);
    }

    /// Lets the applier end once it has applied what it was given.
    pub(crate) fn stop_applier(&self) {
        self.jobs.lock().take();
    }
}

/// An error of a port whose text says what was asked wrongly.
pub(crate) fn invalid(operation: &'static str) -> PortError {
    PortError::new(ErrorKind::Invalid, operation)
}
