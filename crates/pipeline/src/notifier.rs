//! Step 7: announcements leave their queue for every node that holds somebody who has to hear of them.
//! Does not know who is a member of what; the directory and the nodes do. A lost announcement costs a sync (D4).

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use chat::{
    Announcement, NodeId,
    limits::ATTEMPTS_MAX,
    ports::{Announcer, Clock, Directory, Lease, LeaseId, PortError, Queue, Randomness, Settlement},
};
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument;

use crate::{
    limits::{ANNOUNCEMENTS_PER_LEASE_MAX, FAILED_CALLS_PER_ROUND_MAX, LEASE_WAIT_MS, NODES_AT_ONCE_MAX},
    meters::NotifierMeters,
    persister::float,
    retry,
    round::expect_len,
    settling::{reason, settle},
    telling::{Letter, Told, tell},
    worker::{self, Worker},
};

/// How a notifier works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifierOptions {
    /// Announcements of one lease, at most [`ANNOUNCEMENTS_PER_LEASE_MAX`].
    pub batch_max: usize,
    /// Longest wait for the first announcement of a lease.
    pub lease_wait: Duration,
}

/// The worker of step 7. Any number may run beside each other.
pub struct Notifier {
    notifications: Arc<dyn Queue<Announcement>>,
    directory: Arc<dyn Directory>,
    announcer: Arc<dyn Announcer>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    options: NotifierOptions,
    meters: NotifierMeters,
}

/// What one step did, in announcements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotifierProgress {
    /// Taken from the queue.
    pub leased: usize,
    /// Handed to every interested node that could be reached.
    pub announced: usize,
    /// Put off.
    pub retried: usize,
    /// Given up.
    pub dead: usize,
}

/// A leased announcement on its way.
struct Pending {
    id: LeaseId,
    letter: Letter,
    told: Told,
}

impl Default for NotifierOptions {
    fn default() -> NotifierOptions {
        NotifierOptions {
            batch_max: ANNOUNCEMENTS_PER_LEASE_MAX,
            lease_wait: Duration::from_millis(LEASE_WAIT_MS),
        }
    }
}

impl Notifier {
    /// A notifier between these ports. Create it after the metrics recorder is installed.
    #[must_use]
    pub fn new(
        notifications: Arc<dyn Queue<Announcement>>,
        directory: Arc<dyn Directory>,
        announcer: Arc<dyn Announcer>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        options: NotifierOptions,
    ) -> Notifier {
        let batch_max = options.batch_max.clamp(1, ANNOUNCEMENTS_PER_LEASE_MAX);
        Notifier {
            notifications,
            directory,
            announcer,
            clock,
            randomness,
            options: NotifierOptions { batch_max, ..options },
            meters: NotifierMeters::new(),
        }
    }

