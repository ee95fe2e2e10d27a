//! Every bound of this backend, with its unit: those that AWS sets and does not raise, then our own.
//! Enforced by this code before a request leaves, because an emulator does not enforce them.

/// One item of a table, bytes (AWS).
pub const ITEM_BYTES_MAX: usize = 400 * 1024;
/// Writes of one transaction (AWS).
pub const TRANSACTION_ITEMS_MAX: usize = 100;
/// Size of one transaction, bytes (AWS).
pub const TRANSACTION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Keys of one `BatchGetItem` (AWS).
pub const GET_KEYS_MAX: usize = 100;
/// Writes of one `BatchWriteItem` (AWS).
pub const BATCH_WRITES_MAX: usize = 25;
/// Messages of one request to a queue (AWS).
pub const QUEUE_BATCH_MAX: usize = 10;
/// Size of one message, and of one request with several, bytes (AWS).
pub const QUEUE_BATCH_BYTES_MAX: usize = 1024 * 1024;
/// Longest delay of a retry, milliseconds (AWS: twelve hours from the first lease; half of it leaves room for both).
pub const RETRY_DELAY_MAX_MS: u64 = 6 * 3_600 * 1_000;
/// Longest wait of one request for the first message, seconds (AWS).
pub const QUEUE_WAIT_MAX_S: u64 = 20;
/// Receives after which a queue moves a message to its dead-letter queue by itself.
pub const RECEIVES_MAX: u32 = 10;

