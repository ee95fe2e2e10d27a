//! Records and their positions, as callers see them.
//! What a payload means, and what time or kind stand for, is the caller's business.

use std::fmt;

use bytes::Bytes;

/// The number of a record: 1, 2, 3… without gaps. 0 stands before the first record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// A record to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Milliseconds since 1970, from the caller's clock; stored, never interpreted.
    pub time_ms: u64,
    /// What the payload is, by the caller's numbering.
    pub kind: u16,
    /// Which key the payload is encrypted with; 0 says it is in clear. Stored, never interpreted.
    pub key_id: u32,
    /// 0 to [`RECORD_PAYLOAD_BYTES_MAX`](crate::limits::RECORD_PAYLOAD_BYTES_MAX) bytes.
    pub payload: Bytes,
}

/// A record as it was read: durable, and checked against its checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub position: Position,
    /// As appended.
    pub time_ms: u64,
    /// As appended.
    pub kind: u16,
    /// As appended.
    pub key_id: u32,
    /// As appended, or as rewritten since.
    pub payload: Bytes,
}

/// The positions one append was given: `first..=last`, contiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Position of the first record of the append.
    pub first: Position,
    /// Position of its last record.
    pub last: Position,
}

impl Position {
    /// Before the first record.
    pub const ZERO: Self = Self(0);

    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl NewRecord {
    /// A record in clear.
    #[must_use]
    pub fn new(kind: u16, time_ms: u64, payload: impl Into<Bytes>) -> Self {
        Self { time_ms, kind, key_id: 0, payload: payload.into() }
    }
}
