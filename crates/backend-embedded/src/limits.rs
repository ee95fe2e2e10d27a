//! Every bound of this backend, with its unit.
//! Nothing else in the crate invents a number; bounds of the rules live in `chat::limits`, of the log in `journal`.

/// Bytes of new rows kept in memory before they are written to the store's tables. Also the most a start after a
/// crash has to do again, which is why it is small.
pub const MEMTABLE_BYTES_DEFAULT: u64 = 2 * 1024 * 1024;
/// How far, in multiples of the memtable's bound, memory may run ahead of a slow disk before appends wait.
pub const MEMTABLE_OVERRUN_FACTOR: u64 = 2;
/// The same while a start applies what the tables lack: what was in memory before a crash must not wait for the merging
/// of tables that was under way then.
pub const REPLAY_OVERRUN_FACTOR: u64 = 16;
/// Bytes of journal records that a start keeps from its first look for its second; the rest it reads again.
pub const REPLAY_KEPT_BYTES: usize = 16 * 1024 * 1024;
/// Cache of table blocks, bytes.
pub const BLOCK_CACHE_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;
/// Files of the store kept open.
pub const OPEN_FILES_MAX: usize = 512;
/// Bytes of one table of the store.
pub const TABLE_BYTES: u64 = 32 * 1024 * 1024;
/// Freshly written tables that make a compaction worth while.
pub const LEVEL0_TABLES: u8 = 8;
/// Freshly written tables above which the flush waits for compaction.
pub const LEVEL0_TABLES_MAX: usize = 32;

/// Items up to which a group of a queue comes before groups with more.
pub const SHORT_GROUP_ITEMS: usize = 8;
/// Items that one group gives to a lease while others wait.
pub const GROUP_ITEMS_PER_TURN: usize = 64;
/// Items of one `send`.
pub const SEND_ITEMS_MAX: usize = 8_192;
/// Encoded bytes of records put into one append to the journal.
pub const APPEND_BYTES_MAX: usize = 1024 * 1024;
/// Records put into one append to the journal.
pub const APPEND_RECORDS_MAX: usize = 8_192;
/// Bytes of accepted commands kept in memory; what comes on top is read back from the journal when its turn comes.
pub const QUEUE_MEMORY_BYTES_DEFAULT: usize = 16 * 1024 * 1024;
/// Accepted commands that may wait, in memory or in the journal, before `send` says `Overloaded`.
pub const QUEUE_ITEMS_MAX_DEFAULT: u64 = 50_000_000;
/// Age of the oldest waiting command above which `Commands` says `Overloaded`, milliseconds.
pub const QUEUE_AGE_MAX_MS_DEFAULT: u64 = 60_000;
/// Wait proposed to who was refused because commands wait for too long, milliseconds.
pub const QUEUE_RETRY_MS: u64 = 1_000;
/// Records read back from the journal at a time.
pub const REFILL_RECORDS: usize = 2_048;
/// Bytes read back from the journal at a time.
pub const REFILL_BYTES: usize = 1024 * 1024;
/// Groups that wait for a retry may keep this share of the queue's memory before their followers are left on disk,
/// percent.
pub const PARKED_MEMORY_PERCENT: usize = 50;
/// Positions of followers left on disk (8 bytes each).
pub const SPILLED_ITEMS_MAX: usize = 1_000_000;
/// Commands settled before a note of it goes along with the next append.
pub const SETTLED_NOTE_ITEMS: u64 = 256;
/// Commands settled before a note of it is written by itself.
pub const SETTLED_NOTE_ALONE_ITEMS: u64 = 1_024;
/// Accepted commands that a start applies although it does not know that they had been applied: what readers had seen
/// before a crash they see after it. More than notes can lag behind, leases included.
pub const REPLAY_AHEAD_ITEMS: u64 = 4_096;
/// Bytes of items in the notifications queue before `send` says `Overloaded`.
pub const NOTIFICATIONS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Longest reason kept with a dead letter, bytes.
pub const DEAD_REASON_BYTES_MAX: usize = 1_000;
/// Dead letters of the notifications queue kept in memory; the oldest gives way.
pub const NOTIFICATIONS_DEAD_MAX: usize = 1_000;

