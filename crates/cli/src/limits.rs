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
/// A node that could not be told is left alone for so long, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const NODE_REST_MS: u64 = 2_000;
/// Nodes remembered before those that are gone are forgotten.
#[cfg(feature = "aws")]
pub(crate) const PEERS_MAX: usize = 4_096;
/// Life of a node's row in the connection table, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const NODE_LEASE_MS: u64 = 30_000;
/// Between two renewals of it, milliseconds.
#[cfg(feature = "aws")]
pub(crate) const NODE_RENEW_MS: u64 = 10_000;
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
