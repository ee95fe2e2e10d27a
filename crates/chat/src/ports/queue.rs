//! The queue port: durable, ordered per group, at-least-once, with dead letters.
//! Does not know what it carries. Written so that an SQS FIFO queue with its DLQ fits as well as a journal cursor.

use std::time::Duration;

use async_trait::async_trait;

use super::PortError;
use crate::ids::TimestampMs;

/// One thing to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<T> {
    /// Items of one group are leased in the order they were sent, and never two batches of a group at once.
    pub group: u128,
    /// Identifies the item for deduplication where the backend offers it (SQS: five minutes). Never relied on (D2).
    pub dedup: u128,
    /// The thing itself.
    pub body: T,
}

/// Names a leased item until it is settled or the lease runs out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(pub String);

/// A leased item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease<T> {
    /// To settle it by.
    pub id: LeaseId,
    /// Its group.
    pub group: u128,
    /// How often it has been leased, this time included: 1 at first.
    pub attempts: u32,
    /// When it was sent.
    pub sent_at: TimestampMs,
    /// The thing itself.
    pub body: T,
}

/// What became of a leased item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Processed: it will not come again.
    Done,
    /// Not now: it comes again after this delay, and its group waits for it, others do not.
    RetryAfter(Duration),
    /// Never: it moves to the dead letters with this reason, and its group goes on.
    Dead {
        /// For operators; names no secret and no message text.
        reason: String,
    },
}

/// An item that could not be processed (D5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter<T> {
    /// Names it for `redrive` and `drop`.
    pub id: String,
    /// The thing itself; `None` when it does not read, which is then the reason or stands in the log.
    pub body: Option<T>,
    /// Why it was given up.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed first.
    pub first_failed_at: TimestampMs,
    /// When it was given up.
    pub last_failed_at: TimestampMs,
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Items not yet leased, those waiting for a retry included.
    pub waiting: u64,
    /// Items leased and not settled.
    pub in_flight: u64,
    /// Dead letters.
    pub dead: u64,
    /// Age of the oldest item not settled, milliseconds; 0 when there is none.
    pub oldest_age_ms: u64,
}

/// What a queue backend can do, so that the conformance suite knows which cases apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueCapabilities {
    /// Items and dead letters survive the process.
    pub survives_restart: bool,
    /// A lease that is not settled in time comes back by itself.
    pub leases_expire: bool,
    /// Items in one `send` at most.
    pub batch_max: usize,
    /// Items in one `lease` at most, whatever is asked.
    pub lease_max: usize,
}

/// A queue. All methods may be called from many tasks at once.
#[async_trait]
pub trait Queue<T: Send + 'static>: Send + Sync {
    /// What this backend can do.
    fn capabilities(&self) -> QueueCapabilities;

    /// Appends items. When it returns `Ok`, all are durable (D1); when it returns an error, any of them may be.
    /// `Overloaded` when a bound is reached.
    async fn send(&self, items: Vec<Item<T>>) -> Result<(), PortError>;

    /// Takes up to `max` items, waiting up to `wait` for the first. Groups with an unsettled lease or a pending retry
    /// are left out.
    async fn lease(&self, max: usize, wait: Duration) -> Result<Vec<Lease<T>>, PortError>;

    /// Settles leased items. Settling a lease that has run out changes nothing and is no error.
    async fn settle(&self, settlements: Vec<(LeaseId, Settlement)>) -> Result<(), PortError>;

    /// Dead letters in the order of their ids, at most `limit`, after the id `after`.
    async fn dead_letters(&self, after: Option<&str>, limit: usize) -> Result<Vec<DeadLetter<T>>, PortError>;

    /// Sends dead letters again, each once, and forgets them as dead. Ids that are not there are skipped. Returns how
    /// many were sent. Safe to repeat (D2).
    async fn redrive(&self, ids: &[String]) -> Result<usize, PortError>;

    /// Forgets dead letters for good. Returns how many there were.
    async fn drop_dead(&self, ids: &[String]) -> Result<usize, PortError>;

    /// How full it is.
    async fn depth(&self) -> Result<Depth, PortError>;
}
