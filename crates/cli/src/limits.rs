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
