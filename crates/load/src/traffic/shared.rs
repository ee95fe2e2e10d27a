//! Counts that the workers of one run share.
//! Invariant: written once per turn of a worker, not once per message, except for the messages of a delivery window.

use std::sync::atomic::{
    AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

use super::pace::Pace;
use crate::engine::Waker;

/// Counts of a run so far.
#[derive(Debug, Default)]
pub struct Shared {
    /// Messages sent.
    pub sent: AtomicU64,
    /// Messages answered, either way, or given up with their connection.
    pub answered: AtomicU64,
    /// Deliveries that must happen.
    pub expected: AtomicU64,
    /// Deliveries that happened.
    pub delivered: AtomicU64,
    /// Messages of a delivery window that reached everybody.
    pub completed: AtomicU64,
    /// Workers that may still send.
    sending: AtomicUsize,
    /// When the run began.
    pub began_ns: u64,
    missing: Vec<AtomicU32>,
    wakers: Vec<Waker>,
}

impl Shared {
    /// For a run at this pace; `wakers` wake the workers when the whole advances.
    #[must_use]
    pub fn new(pace: &Pace, began_ns: u64, wakers: Vec<Waker>) -> Shared {
        let slots = if let Pace::Delivered { outstanding } = pace {
            (2 * outstanding).next_power_of_two()
        } else {
            0
        };
        let missing = (0..slots).map(|_| AtomicU32::new(0)).collect();
        Shared { missing, sending: AtomicUsize::new(wakers.len()), wakers, began_ns, ..Shared::default() }
    }

    /// A message that `audience` connections will get leaves now.
    pub(super) fn begin(&self, serial: u64, audience: u32) {
        if let Some(slot) = self.slot(serial) {
            slot.store(audience, Relaxed);
        }
    }

    /// One of them got it. Whether it was the last.
    #[inline]
    pub(super) fn arrived(&self, serial: u64) -> bool {
        let last = self.slot(serial).is_some_and(|slot| slot.fetch_sub(1, Relaxed) == 1);
        if last {
            self.completed.fetch_add(1, Relaxed);
            if self.wakers.len() > 1 {
                self.wakers[0].wake();
            }
        }
        last
    }

    /// One worker sends no more; called once by each.
    pub(super) fn stop_sending(&self) {
        self.sending.fetch_sub(1, Release);
    }

    /// Whether everything that was sent has been answered and delivered.
    pub(super) fn is_settled(&self) -> bool {
        // Acquire: the counts of a worker that stopped are seen as it left them.
        self.sending.load(Acquire) == 0
            && self.answered.load(Relaxed) >= self.sent.load(Relaxed)
            && self.delivered.load(Relaxed) >= self.expected.load(Relaxed)
    }

    #[inline]
    fn slot(&self, serial: u64) -> Option<&AtomicU32> {
        let mask = self.missing.len().checked_sub(1)?;
        usize::try_from(serial).ok().map(|serial| &self.missing[serial & mask])
    }
}
