//! What stands in the journal: everything that changes state, with all its effect depends on (D8).
//! Numbers of kinds and shapes of payloads are part of the stored format: only ever appended to.

use std::collections::BTreeSet;

use chat::{Announcement, Change, ConversationId, Envelope, Epoch, Portable, TimestampMs, ids::Seq};
use journal::NewRecord;
use serde::{Deserialize, Serialize};

use crate::{codec, error::Fault};

/// The newest record format this version writes and reads.
pub(crate) const RECORD_FORMAT: u32 = 1;

/// The kinds, as numbered in the journal.
pub(crate) mod kind {
    pub(crate) const GENESIS: u16 = 1;
    pub(crate) const COMMAND: u16 = 2;
    pub(crate) const CHANGE: u16 = 3;
    pub(crate) const DEAD: u16 = 4;
    pub(crate) const REDRIVE: u16 = 5;
    pub(crate) const DROP: u16 = 6;
    pub(crate) const FAILURES: u16 = 7;
    pub(crate) const SETTLED: u16 = 8;
    pub(crate) const PASSED: u16 = 9;
    pub(crate) const MOVED: u16 = 10;
    pub(crate) const STRAY: u16 = 11;
    pub(crate) const ERASED: u16 = 12;
    pub(crate) const LATE: u16 = 13;
    pub(crate) const IMPORT: u16 = 14;
}

/// One record, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// The first record of every journal.
    Genesis(Genesis),
    /// An item of the message queue.
    Command(Envelope),
    /// An item of the message queue whose conversation did not exist when it was sent. It takes effect where it is
    /// moved to, if anywhere: at its own place replay could not tell whether the conversation was there.
    Stray(Envelope),
    /// Something that happens at once.
    Change(JournaledChange),
    /// An item that could not be processed.
    Dead(Dead),
    /// A dead letter, sent again: an item of the message queue as well.
    Redrive(Redrive),
    /// Dead letters forgotten.
    Drop(Vec<u64>),
    /// Failures kept for their senders.
    Failures(Failures),
    /// Which items are done with.
    Settled(Settled),
    /// Items whose decision came to nothing while later ones of their group took effect.
    Passed(Vec<u64>),
    /// An item that takes effect here, not at its own place.
    Moved(Moved),
    /// Deleted messages whose text stands in the journal no more.
    Erased(Vec<(ConversationId, Seq)>),
    /// Text of a message that was erased has come again.
    Late(Late),
    /// Something of what another home held.
    Import(Import),
}

/// How a history begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Genesis {
    /// Record format of what follows.
    pub(crate) format: u32,
    pub(crate) epoch: Epoch,
    pub(crate) created_at: TimestampMs,
}

/// A change, and what was looked up for it before: looked up again on replay it might be different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JournaledChange {
    pub(crate) change: Change,
    /// For each mark of a `Change::Mark`, the message count at its `read`; `None`: there is no such row.
    pub(crate) ordinals: Vec<Option<u64>>,
}

/// An item given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dead {
    /// Its position.
    pub(crate) item: u64,
    /// It took effect nevertheless (it could be stored but not announced).
    pub(crate) is_applied: bool,
    pub(crate) reason: String,
    pub(crate) attempts: u32,
    pub(crate) first_failed_at: TimestampMs,
    pub(crate) last_failed_at: TimestampMs,
    pub(crate) envelope: Envelope,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Redrive {
    /// The dead letter.
    pub(crate) item: u64,
    /// Its conversation does not exist: see [`Record::Stray`].
    pub(crate) is_stray: bool,
    pub(crate) envelope: Envelope,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failures {
    pub(crate) at: TimestampMs,
    pub(crate) failures: Vec<Announcement>,
}

/// Every item below `head` is done with, except those in `open`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settled {
    pub(crate) head: u64,
    /// First position and count of each run, ascending.
    pub(crate) open: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moved {
    /// Its own position.
    pub(crate) item: u64,
    pub(crate) envelope: Envelope,
    /// Open items of the group, from before this record, that took effect at their own places.
    pub(crate) in_place: Vec<u64>,
    /// A start had decided everything below this position at its own place.
    pub(crate) decided_before: u64,
}

/// A resend, or a refused edit, of a message whose text was erased before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Late {
    pub(crate) conversation: ConversationId,
    /// The message.
    pub(crate) target: Seq,
    /// What came again does not stand before this position.
    pub(crate) from: u64,
    pub(crate) at: TimestampMs,
}

/// A step of taking in what another home held. Only ever stands before the first command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Import {
    /// The export with this id is taken in from here on.
    Begin(u128),
    /// A part of what it holds.
    Records(Vec<Portable>),
    /// So many of its batches are in.
    Reached(u64),
    /// All is in.
    Finish,
}