    /// Works until `shutdown` completes. A step under way is finished first; what it has not settled comes again.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        worker::run(self, &*self.randomness, shutdown).await;
    }

    /// One lease, from beginning to end.
    ///
    /// # Errors
    /// When the queue cannot lease or settle; what was leased comes again.
    pub async fn step(&self) -> Result<NotifierProgress, PortError> {
        let leases = self.notifications.lease(self.options.batch_max, self.options.lease_wait).await?;
        self.process(leases).await
    }

    async fn process(&self, leases: Vec<Lease<Announcement>>) -> Result<NotifierProgress, PortError> {
        if leases.is_empty() {
            return Ok(NotifierProgress::default());
        }
        let span = tracing::debug_span!("announce", announcements = leases.len());
        self.process_leases(leases).instrument(span).await
    }

    async fn process_leases(&self, leases: Vec<Lease<Announcement>>) -> Result<NotifierProgress, PortError> {
        let mut pending: Vec<Pending> = leases.into_iter().enumerate().map(Pending::new).collect();
        let by_node = self.recipients(&mut pending).await;
        self.tell_all(by_node, &mut pending).await;
        let progress = self.count(&pending);
        let settlements = pending.into_iter().map(|pending| (pending.id, pending.told.into())).collect();
        settle(&*self.notifications, settlements, &*self.randomness).await?;
        Ok(progress)
    }

    /// Who has to hear of what. Announcements whose recipients cannot be found get their fate here.
    async fn recipients(&self, pending: &mut [Pending]) -> BTreeMap<NodeId, Vec<Letter>> {
        let mut by_node: BTreeMap<NodeId, Vec<Letter>> = BTreeMap::new();
        let mut failed_calls = 0;
        let whole = 0..pending.len();
        let mut parts = Vec::from([whole]);
        while let Some(part) = parts.pop() {
            let letters: Vec<Arc<Announcement>> =
                pending[part.clone()].iter().map(|pending| pending.letter.announcement.clone()).collect();
            match self.interested(&letters).await {
                Ok(nodes) => {
                    failed_calls = 0;
                    for (pending, nodes) in pending[part].iter().zip(nodes) {
                        for node in nodes {
                            by_node.entry(node).or_default().push(pending.letter.clone());
                        }
                    }
                }
                Err(error) => {
                    failed_calls += u32::from(error.is_transient());
                    if part.len() > 1 && failed_calls < FAILED_CALLS_PER_ROUND_MAX {
                        let middle = part.start + part.len() / 2;
                        parts.extend([middle..part.end, part.start..middle]);
                    } else {
                        for pending in &mut pending[part] {
                            pending.told = Told::failed(&pending.letter, &error, &*self.randomness);
                        }
                    }
                }
            }
        }
        by_node
    }

    async fn interested(&self, letters: &[Arc<Announcement>]) -> Result<Vec<Vec<NodeId>>, PortError> {
        let nodes = self.directory.interested(letters).await?;
        expect_len(nodes.len(), letters.len(), "directory.interested")?;
        Ok(nodes)
    }

    /// Tells every node its part: in order each, many nodes at the same time.
    async fn tell_all(&self, by_node: BTreeMap<NodeId, Vec<Letter>>, pending: &mut [Pending]) {
        let mut at_work = JoinSet::new();
        let only_one = by_node.len() == 1;
        for (node, letters) in by_node {
            let telling = tell(
                self.announcer.clone(),
                node,
                letters,
                self.randomness.clone(),
                self.meters.unreachable.clone(),
            );
            if only_one {
                take_over(pending, telling.await);
                return;
            }
            if at_work.len() >= NODES_AT_ONCE_MAX
                && let Some(joined) = at_work.join_next().await
            {
                take_over_joined(pending, joined);
            }
            at_work.spawn(telling);
        }
        while let Some(joined) = at_work.join_next().await {
            take_over_joined(pending, joined);
        }
    }

    fn count(&self, pending: &[Pending]) -> NotifierProgress {
        let now_ms = self.clock.now_ms();
        let mut progress = NotifierProgress { leased: pending.len(), ..NotifierProgress::default() };
        for Pending { letter, told, .. } in pending {
            match told {
                Told::Yes => progress.announced += 1,
                Told::Later(_) => progress.retried += 1,
                Told::Never(_) => progress.dead += 1,
            }
            if let (Told::Yes, Announcement::Event { event, .. }) = (told, &*letter.announcement) {
                let waited_ms = now_ms.saturating_sub(event.at);
                tracing::debug!(
                    target: "journey",
                    stage = "announced",
                    command = %event.command_id,
                    conversation = %event.conversation,
                    seq = event.seq,
                    took_us = waited_ms * 1_000,
                );
                self.meters.accept_to_announced_seconds.record(float(waited_ms) / 1_000.0);
            }
        }
        self.meters.batch.record(float(progress.leased as u64));
        self.meters.announced.increment(progress.announced as u64);
        self.meters.retried.increment(progress.retried as u64);
        self.meters.dead.increment(progress.dead as u64);
        progress
    }
}

impl Worker for Notifier {
    type Item = Announcement;
    const ITEMS: &'static str = "announcements";

    async fn lease(&self, _is_healthy: bool) -> Result<Vec<Lease<Announcement>>, PortError> {
        self.notifications.lease(self.options.batch_max, self.options.lease_wait).await
    }

    fn leases_expire(&self) -> bool {
        self.notifications.capabilities().leases_expire
    }

    async fn complete(&self, leases: Vec<Lease<Announcement>>) -> bool {
        self.process(leases).await.is_ok()
    }
}

impl Pending {
    fn new((index, lease): (usize, Lease<Announcement>)) -> Pending {
        let letter = Letter {
            index,
            group: lease.group,
            attempts: lease.attempts,
            announcement: Arc::new(lease.body),
        };
        Pending { id: lease.id, letter, told: Told::Yes }
    }
}

impl Told {
    /// What a failure about one announcement comes to.
    pub(crate) fn failed(letter: &Letter, error: &PortError, randomness: &dyn Randomness) -> Told {
        if error.is_transient() && letter.attempts < ATTEMPTS_MAX {
            Told::Later(retry::delay(letter.attempts, error, randomness))
        } else {
            Told::Never(reason(error, letter.attempts))
        }
    }
}

impl From<Told> for Settlement {
    fn from(told: Told) -> Settlement {
        match told {
            Told::Yes => Settlement::Done,
            Told::Later(delay) => Settlement::RetryAfter(delay),
            Told::Never(reason) => Settlement::Dead { reason },
        }
    }
}

fn take_over_joined(pending: &mut [Pending], joined: Result<Vec<(usize, Told)>, JoinError>) {
    match joined {
        Ok(told) => take_over(pending, told),
        Err(error) => tracing::error!(%error, "an announcer panicked; clients catch up by sync"),
    }
}

/// Of several nodes' answers about one announcement the one that asks for most counts: later before never before yes.
fn take_over(pending: &mut [Pending], told: Vec<(usize, Told)>) {
    for (index, told) in told {
        let before = &mut pending[index].told;
        if !matches!((&*before, &told), (Told::Later(_), _) | (Told::Never(_), Told::Never(_))) {
            *before = told;
        }
    }
}
