//! Whether a worker still does its work: seen at its queue, which it asks again and again.
//! Decorates a queue and forwards everything; knows nothing of what lies in it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chat::ports::{DeadLetter, Depth, Item, Lease, LeaseId, PortError, Queue, QueueCapabilities, Settlement};

use crate::limits::{WORKER_READY_MS, WORKER_STUCK_MS, WORKER_WAIT_MS};

/// When a worker asked its queue last. Times are milliseconds since it began.
#[derive(Debug)]
pub(super) struct Pulse {
    began: Instant,
    /// It was answered then; 0 is never.
    answered_ms: AtomicU64,
    /// It asked then, whatever the answer.
    asked_ms: AtomicU64,
    /// It takes no more work.
    draining: AtomicBool,
}

/// What a pulse comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// It turns, whether or not the service answers.
    pub(super) alive: bool,
    /// It works.
    pub(super) ready: bool,
    pub(super) draining: bool,
    /// Since the queue answered last, milliseconds.
    pub(super) answered_age_ms: u64,
}

impl Pulse {
    pub(super) fn new() -> Pulse {
        Pulse {
            began: Instant::now(),
            answered_ms: AtomicU64::new(0),
            asked_ms: AtomicU64::new(0),
            draining: AtomicBool::new(false),
        }
    }

    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.verdict_at(self.now_ms())
    }

    fn verdict_at(&self, now_ms: u64) -> Verdict {
        let (answered, asked) =
            (self.answered_ms.load(Ordering::Relaxed), self.asked_ms.load(Ordering::Relaxed));
        let draining = self.draining.load(Ordering::Relaxed);
        let answered_age_ms = now_ms.saturating_sub(answered);
        Verdict {
            alive: now_ms.saturating_sub(asked) < WORKER_STUCK_MS,
            ready: answered > 0 && !draining && answered_age_ms < WORKER_READY_MS,
            draining,
            answered_age_ms,
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn asked(&self, is_answered: bool) {
        let now_ms = self.now_ms();
        self.asked_ms.store(now_ms, Ordering::Relaxed);
        if is_answered {
            self.answered_ms.store(now_ms, Ordering::Relaxed);
        }
    }
}

/// A queue whose use is seen in a pulse. Waits for items no longer than a stop may take.
pub(super) struct Watched<T> {
    inner: Arc<dyn Queue<T>>,
    pulse: Arc<Pulse>,
}

impl<T> Watched<T> {
    pub(super) fn new(inner: Arc<dyn Queue<T>>, pulse: Arc<Pulse>) -> Watched<T> {
        Watched { inner, pulse }
    }
}

#[async_trait]
impl<T: Send + 'static> Queue<T> for Watched<T> {
    fn capabilities(&self) -> QueueCapabilities {
        self.inner.capabilities()
    }

    async fn send(&self, items: Vec<Item<T>>) -> Result<(), PortError> {
        self.inner.send(items).await
    }

    async fn lease(&self, max: usize, wait: Duration) -> Result<Vec<Lease<T>>, PortError> {
        let leased = self.inner.lease(max, wait.min(Duration::from_millis(WORKER_WAIT_MS))).await;
        self.pulse.asked(leased.is_ok());
        leased
    }

    async fn settle(&self, settlements: Vec<(LeaseId, Settlement)>) -> Result<(), PortError> {
        self.inner.settle(settlements).await
    }

    async fn dead_letters(&self, after: Option<&str>, limit: usize) -> Result<Vec<DeadLetter<T>>, PortError> {
        self.inner.dead_letters(after, limit).await
    }

    async fn redrive(&self, ids: &[String]) -> Result<usize, PortError> {
        self.inner.redrive(ids).await
    }

    async fn drop_dead(&self, ids: &[String]) -> Result<usize, PortError> {
        self.inner.drop_dead(ids).await
    }

    async fn depth(&self) -> Result<Depth, PortError> {
        self.inner.depth().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_ready_while_its_queue_answers_and_alive_while_it_asks() {
        let pulse = Pulse::new();
        assert!(!pulse.verdict_at(1).ready, "it has not worked yet");
        assert!(pulse.verdict_at(1).alive);
        pulse.asked(true);
        let at = pulse.answered_ms.load(Ordering::Relaxed);
        assert!(pulse.verdict_at(at + 1).ready);
        assert!(!pulse.verdict_at(at + WORKER_READY_MS).ready, "nothing answers any more");
        assert!(pulse.verdict_at(at + WORKER_READY_MS).alive);
        assert!(!pulse.verdict_at(at + WORKER_STUCK_MS).alive, "it does not even ask");
        pulse.drain();
        let verdict = pulse.verdict_at(at + 1);
        assert!(verdict.draining && !verdict.ready && verdict.alive);
    }
}
