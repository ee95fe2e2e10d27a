//! The pipeline's metrics, looked up once so that the hot path only adds numbers.
//! Invariant: no label carries an id; ids are in the traces.

use metrics::{Counter, Histogram, counter, histogram};

/// What the persister measures.
#[derive(Debug, Clone)]
pub(crate) struct PersisterMeters {
    /// From accepted to stored, per command.
    pub(crate) accept_to_stored_seconds: Histogram,
    /// Commands per lease.
    pub(crate) batch: Histogram,
    /// Attempts a command took, recorded when it is more than one.
    pub(crate) attempts: Histogram,
    /// Commands that became events.
    pub(crate) stored: Counter,
    /// Commands that had become events before.
    pub(crate) duplicates: Counter,
    /// Commands a rule refused when applied.
    pub(crate) refused: Counter,
    /// Commands put off.
    pub(crate) retried: Counter,
    /// Commands given up.
    pub(crate) dead: Counter,
    /// Conversations decided again because their head had moved.
    pub(crate) conflicts: Counter,
}

/// What the notifier measures.
#[derive(Debug, Clone)]
pub(crate) struct NotifierMeters {
    /// From accepted to handed to the nodes, per event.
    pub(crate) accept_to_announced_seconds: Histogram,
    /// Announcements per lease.
    pub(crate) batch: Histogram,
    /// Announcements handed to every interested node.
    pub(crate) announced: Counter,
    /// Batches for nodes that did not answer.
    pub(crate) unreachable: Counter,
    /// Announcements put off.
    pub(crate) retried: Counter,
    /// Announcements given up.
    pub(crate) dead: Counter,
}

impl PersisterMeters {
    pub(crate) fn new() -> PersisterMeters {
        PersisterMeters {
            accept_to_stored_seconds: histogram!("dynamowave_persist_accept_to_stored_seconds"),
            batch: histogram!("dynamowave_persist_batch_commands"),
            attempts: histogram!("dynamowave_persist_attempts"),
            stored: counter!("dynamowave_persist_stored_total"),
            duplicates: counter!("dynamowave_persist_duplicates_total"),
            refused: counter!("dynamowave_persist_refused_total"),
            retried: counter!("dynamowave_persist_retried_total"),
            dead: counter!("dynamowave_persist_dead_total"),
            conflicts: counter!("dynamowave_persist_conflicts_total"),
        }
    }
}

impl NotifierMeters {
    pub(crate) fn new() -> NotifierMeters {
        NotifierMeters {
            accept_to_announced_seconds: histogram!("dynamowave_announce_accept_to_announced_seconds"),
            batch: histogram!("dynamowave_announce_batch_announcements"),
            announced: counter!("dynamowave_announce_announced_total"),
            unreachable: counter!("dynamowave_announce_unreachable_total"),
            retried: counter!("dynamowave_announce_retried_total"),
            dead: counter!("dynamowave_announce_dead_total"),
        }
    }
}