/// What was taken in, and how far that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredArrival {
    pub(crate) export: u128,
    pub(crate) batches: u64,
    pub(crate) is_finished: bool,
}

impl Record {
    pub(crate) fn decode(position: u64, kind: u16, payload: &[u8]) -> Result<Record, Fault> {
        Ok(match kind {
            kind::GENESIS => Record::Genesis(codec::decode("genesis", payload)?),
            kind::COMMAND => Record::Command(codec::decode("command", payload)?),
            kind::STRAY => Record::Stray(codec::decode("command", payload)?),
            kind::CHANGE => Record::Change(codec::decode("change", payload)?),
            kind::DEAD => Record::Dead(codec::decode("dead letter", payload)?),
            kind::REDRIVE => Record::Redrive(codec::decode("redrive", payload)?),
            kind::DROP => Record::Drop(codec::decode("drop", payload)?),
            kind::FAILURES => Record::Failures(codec::decode("failures", payload)?),
            kind::SETTLED => Record::Settled(codec::decode("settled", payload)?),
            kind::PASSED => Record::Passed(codec::decode("passed", payload)?),
            kind::MOVED => Record::Moved(codec::decode("moved", payload)?),
            kind::ERASED => Record::Erased(codec::decode("erased", payload)?),
            kind::LATE => Record::Late(codec::decode("late", payload)?),
            kind::IMPORT => Record::Import(codec::decode("import", payload)?),
            kind => return Err(Fault::UnknownKind { position, kind }),
        })
    }

    pub(crate) fn encode(&self, now_ms: TimestampMs) -> NewRecord {
        let (kind, payload) = match self {
            Record::Genesis(genesis) => (kind::GENESIS, codec::encode(genesis)),
            Record::Command(envelope) => (kind::COMMAND, codec::encode(envelope)),
            Record::Stray(envelope) => (kind::STRAY, codec::encode(envelope)),
            Record::Change(change) => (kind::CHANGE, codec::encode(change)),
            Record::Dead(dead) => (kind::DEAD, codec::encode(dead)),
            Record::Redrive(redrive) => (kind::REDRIVE, codec::encode(redrive)),
            Record::Drop(items) => (kind::DROP, codec::encode(items)),
            Record::Failures(failures) => (kind::FAILURES, codec::encode(failures)),
            Record::Settled(settled) => (kind::SETTLED, codec::encode(settled)),
            Record::Passed(items) => (kind::PASSED, codec::encode(items)),
            Record::Moved(moved) => (kind::MOVED, codec::encode(moved)),
            Record::Erased(erased) => (kind::ERASED, codec::encode(erased)),
            Record::Late(late) => (kind::LATE, codec::encode(late)),
            Record::Import(import) => (kind::IMPORT, codec::encode(import)),
        };
        NewRecord::new(kind, now_ms, payload)
    }
}

/// The record of a command, without taking the command.
pub(crate) fn command(envelope: &Envelope, is_stray: bool, now_ms: TimestampMs) -> NewRecord {
    let kind = if is_stray { kind::STRAY } else { kind::COMMAND };
    NewRecord::new(kind, now_ms, codec::encode(envelope))
}

impl Settled {
    /// Whether the item at this position is known to be done with.
    pub(crate) fn contains(&self, position: u64) -> bool {
        if position >= self.head {
            return false;
        }
        let after = self.open.partition_point(|(first, _)| *first <= position);
        after.checked_sub(1).is_none_or(|at| {
            let (first, count) = self.open[at];
            position - first >= count
        })
    }

    /// The first position not known to be done with.
    pub(crate) fn first_open(&self) -> u64 {
        self.open.first().map_or(self.head, |(first, _)| *first)
    }

    /// Done with here and there; as far as this one reaches.
    pub(crate) fn and(&self, other: &Settled) -> Settled {
        let of_other = other.open_positions().chain(other.head..self.head).filter(|at| *at < self.head);
        let all: BTreeSet<u64> = self.open_positions().chain(of_other).collect();
        let mut open: Vec<(u64, u64)> = Vec::new();
        for position in all {
            match open.last_mut() {
                Some((first, count)) if *first + *count == position => *count += 1,
                _ => open.push((position, 1)),
            }
        }
        Settled { head: self.head, open }
    }

    /// Positions below `head` that are open.
    pub(crate) fn open_positions(&self) -> impl Iterator<Item = u64> + '_ {
        self.open.iter().flat_map(|(first, count)| *first..first.saturating_add(*count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_with_in_both() {
        let one = Settled { head: 20, open: vec![(4, 2), (18, 1)] };
        let less = Settled { head: 15, open: vec![(5, 3)] };
        assert_eq!(one.and(&less), Settled { head: 20, open: vec![(4, 4), (15, 5)] });
        let more = Settled { head: 30, open: vec![(18, 1), (25, 2)] };
        assert_eq!(one.and(&more), one);
    }
}
