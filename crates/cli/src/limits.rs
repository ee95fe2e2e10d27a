//! Every bound of the program around the parts, with its unit.
//! What an operator may choose is in `config`; these are not for choosing.

use std::time::Duration;

/// Sessions kept in memory so that a request needs no read.
pub(crate) const SESSIONS_CACHED_MAX: usize = 50_000;
/// Spans waiting to be sent; more are dropped and counted, because a slow collector must not slow the chat.
pub(crate) const PENDING_SPANS_MAX: usize = 8_192;
/// Spans in one request to the collector.
pub(crate) const BATCH_SPANS_MAX: usize = 512;
/// Longest wait for a batch of spans to fill.
pub(crate) const BATCH_WAIT: Duration = Duration::from_millis(500);
/// Longest wait for the collector.
pub(crate) const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait of an operator's command for the server.
pub(crate) const OPERATOR_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time that the text of a deleted message may be kept in the journal, milliseconds (a year).
pub(crate) const ERASE_AFTER_MS_MAX: u64 = 365 * 24 * 3_600 * 1_000;
/// Part of `limits.queue_age_max_ms` from which on `/readyz` says no: whoever can go elsewhere should have gone before
/// anybody is refused.
pub(crate) const READY_AGE_DIVISOR: u64 = 4;
/// Dead letters asked for at a time.
pub(crate) const DEAD_LETTERS_PER_PAGE: usize = 100;
/// Between two sweeps of files that no message shows, milliseconds.
pub(crate) const SWEEP_EVERY_MS: u64 = 30_000;
/// Sweeps between two that look for blobs nothing knows (one hour).
pub(crate) const SWEEPS_PER_ORPHAN_SWEEP: u32 = 120;
/// Snapshots of latency histograms kept for the figures of the last minutes.
pub(crate) const LATENCY_SNAPSHOTS_MAX: usize = 60;
/// Between two of those snapshots, milliseconds.
pub(crate) const LATENCY_SNAPSHOT_MS: u64 = 10_000;
/// Announcements forgotten at a time before a home is exported: nobody is there to be told.
pub(crate) const DRAINED_AT_ONCE: usize = 1_024;
/// Pause before the queue of a home that is exported is looked at again, milliseconds.
pub(crate) const DRAIN_WAIT_MS: u64 = 50;
/// Between two lines that tell how a move goes on where there is no terminal, milliseconds.
pub(crate) const PROGRESS_LINE_MS: u64 = 5_000;
/// Announcements in one request to another node, bytes; a single one may be larger.
#[cfg(feature = "aws")]
pub(crate) const ANNOUNCED_BYTES_MAX: usize = 1 << 20;
/// A request of another node, bytes: above what any one announcement can be.
#[cfg(feature = "aws")]
pub(crate) const ANNOUNCED_BODY_BYTES_MAX: usize = 8 << 20;
/// Connections of other nodes and notifiers.
#[cfg(feature = "aws")]
pub(crate) const NODE_CONNECTIONS_MAX: usize = 1_024;
/// Longest wait for the handshake with another node, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const NODE_HANDSHAKE_MS: u64 = 1_000;
/// Longest wait for the answer of another node, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const NODE_TELL_MS: u64 = 2_000;
/// Tries of one request to another node.
#[cfg(feature = "aws")]
pub(crate) const NODE_TRIES_MAX: u32 = 2;
/// A node that could not be told is left alone for so long, milliseconds; doubles with every failure.
#[cfg(feature = "aws")]
pub(crate) const NODE_REST_MS: u64 = 1_000;
/// Times that rest doubles.
#[cfg(feature = "aws")]
pub(crate) const NODE_REST_DOUBLINGS_MAX: u32 = 3;
/// Longest wait for a connection to another node, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const NODE_CONNECT_MS: u64 = 500;
/// Nodes remembered before those that are gone are forgotten.
#[cfg(feature = "aws")]
pub(crate) const PEERS_MAX: usize = 4_096;
/// Life of a node's row in the connection table, milliseconds: how long the people of a killed gateway seem to be there.
#[cfg(feature = "aws")]
pub(crate) const NODE_LEASE_MS: u64 = 15_000;
/// Between two renewals of it, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const NODE_RENEW_MS: u64 = 4_000;
/// Age from which on a node counts as one that sockets can be sent to, milliseconds: load balancers send few at first.
#[cfg(feature = "aws")]
pub(crate) const NODE_SETTLED_MS: u64 = 15_000;
/// Between two times that a gateway sends sockets away, milliseconds: longer than it takes them to be counted elsewhere.
#[cfg(feature = "aws")]
pub(crate) const SHED_EVERY_MS: u64 = 12_000;
/// A gateway begins to send sockets away above this part of the mean, per mille.
#[cfg(feature = "aws")]
pub(crate) const SHED_FROM_PER_MILLE: u64 = 1_250;
/// And goes on down to this part of the mean, per mille.
#[cfg(feature = "aws")]
pub(crate) const SHED_TO_PER_MILLE: u64 = 1_050;
/// Sockets above that part of the mean that are no reason to send any away.
#[cfg(feature = "aws")]
pub(crate) const SHED_SLACK_SOCKETS: u64 = 4;
/// Longest wait of a worker for an item, milliseconds: an idle one takes as long to stop.
#[cfg(feature = "aws")]
pub(crate) const WORKER_WAIT_MS: u64 = 5_000;
/// A worker whose queue has not answered for so long is not ready, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const WORKER_READY_MS: u64 = 60_000;
/// A worker that has not asked its queue for so long hangs, milliseconds: longer than any step takes.
#[cfg(feature = "aws")]
pub(crate) const WORKER_STUCK_MS: u64 = 300_000;
/// Shortest secret of all nodes, characters.
pub(crate) const NODE_SECRET_CHARS_MIN: usize = 32;
/// Longest time that a gateway which leaves goes on serving, milliseconds.
pub(crate) const NOTICE_MS_MAX: u64 = 300_000;
/// Longest wait for a process to say whether it is ready.
pub(crate) const READY_TIMEOUT: Duration = Duration::from_secs(5);
/// Batches that a worker may work on at the same time.
pub(crate) const WORKER_CONCURRENCY_MAX: u16 = 64;
/// Wait at the end of a worker for outcomes to be written, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const OUTCOMES_GRACE_MS: u64 = 500;
/// Requests for health at the same time.
#[cfg(feature = "aws")]
pub(crate) const PORT_CONNECTIONS_MAX: usize = 64;
/// Time for the head of a request for health, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const PORT_HEAD_MS: u64 = 5_000;
/// Wait after a connection could not be accepted, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const PORT_RETRY_MS: u64 = 500;
/// Messages a month of a reckoned bill.
#[cfg(feature = "aws")]
pub(crate) const COST_MESSAGES_MAX: u64 = 1_000_000_000_000_000;
/// Sockets told of each of its messages.
#[cfg(feature = "aws")]
pub(crate) const COST_RECIPIENTS_MAX: u64 = 1_000_000;
/// Bytes of a body of it: a frame has at most 32 KiB.
#[cfg(feature = "aws")]
pub(crate) const COST_BODY_BYTES_MAX: u64 = 32_768;
/// Open sockets of it.
#[cfg(feature = "aws")]
pub(crate) const COST_CONNECTIONS_MAX: u64 = 1_000_000_000;
/// Between two words that a table is still being restored, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const RESTORE_TELL_MS: u64 = 30_000;