/// Failures kept per user.
pub const FAILURES_PER_USER_MAX: usize = 100;
/// Age at which a failure is forgotten, milliseconds (7 days).
pub const FAILURE_LIFE_MS: u64 = 7 * 24 * 3_600 * 1_000;
/// Conversations remembered with their last change, for `changed_since`.
pub const CHANGED_CONVERSATIONS_MAX: usize = 65_536;
/// Unread mentions counted.
pub const MENTIONS_COUNTED_MAX: u64 = 100;

/// Conversations whose meta is cached.
pub const META_CACHE_ENTRIES: usize = 32_768;
/// Memberships cached.
pub const MEMBER_CACHE_ENTRIES: usize = 65_536;
/// Sessions cached.
pub const SESSION_CACHE_ENTRIES: usize = 16_384;
/// Shards of each cache.
pub const CACHE_SHARDS: usize = 16;
/// Shards of the connection table.
pub const DIRECTORY_SHARDS: usize = 16;
/// Tickets that wait to be used.
pub const TICKETS_MAX: usize = 100_000;

/// Pause between two looks of the housekeeping thread, milliseconds.
pub const HOUSEKEEPING_INTERVAL_MS: u64 = 1_000;
/// Last-seen times written in one change.
pub const SEEN_BATCH_MAX: usize = 1_000;
/// Life of a deleted message's text in the journal and in old tables, milliseconds (24 hours).
pub const ERASE_AFTER_MS_DEFAULT: u64 = 24 * 3_600 * 1_000;
/// Deleted messages erased in one pass over the journal.
pub const ERASURES_PER_PASS_MAX: usize = 100_000;
/// Pause between two looks for text to erase, milliseconds.
pub const ERASURE_INTERVAL_MS: u64 = 60_000;

/// Memory in which words gather before they are written to the search index, bytes. Held while there is something to
/// index, and a little longer.
pub const SEARCH_HEAP_BYTES: usize = 24 * 1024 * 1024;
/// Oldest thing not committed to the search index, milliseconds: how late a message can be found.
pub const SEARCH_COMMIT_INTERVAL_MS: u64 = 1_000;
/// Messages written to the search index that are committed whatever their age.
pub const SEARCH_COMMIT_DOCUMENTS: u64 = 500_000;
/// Rows read from the store in one go while the search index is filled.
pub const SEARCH_FILL_ROWS: usize = 4_096;
/// Silence after which the search index gives its memory and its thread back, milliseconds.
pub const SEARCH_LINGER_MS: u64 = 10_000;
/// Pause after the search index could not be written, milliseconds.
pub const SEARCH_RESTART_AFTER_MS: u64 = 60_000;
/// Commands not settled that are looked at so that what they did is found at once.
pub const SEARCH_OPEN_ITEMS_MAX: usize = 4_096;
/// Distance of two items in the journal up to which what lies between is read along rather than sought anew.
pub const SEARCH_ITEMS_APART_MAX: u64 = 1_024;
/// Searches at the same time, each on a thread of its own.
pub const SEARCHES_AT_ONCE: usize = 2;
/// Searches that may wait or run; more are told to slow down.
pub const SEARCHES_WAITING_MAX: usize = 64;
/// Candidates taken from the search index in one round, at least.
pub const SEARCH_CANDIDATES_MIN: usize = 32;
/// Rounds for one page: candidates that are no results any more cost one now and then.
pub const SEARCH_ROUNDS_MAX: usize = 8;
/// Messages of the search index that are looked at together.
pub const SEARCH_BLOCK_DOCUMENTS: u32 = 4_096;
/// Blocks with the newest messages that are looked at first.
pub const SEARCH_FIRST_BLOCKS: usize = 8;
/// Segments of the search index of which the times are remembered.
pub const SEARCH_SEGMENTS_KNOWN_MAX: usize = 256;
/// Conversations up to which their own lists of messages are tried; more are told apart message by message.
pub const SEARCH_ROOM_TERMS_MAX: usize = 64;
