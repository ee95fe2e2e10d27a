//! What the tables were asked for, in the units that are paid: counted as the service says, for metrics and tests.
//! Knows no prices. One unit is kept as a thousand, because eventually consistent reads cost halves.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// Units consumed since the start.
#[derive(Debug, Default)]
pub struct Usage {
    read_milli: AtomicU64,
    write_milli: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
}

/// A moment's reading of [`Usage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consumed {
    /// Read request units, thousandths.
    pub read_milli: u64,
    /// Write request units, thousandths.
    pub write_milli: u64,
    /// Read requests answered.
    pub reads: u64,
    /// Write requests answered.
    pub writes: u64,
}

impl Usage {
    /// What was consumed so far.
    #[must_use]
    pub fn consumed(&self) -> Consumed {
        Consumed {
            read_milli: self.read_milli.load(Ordering::Relaxed),
            write_milli: self.write_milli.load(Ordering::Relaxed),
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn read(&self, consumed: Option<&ConsumedCapacity>) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.read_milli.fetch_add(milli(consumed), Ordering::Relaxed);
    }

    pub(crate) fn write(&self, consumed: Option<&ConsumedCapacity>) {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.write_milli.fetch_add(milli(consumed), Ordering::Relaxed);
    }
}

/// Thousandths of a unit; what the service does not tell counts nothing.
fn milli(consumed: Option<&ConsumedCapacity>) -> u64 {
    let units = consumed.and_then(ConsumedCapacity::capacity_units).unwrap_or_default();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a request consumes a few thousand units at most, and never less than none"
    )]
    let milli = (units.max(0.0) * 1_000.0).round() as u64;
    milli
}
