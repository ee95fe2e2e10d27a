//! Every bound of the model, with its unit.
//! Small on purpose: a bound that no test reaches is not known to hold.

/// Items one model queue holds before it answers `Overloaded`.
pub const QUEUE_ITEMS_MAX: usize = 100_000;
/// Items in one `send` to a model queue.
pub const SEND_ITEMS_MAX: usize = 1_024;
/// Life of a lease of a model queue, milliseconds.
pub const LEASE_MS: u64 = 30_000;
/// Conversations in one `append` to the model store.
pub const APPEND_CONVERSATIONS_MAX: usize = 1_024;
/// Failures kept for one sender.
pub const FAILURES_PER_USER_MAX: usize = 100;
/// Recent events remembered for `changed_since`.
pub const RECENT_EVENTS_MAX: usize = 10_000;
/// Mentions counted for one entry.
pub const MENTIONS_COUNTED_MAX: usize = 100;
