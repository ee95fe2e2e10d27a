//! The bytes on disk, format version 1: everything a reader in another language would need.
//! Knows layouts alone: no files, no order between records.
//!
//! All numbers are little-endian.
//!
//! **Files.** A journal is a folder. `NNNNNNNNNNNN-PPPPPPPPPPPPPPPPPPPP.segment` is segment number N whose first
//! record has position P, both in decimal. Segments numbered in sequence form the log; the highest is being
//! written, the others are sealed. Older ones may lie in the folder `archive` under the same name.
//! `*.free`, `*.preparing` and `*.rewriting` hold nothing that counts.
//!
//! **Segment.** A header block of 4096 bytes, then records one after the other until the first bytes that are
//! not the record expected there: zeros, or the stale rest of a recycled file, or the end of the file.
//!
//! | offset | bytes | segment header |
//! |---|---|---|
//! | 0 | 8 | magic `DWJOURNL` |
//! | 8 | 4 | format version, 1 |
//! | 12 | 4 | salt, the same in every segment of a journal |
//! | 16 | 8 | segment number, 1, 2, 3… |
//! | 24 | 8 | position of the first record |
//! | 32 | 28 | zeros |
//! | 60 | 4 | CRC-32C of bytes 0–59 |
//! | 64 | 4032 | zeros |
//!
//! **Record.** Starts at a multiple of 8; zeros fill up to the next.
//!
//! | offset | bytes | record |
//! |---|---|---|
//! | 0 | 4 | payload length, at most 1 MiB |
//! | 4 | 4 | checksum |
//! | 8 | 8 | position, one more than the record before |
//! | 16 | 8 | group start: position of the first record of its commit group |
//! | 24 | 8 | time, milliseconds since 1970 |
//! | 32 | 4 | key id, 0 = in clear |
//! | 36 | 2 | kind |
//! | 38 | 2 | flags: bit 0 = last record of its append; others 0 |
//! | 40 | n | payload |
//!
//! The checksum is CRC-32C, continued from the salt, over the payload, then bytes 0–3, then bytes 8–39. (The
//! payload comes first so that it can be summed before the position is known.)
//!
//! **Reading the tail.** A group is written and synced as one, and the next begins only after that. So where the
//! expected record is missing or bad in the last segment: if a valid record with a *later* group start follows
//! anywhere, acknowledged data was damaged; else the group was never acknowledged, and the log ends before it,
//! or rather after the last record with flag bit 0: appends are whole or absent.

use crate::{limits, record::Position};

/// The version this code writes, and the only one it reads.
pub const FORMAT_VERSION: u32 = 1;
/// First bytes of every segment.
pub const MAGIC: [u8; 8] = *b"DWJOURNL";
/// Bytes of a record before its payload.
pub const RECORD_HEADER_BYTES: usize = 40;
/// Flag: the last record of its append.
pub const FLAG_APPEND_END: u16 = 1;

const SEGMENT_HEADER_USED: usize = 64;

/// The header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// 1, 2, 3…
    pub number: u64,
    /// Position of its first record.
    pub first: Position,
    /// Mixed into the checksums.
    pub salt: u32,
}

/// Why bytes are not a segment header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHeader {
    /// Another magic, or a wrong checksum.
    Damaged,
    /// A format version this code does not read.
    Version(u32),
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// Bytes of the payload.
    pub length: u32,
    /// As stored.
    pub checksum: u32,
    /// Number of the record.
    pub position: u64,
    /// Number of the first record of its commit group.
    pub group_start: u64,
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// 0 = in clear.
    pub key_id: u32,
    /// The caller's.
    pub kind: u16,
    /// [`FLAG_APPEND_END`].
    pub flags: u16,
}

