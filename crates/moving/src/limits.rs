//! Every bound of moving, with its unit.
//! Bounds of what is moved are those of `chat::limits`.

/// Bytes of records gathered in one block, as they are before they are packed: what a home takes in at once.
pub const BLOCK_BYTES: usize = 32 * 1024;
/// One record, bytes: with a block of others it still fits into one record of a journal (1 MiB).
pub const RECORD_BYTES_MAX: usize = 640 * 1024;
/// Rows, versions, members or reactions put into one record, bytes; a single one may be larger.
pub const RECORD_BYTES: usize = 16 * 1024;
/// Bytes of one file of records, about: a damaged one is named, and the others are known to be good.
pub const RECORD_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// A manifest, bytes.
pub const MANIFEST_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Records on their way from the home to the folder.
pub const RECORDS_WAITING_MAX: usize = 64;
/// Rows of one page read from a home.
pub const PAGE_ROWS: usize = 500;
/// Bytes of bodies of one page read from a home.
pub const PAGE_BYTES: usize = 256 * 1024;
/// Invitations of a home.
pub const INVITES_MAX: usize = 1_000_000;
/// Conversations, and people, read at the same time.
pub const READS_AT_ONCE: usize = 8;
/// Blocks taken in at the same time.
pub const BLOCKS_AT_ONCE: usize = 8;
/// Blocks after which a home notes how far it is: what an interrupted import does again at most.
pub const BLOCKS_PER_NOTE: u64 = 4;
/// Tries of one call of a home that may succeed later.
pub const TRIES_MAX: u32 = 10;
/// First pause before such a try, milliseconds; doubles each time.
pub const PAUSE_MS: u64 = 50;
/// Longest pause before such a try, milliseconds.
pub const PAUSE_MS_MAX: u64 = 5_000;
/// Files copied at the same time.
pub const FILES_AT_ONCE: usize = 8;
/// Bytes of a file held in memory at a time; a larger one goes in parts of this size.
pub const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts of one file under way at the same time.
pub const PARTS_AT_ONCE: usize = 4;
/// Path of a file, bytes.
pub const PATH_BYTES_MAX: usize = 256;
