//! Step 6: commands leave the queue, are decided on what the store holds, become stored events, and are told of.
//! Invariant: a command is settled only when its outcome is durable and handed on, so a worker may die anywhere.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chat::{
    Announcement, Envelope, Outcome, Refusal,
    ports::{Clock, Lease, PortError, Queue, Randomness, Settlement, Store},
};
use tracing::Instrument;

use crate::{
    limits::{COMMANDS_PER_LEASE_MAX, LEASE_WAIT_MS},
    meters::PersisterMeters,
    outgoing::Outgoing,
    round::{Fate, Round, Work},
    settling::settle,
    suspects::Suspects,
    worker::{self, Worker},
};

/// Called with every command whose outcome is durable, before it is announced: who executes a command and waits for
/// it is woken by this. May be called again for the same command; must not block.
pub type AppliedHook = Arc<dyn Fn(&Envelope, &Outcome) + Send + Sync>;

/// How a persister works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersisterOptions {
    /// Commands of one lease, at most [`COMMANDS_PER_LEASE_MAX`].
    pub batch_max: usize,
    /// Longest wait for the first command of a lease.
    pub lease_wait: Duration,
}

/// The worker of step 6. Any number may run beside each other; the queue gives each conversation to one at a time,
/// and the store's conditional append catches those whose lease ran out.
pub struct Persister {
    messages: Arc<dyn Queue<Envelope>>,
    store: Arc<dyn Store>,
    notifications: Arc<dyn Queue<Announcement>>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    options: PersisterOptions,
    applied: Option<AppliedHook>,
    suspects: Mutex<Suspects>,
    meters: PersisterMeters,
}

/// What one step did, in commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Taken from the queue.
    pub leased: usize,
    /// Became events now.
    pub stored: usize,
    /// Had become events before; told of again.
    pub duplicates: usize,
    /// Changed nothing.
    pub unchanged: usize,
    /// Refused by a rule.
    pub refused: usize,
    /// Put off.
    pub retried: usize,
    /// Given up.
    pub dead: usize,
    /// Whether the store failed whatever was tried.
    pub outage: bool,
}

impl Default for PersisterOptions {
    fn default() -> PersisterOptions {
        PersisterOptions {
            batch_max: COMMANDS_PER_LEASE_MAX,
            lease_wait: Duration::from_millis(LEASE_WAIT_MS),
        }
    }
}

impl Persister {
    /// A persister between these ports. Create it after the metrics recorder is installed.
    #[must_use]
    pub fn new(
        messages: Arc<dyn Queue<Envelope>>,
        store: Arc<dyn Store>,
        notifications: Arc<dyn Queue<Announcement>>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        options: PersisterOptions,
    ) -> Persister {
        let batch_max = options.batch_max.clamp(1, COMMANDS_PER_LEASE_MAX);
        Persister {
            messages,
            store,
            notifications,
            clock,
            randomness,
            options: PersisterOptions { batch_max, ..options },
            applied: None,
            suspects: Mutex::default(),
            meters: PersisterMeters::new(),
        }
    }

    /// Sets what is called with every durable outcome.
    #[must_use]
    pub fn on_applied(mut self, hook: AppliedHook) -> Persister {
        self.applied = Some(hook);
        self
    }