impl SegmentHeader {
    /// The whole header block.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut block = vec![0; to_usize(limits::SEGMENT_HEADER_BYTES)];
        block[0..8].copy_from_slice(&MAGIC);
        block[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        block[12..16].copy_from_slice(&self.salt.to_le_bytes());
        block[16..24].copy_from_slice(&self.number.to_le_bytes());
        block[24..32].copy_from_slice(&self.first.0.to_le_bytes());
        let checksum = crc32c::crc32c(&block[..60]);
        block[60..64].copy_from_slice(&checksum.to_le_bytes());
        block
    }

    /// Reads a header block; only its first 64 bytes are looked at.
    ///
    /// # Errors
    /// [`BadHeader`].
    pub fn decode(block: &[u8]) -> Result<Self, BadHeader> {
        let block = block.get(..SEGMENT_HEADER_USED).ok_or(BadHeader::Damaged)?;
        if block[0..8] != MAGIC || u32_at(block, 60) != crc32c::crc32c(&block[..60]) {
            return Err(BadHeader::Damaged);
        }
        match u32_at(block, 8) {
            FORMAT_VERSION => Ok(Self {
                number: u64_at(block, 16),
                first: Position(u64_at(block, 24)),
                salt: u32_at(block, 12),
            }),
            other => Err(BadHeader::Version(other)),
        }
    }
}

impl RecordHeader {
    /// The 40 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; RECORD_HEADER_BYTES] {
        let mut bytes = [0; RECORD_HEADER_BYTES];
        bytes[0..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.checksum.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.position.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.group_start.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.time_ms.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.key_id.to_le_bytes());
        bytes[36..38].copy_from_slice(&self.kind.to_le_bytes());
        bytes[38..40].copy_from_slice(&self.flags.to_le_bytes());
        bytes
    }

    /// Reads the first 40 bytes, without judging them; `None` when there are fewer.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..RECORD_HEADER_BYTES)?;
        Some(Self {
            length: u32_at(bytes, 0),
            checksum: u32_at(bytes, 4),
            position: u64_at(bytes, 8),
            group_start: u64_at(bytes, 16),
            time_ms: u64_at(bytes, 24),
            key_id: u32_at(bytes, 32),
            kind: u16::from_le_bytes([bytes[36], bytes[37]]),
            flags: u16::from_le_bytes([bytes[38], bytes[39]]),
        })
    }

    /// The same header with the checksum that belongs to it, `payload_sum` being [`payload_sum`] of its payload.
    #[must_use]
    pub fn sealed(mut self, payload_sum: u32) -> Self {
        self.checksum = checksum(payload_sum, &self.encode());
        self
    }

    /// Whether the numbers can be those of a record at all, before its payload is looked at.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        to_usize(u64::from(self.length)) <= limits::RECORD_PAYLOAD_BYTES_MAX
            && self.position >= 1
            && (1..=self.position).contains(&self.group_start)
            && self.flags & !FLAG_APPEND_END == 0
    }

    /// Whether the checksum fits the payload.
    #[must_use]
    pub fn fits(&self, salt: u32, payload: &[u8]) -> bool {
        checksum(payload_sum(salt, payload), &self.encode()) == self.checksum
    }

    /// Bytes of payload.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        to_usize(u64::from(self.length))
    }

    /// Bytes from the start of this record to the start of the next.
    #[must_use]
    pub fn stride(&self) -> u64 {
        to_u64(stride(self.payload_bytes()))
    }
}

/// Bytes a record with this much payload takes, filling included.
#[must_use]
pub fn stride(payload_bytes: usize) -> usize {
    (RECORD_HEADER_BYTES + payload_bytes).next_multiple_of(8)
}

/// The part of the checksum that needs the payload alone.
#[must_use]
pub fn payload_sum(salt: u32, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(salt, payload)
}

fn checksum(payload_sum: u32, header: &[u8; RECORD_HEADER_BYTES]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(payload_sum, &header[0..4]), &header[8..])
}

pub(crate) fn to_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("invariant: usize has at most 64 bits on every target")
}

pub(crate) fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("invariant: lengths in memory are bounded by limits.rs")
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("invariant: four bytes were sliced"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("invariant: eight bytes were sliced"))
}