/// Sequence numbers of one partition of a log: an item collection stays bounded.
pub const SEQS_PER_BUCKET: u64 = 100_000;
/// Partitions of one listing, so that none of them is written by everybody.
pub const LISTING_SHARDS: u8 = 8;
/// Bytes of one write besides its attributes, as counted against the bounds above.
pub const WRITE_OVERHEAD_BYTES: usize = 128;
/// Tries of a change whose condition failed because somebody else was quicker.
pub const CHANGE_TRIES_MAX: u32 = 12;
/// Rounds of a batched request whose rest the service did not process.
pub const UNPROCESSED_ROUNDS_MAX: u32 = 8;
/// First pause before such a round, milliseconds; doubles each time, with full jitter.
pub const UNPROCESSED_PAUSE_MS: u64 = 20;
/// Requests of one call that run at the same time.
pub const REQUESTS_AT_ONCE_MAX: usize = 16;
/// Conversations of one `append`.
pub const APPEND_CONVERSATIONS_MAX: usize = 64;
/// Items of one `send`; more than ten are several requests.
pub const SEND_ITEMS_MAX: usize = 1_024;
/// Tries of a request to a queue of which only a part was taken.
pub const SEND_TRIES_MAX: u32 = 3;
/// Conversations whose head and partition are remembered.
pub const HINTS_MAX: usize = 50_000;
/// Mentions counted for one entry.
pub const MENTIONS_COUNTED_MAX: usize = 100;
/// Failures kept for one sender, as far as they are shown.
pub const FAILURES_PER_USER_MAX: usize = 100;
/// Failures of one sender read to find the last ones.
pub const FAILURES_READ_MAX: usize = 1_000;
/// Life of a kept failure, milliseconds (7 days).
pub const FAILURE_LIFE_MS: u64 = 7 * 24 * 3_600 * 1_000;
/// How long what is out of date stays readable before the table may remove it, milliseconds (30 days).
pub const EXPIRED_LIFE_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// Life of an outcome that somebody waits for, milliseconds.
pub const OUTCOME_LIFE_MS: u64 = 10 * 60 * 1_000;
/// Longest wait for an outcome, milliseconds.
pub const EXECUTE_WAIT_MS: u64 = 30_000;
/// First pause between two looks for an outcome, milliseconds; grows by half each time.
pub const OUTCOME_POLL_FIRST_MS: u64 = 15;
/// Longest pause between two looks for an outcome, milliseconds.
pub const OUTCOME_POLL_MAX_MS: u64 = 500;
/// Commands in this process that somebody elsewhere waits for.
pub const WAITED_MAX: usize = 10_000;
/// Life of a lease that nobody renews, milliseconds.
pub const LEASE_MS: u64 = 60_000;
/// Life of a lease in a process that renews it while it works, milliseconds: how long what a killed worker held waits.
pub const WORKER_LEASE_MS: u64 = 10_000;
/// Between two renewals, milliseconds: two may fail.
pub const LEASE_RENEW_MS: u64 = 3_000;
/// Longest time for which a lease is renewed, milliseconds: work that hangs gives its items to others after that.
pub const LEASE_HELD_MAX_MS: u64 = 120_000;
/// Items of a queue, waiting and leased, above which it is full.
pub const QUEUE_ITEMS_MAX: u64 = 100_000;
/// Age of what is known about the depth of a queue before it is asked again, milliseconds.
pub const DEPTH_LIFE_MS: u64 = 1_000;
/// The same of a queue that held next to nothing: at 2,000 frames a second, the throttle of the serverless home, filling
/// it takes longer.
pub const DEPTH_QUIET_LIFE_MS: u64 = 30_000;
/// The part of what a queue may hold up to which it holds next to nothing: a hundredth.
pub const QUIET_DIVISOR: u64 = 100;
/// Shortest time between two questions for the depth of a full queue, milliseconds.
pub const DEPTH_PAUSE_MS: u64 = 100;
/// When a full queue is worth another try, milliseconds.
pub const QUEUE_RETRY_MS: u64 = 1_000;
/// Pause between two looks into an empty queue when less than a second is left to wait, milliseconds.
pub const LEASE_PAUSE_MS: u64 = 50;
/// Rounds of one look through the dead-letter queue of the service, ten messages each.
pub const ABSORB_ROUNDS_MAX: u32 = 1_000;
/// Members up to which the nodes of each are looked up; above, nodes are told as such.
pub const SMALL_MEMBERS_MAX: usize = 100;
/// Nodes up to which all of them hear of what happens in a large conversation.
pub const NODES_TOLD_ALL_MAX: usize = 32;
/// Age of what is known about the home region before it is read again, milliseconds.
pub const HOME_LIFE_MS: u64 = 10_000;
/// Age of the list of nodes before it is read again, milliseconds.
pub const NODES_LIFE_MS: u64 = 1_000;
/// How long the row of a node that was killed stays in the table, milliseconds: it tells when its people were last seen.
pub const NODE_KEPT_MS: u64 = 10 * 60 * 1_000;
/// Age up to which a node whose row is not among those read may be newer than them, milliseconds: far longer than the
/// list lives and than clocks are apart.
pub const NODE_YOUNG_MS: u64 = 10_000;
/// How long the connection of a node that was killed stays in the table, milliseconds (30 days): it tells when somebody
/// was last seen. All others leave that with the person, and their rows at once.
pub const CONNECTION_KEPT_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// Life of a subscription's row, milliseconds (14 days); it counts only while its node lives.
pub const SUBSCRIPTION_LIFE_MS: u64 = 14 * 24 * 3_600 * 1_000;
/// Rows looked at by one search before its answer is partial.
pub const SEARCH_ROWS_READ_MAX: usize = 20_000;
/// Rows of one conversation read at a time by a search.
pub const SEARCH_PAGE_ROWS: usize = 200;
/// How far the clocks of those who accept commands may be apart, milliseconds: as far is read on behind the last hit.
pub const CLOCKS_APART_MS: u64 = 10 * 60 * 1_000;
/// Searches at the same time.
pub const SEARCHES_AT_ONCE_MAX: usize = 8;
/// Tries of one request to the service, the first included.
pub const REQUEST_TRIES_MAX: u32 = 6;
/// First pause before another try of one request, milliseconds; doubles each time, with full jitter.
pub const REQUEST_BACKOFF_MS: u64 = 50;
/// Longest time of one try, milliseconds.
pub const REQUEST_TRY_MS: u64 = 5_000;
/// Longest time of one request with all its tries, milliseconds.
pub const REQUEST_TOTAL_MS: u64 = 20_000;
/// Longest wait for a table to be there, milliseconds.
pub const PROVISION_WAIT_MS: u64 = 120_000;
/// How long a queue keeps what nobody takes, seconds (AWS: at most 14 days).
pub const QUEUE_RETENTION_S: u64 = 14 * 24 * 3_600;
/// Days that a table can be restored to (AWS: at most 35).
pub const RECOVERY_DAYS: i32 = 35;
/// How far the clock of this machine may be from the service's before `doctor` fails, milliseconds.
pub const CLOCK_APART_MS_MAX: u64 = 30_000;
/// Functions that may run at the same time in an account, below which `doctor` warns.
pub const FUNCTIONS_AT_ONCE_MIN: u64 = 100;
/// Units a second that one table may have, below which `doctor` warns.
pub const UNITS_OF_TABLE_MIN: i64 = 10_000;
/// First pause between two looks whether a restored table is there, milliseconds; grows by half each time.
pub const RESTORE_LOOK_FIRST_MS: u64 = 500;
/// Longest pause between two such looks, milliseconds.
pub const RESTORE_LOOK_MAX_MS: u64 = 15_000;
/// Longest wait for a restored table, milliseconds (a day): a large one takes hours.
pub const RESTORE_WAIT_MS: u64 = 24 * 3_600 * 1_000;
/// Pages of tags read from a table, ten tags each.
pub const TAG_PAGES_MAX: usize = 10;
