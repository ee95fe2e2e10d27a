//! How a journal is set up.
//! Options lower the limits of [`limits`](crate::limits); none raises one.

use crate::{error::OpenError, format, limits};

/// What happens to segments that were released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archive {
    /// They move into the archive and stay readable until [`Journal::prune`](crate::Journal::prune).
    Keep,
    /// Their files are used again for new segments.
    Recycle,
}

/// The set-up of one journal.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of a segment file; a multiple of the page.
    pub segment_bytes: u64,
    /// Encoded bytes one write and one sync may take.
    pub group_bytes_max: usize,
    /// Records one write and one sync may take.
    pub group_records_max: usize,
    /// Encoded bytes that may wait for the disk before `append` says `Full`.
    pub pending_bytes_max: usize,
    /// Segment files kept ready.
    pub pool_segments_max: usize,
    /// What happens to released segments.
    pub archive: Archive,
    /// Mixed into every checksum, fixed when the journal is created. Make it random: then nobody who chooses
    /// payloads can forge the image of a record inside one.
    pub salt: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: limits::SEGMENT_BYTES_DEFAULT,
            group_bytes_max: limits::GROUP_BYTES_MAX,
            group_records_max: limits::GROUP_RECORDS_MAX,
            pending_bytes_max: limits::PENDING_BYTES_DEFAULT,
            pool_segments_max: limits::POOL_SEGMENTS_DEFAULT,
            archive: Archive::Keep,
            salt: 0,
        }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let rules = [
            (self.segment_bytes <= limits::SEGMENT_BYTES_MAX, "segment_bytes is above its limit"),
            (self.segment_bytes.is_multiple_of(limits::PAGE_BYTES), "segment_bytes is not whole pages"),
            (self.group_bytes_max <= limits::GROUP_BYTES_MAX, "group_bytes_max is above its limit"),
            (self.group_bytes_max >= format::RECORD_HEADER_BYTES, "group_bytes_max holds no record"),
            (self.group_records_max <= limits::GROUP_RECORDS_MAX, "group_records_max is above its limit"),
            (self.group_records_max >= 1, "group_records_max is 0"),
            (self.pending_bytes_max <= limits::PENDING_BYTES_MAX, "pending_bytes_max is above its limit"),
            (self.pending_bytes_max >= self.group_bytes_max, "pending_bytes_max is below a group"),
            (self.pool_segments_max <= limits::POOL_SEGMENTS_MAX, "pool_segments_max is above its limit"),
            (
                self.segment_bytes >= limits::SEGMENT_HEADER_BYTES + format::to_u64(self.group_bytes_max),
                "segment_bytes is below a group",
            ),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, reason)) => Err(OpenError::Options(reason)),
            None => Ok(()),
        }
    }
}
