//! Every bound of the pipeline, with its unit.
//! Bounds of attempts and delays are rules of the chat and live in `chat::limits`.

/// Commands of one lease of the persister.
pub const COMMANDS_PER_LEASE_MAX: usize = 1_024;
/// Announcements of one lease of the notifier.
pub const ANNOUNCEMENTS_PER_LEASE_MAX: usize = 1_024;
/// Longest wait for the first item of a lease, milliseconds.
pub const LEASE_WAIT_MS: u64 = 10_000;
/// Times one conversation is loaded and decided again in one round because its head had moved.
pub const CONFLICTS_PER_ROUND_MAX: u32 = 8;
/// Store calls that may fail one after the other before a round gives up and everything left waits. Halving 1,024
/// commands down to one takes 10 calls by conversation and 10 by command; more than that is an outage.
pub const FAILED_CALLS_PER_ROUND_MAX: u32 = 20;
/// Attempts from which a failing conversation's commands are tried apart, so that the culprit is found.
pub const ISOLATE_ATTEMPTS: u32 = 3;
/// Failures of a command standing alone that are wanted before it is given up at the limit of attempts.
pub const TRIES_ALONE_MIN: u32 = 3;
/// Commands remembered as having failed alone.
pub const SUSPECTS_MAX: usize = 10_000;
/// Nodes told at the same time.
pub const NODES_AT_ONCE_MAX: usize = 32;
/// Tries of one settlement before its lease is left to run out.
pub const SETTLE_TRIES_MAX: u32 = 10;
/// Dead letters read at a time by the operator's commands.
pub const DEAD_LETTERS_PER_PAGE: usize = 500;
/// Bytes of an error's text kept as the reason of a dead letter.
pub const REASON_BYTES_MAX: usize = 500;
