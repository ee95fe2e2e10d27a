//! How far the index has come: which items of the journal are in it, and where a first fill stands.
//! Invariant: it is committed together with what it speaks of, so after a crash both are from the same moment.

use chat::{Epoch, TimestampMs};
use serde::{Deserialize, Serialize};

use super::schema::INDEX_FORMAT;
use crate::record::Settled;

/// Stored as JSON in each commit of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    format: u32,
    epoch: Epoch,
    /// Every item settled here is in the index, or needs not be.
    pub(super) settled: Settled,
    /// While the index is filled from the store: the last key that is in it, in hexadecimal; empty at the beginning.
    pub(super) filling: Option<String>,
    /// Items below are also met by the fill.
    pub(super) filled_head: u64,
    /// Since when words of something deleted or replaced stand in the index's files.
    pub(super) stale_since: Option<TimestampMs>,
}

impl Progress {
    /// An index with nothing in it, to be filled from the store, which has everything that is settled here.
    pub(super) fn new(epoch: Epoch, settled: Settled) -> Progress {
        let filling = Some(String::new());
        Progress { format: INDEX_FORMAT, epoch, settled, filling, filled_head: u64::MAX, stale_since: None }
    }

    /// An index that lacks nothing of what is settled here, because there is nothing.
    pub(super) fn of_nothing(epoch: Epoch, settled: Settled) -> Progress {
        Progress { filling: None, filled_head: 0, ..Progress::new(epoch, settled) }
    }

    /// What a commit says, if it is of this history and this form.
    pub(super) fn parse(payload: &str, epoch: Epoch) -> Option<Progress> {
        let progress: Progress = serde_json::from_str(payload).ok()?;
        (progress.format == INDEX_FORMAT && progress.epoch == epoch).then_some(progress)
    }

    pub(super) fn payload(&self) -> String {
        serde_json::to_string(self).expect("invariant: its keys are texts")
    }

    /// Whether the index lacks something, or holds something for too long.
    pub(super) fn is_due(&self, settled: &Settled, now_ms: TimestampMs, erase_after_ms: u64) -> bool {
        self.filling.is_some() || self.settled != *settled || self.is_stale(now_ms, erase_after_ms)
    }

    pub(super) fn is_stale(&self, now_ms: TimestampMs, erase_after_ms: u64) -> bool {
        self.stale_since.is_some_and(|since| now_ms >= since.saturating_add(erase_after_ms))
    }
}

/// What is done with by either: after a crash the queue may know less than the index did, and nothing is to be indexed
/// a second time as if it were new.
pub(super) fn together(before: &Settled, now: &Settled) -> Settled {
    let mut forgotten = now.open_positions().take_while(|position| *position < before.head);
    if now.head >= before.head && !forgotten.any(|position| before.contains(position)) {
        return now.clone();
    }
    let mut open: Vec<(u64, u64)> = Vec::new();
    let in_both = now.open_positions().filter(|position| !before.contains(*position));
    for position in in_both.chain(before.open_positions().filter(|position| *position >= now.head)) {
        match open.last_mut() {
            Some((first, count)) if *first + *count == position => *count += 1,
            _ => open.push((position, 1)),
        }
    }
    Settled { head: before.head.max(now.head), open }
}

/// What is in the index when the journal was read up to a position: below it everything settled now, else what was.
pub(super) fn up_to(before: &Settled, now: &Settled, reached: u64) -> Settled {
    let head = reached.max(before.head);
    let open = now.open.iter().filter(|(first, _)| *first < head);
    let open = open.map(|(first, count)| (*first, (*count).min(head - first))).collect();
    Settled { head, open }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_once_stays_done() {
        let before = Settled { head: 20, open: vec![(4, 2), (18, 1)] };
        let behind = Settled { head: 10, open: vec![(3, 3)] };
        assert_eq!(together(&before, &behind), Settled { head: 20, open: vec![(4, 2), (18, 1)] });
        let ahead = Settled { head: 30, open: vec![(5, 1), (18, 1), (25, 2)] };
        assert_eq!(together(&before, &ahead), ahead);
        let reopened = Settled { head: 30, open: vec![(5, 1), (10, 2)] };
        assert_eq!(together(&before, &reopened), Settled { head: 30, open: vec![(5, 1)] });
    }

    #[test]
    fn progress_in_the_middle_keeps_what_is_open() {
        let before = Settled { head: 10, open: vec![(4, 2)] };
        let now = Settled { head: 30, open: vec![(5, 1), (12, 10), (25, 2)] };
        assert_eq!(up_to(&before, &now, 15), Settled { head: 15, open: vec![(5, 1), (12, 3)] });
        assert_eq!(up_to(&before, &now, 30), now);
    }
}