    /// Works until `shutdown` completes. A step under way is finished first; what it has not settled comes again.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        worker::run(self, &*self.randomness, shutdown).await;
    }

    /// One lease, from beginning to end.
    ///
    /// # Errors
    /// When the queue cannot lease or settle; what was leased comes again.
    pub async fn step(&self) -> Result<Progress, PortError> {
        let leases = self.messages.lease(self.options.batch_max, self.options.lease_wait).await?;
        self.process(leases).await
    }

    async fn process(&self, leases: Vec<Lease<Envelope>>) -> Result<Progress, PortError> {
        if leases.is_empty() {
            return Ok(Progress::default());
        }
        let span = tracing::debug_span!("persist", commands = leases.len());
        self.process_leases(leases).instrument(span).await
    }

    async fn process_leases(&self, leases: Vec<Lease<Envelope>>) -> Result<Progress, PortError> {
        let round =
            Round::new(&*self.store, &*self.randomness, self.applied.as_ref(), &self.suspects, leases);
        let finished = round.run().await;
        let mut work = finished.work;
        self.meters.conflicts.increment(finished.conflicts);
        self.stored(&work);
        let mut progress = Progress { leased: work.len(), outage: finished.outage, ..Progress::default() };
        progress.count_decided(&work);
        let outgoing = Outgoing {
            store: &*self.store,
            notifications: &*self.notifications,
            randomness: &*self.randomness,
        };
        outgoing.send(&mut work).await;
        progress.count_put_off(&work);
        self.count(progress);
        self.forget_suspects(&work);
        let settlements = work.into_iter().map(|work| self.settlement(work)).collect();
        settle(&*self.messages, settlements, &*self.randomness).await?;
        Ok(progress)
    }

    /// Trace points and latency of what is stored now.
    fn stored(&self, work: &[Work]) {
        let now_ms = self.clock.now_ms();
        for Work { lease, fate, .. } in work {
            let Fate::Event { event, again, .. } = fate else { continue };
            let waited_ms = now_ms.saturating_sub(lease.body.accepted_at);
            tracing::debug!(
                target: "journey",
                stage = "stored",
                command = %event.command_id,
                conversation = %event.conversation,
                seq = event.seq,
                took_us = waited_ms * 1_000,
                again,
            );
            if !again {
                self.meters.accept_to_stored_seconds.record(float(waited_ms) / 1_000.0);
            }
            if lease.attempts > 1 {
                self.meters.attempts.record(lease.attempts);
            }
        }
    }

    fn count(&self, progress: Progress) {
        let meters = &self.meters;
        meters.batch.record(float(progress.leased as u64));
        meters.stored.increment(progress.stored as u64);
        meters.duplicates.increment(progress.duplicates as u64);
        meters.refused.increment(progress.refused as u64);
        meters.retried.increment(progress.retried as u64);
        meters.dead.increment(progress.dead as u64);
    }

    fn forget_suspects(&self, work: &[Work]) {
        let mut suspects = self.suspects.lock().unwrap_or_else(PoisonError::into_inner);
        for work in work.iter().filter(|work| !matches!(work.fate, Fate::Wait(_))) {
            suspects.forget(&work.lease.body);
        }
    }

    fn settlement(&self, work: Work) -> (chat::ports::LeaseId, Settlement) {
        let Work { lease, fate, .. } = work;
        let settlement = match fate {
            Fate::Event { .. } | Fate::Quiet | Fate::Refused(_) => Settlement::Done,
            Fate::Undecided => Settlement::RetryAfter(Duration::ZERO),
            Fate::Wait(delay) => Settlement::RetryAfter(delay),
            Fate::Dead(reason) => {
                if let Some(applied) = &self.applied {
                    applied(&lease.body, &Outcome::Refused(Refusal::DeadLettered));
                }
                Settlement::Dead { reason }
            }
            Fate::Untold(reason) => Settlement::Dead { reason },
        };
        (lease.id, settlement)
    }
}

impl Worker for Persister {
    type Item = Envelope;
    const ITEMS: &'static str = "commands";

    async fn lease(&self, is_healthy: bool) -> Result<Vec<Lease<Envelope>>, PortError> {
        // After an outage one command tries the ice for all, so that the others keep their attempts.
        let max = if is_healthy { self.options.batch_max } else { 1 };
        self.messages.lease(max, self.options.lease_wait).await
    }

    fn leases_expire(&self) -> bool {
        self.messages.capabilities().leases_expire
    }

    async fn complete(&self, leases: Vec<Lease<Envelope>>) -> bool {
        self.process(leases).await.is_ok_and(|progress| !progress.outage)
    }
}

impl Progress {
    fn count_decided(&mut self, work: &[Work]) {
        for work in work {
            match work.fate {
                Fate::Event { again: false, .. } => self.stored += 1,
                Fate::Event { again: true, .. } => self.duplicates += 1,
                Fate::Quiet => self.unchanged += 1,
                Fate::Refused(_) => self.refused += 1,
                _ => {}
            }
        }
    }

    fn count_put_off(&mut self, work: &[Work]) {
        for work in work {
            match work.fate {
                Fate::Wait(_) | Fate::Undecided => self.retried += 1,
                Fate::Dead(_) | Fate::Untold(_) => self.dead += 1,
                _ => {}
            }
        }
    }
}

/// A count or a time as a histogram takes it: 2^53 milliseconds are 285,000 years.
#[allow(clippy::cast_precision_loss, reason = "see above")]
pub(crate) fn float(value: u64) -> f64 {
    value as f64
}
