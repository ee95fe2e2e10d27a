//! Every bound of the journal, with its unit.
//! Nothing else in the crate invents a number: options may lower these, never raise them.

use std::time::Duration;

/// Bytes one record's payload may have.
pub const RECORD_PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// Encoded bytes one commit group (one write, one sync) may have. An append lies within one group, and
/// recovery clears this many bytes behind a cut tail, so the bound belongs to the stored format.
pub const GROUP_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Records one commit group may have.
pub const GROUP_RECORDS_MAX: usize = 16_384;

/// Encoded bytes that may wait for the disk, the group being written included, before `append` says `Full`.
pub const PENDING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What [`PENDING_BYTES_MAX`] is lowered to unless told otherwise, bytes.
pub const PENDING_BYTES_DEFAULT: usize = 16 * 1024 * 1024;

/// Bytes a segment file may have.
pub const SEGMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Bytes of a segment file unless told otherwise.
pub const SEGMENT_BYTES_DEFAULT: u64 = 16 * 1024 * 1024;

/// Bytes the header block of a segment takes; records begin after it.
pub const SEGMENT_HEADER_BYTES: u64 = 4096;

/// Bytes of a page: writes end on its boundary, so that the kernel never has to read before it writes.
pub const PAGE_BYTES: u64 = 4096;

/// Segment files kept ready, or waiting to be made ready, for the writer.
pub const POOL_SEGMENTS_MAX: usize = 16;

/// What [`POOL_SEGMENTS_MAX`] is lowered to unless told otherwise.
pub const POOL_SEGMENTS_DEFAULT: usize = 2;

/// Bytes recovery and verification read at a time.
pub const SCAN_BLOCK_BYTES: usize = 1024 * 1024;

/// Bytes a reader's first read of a call takes; each further one doubles, up to [`SCAN_BLOCK_BYTES`].
pub const READ_BLOCK_BYTES_MIN: usize = 8 * 1024;

/// Bytes that are zero-filled at a time, and synced, while the next segment is prepared.
pub const ZERO_CHUNK_BYTES: usize = 1024 * 1024;

/// Bytes between two remembered record offsets of a segment: how far a reader has to search at most.
pub const MARK_SPACING_BYTES: u64 = 256 * 1024;

/// Group buffers kept for reuse.
pub const SPARE_GROUPS_MAX: usize = 2;

/// How long an idle journal keeps its group buffers at full size.
pub const BUFFERS_KEPT: Duration = Duration::from_secs(1);

/// Bytes of buffer an idle journal keeps in each spare group.
pub const SPARE_GROUP_BYTES_IDLE: usize = 64 * 1024;
