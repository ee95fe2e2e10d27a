//! Walking over the records of one segment file, in large reads.
//! Judges single records and their succession; what a bad one means is for its callers to say.

use std::{io, sync::Arc};

use crate::{
    disk::File,
    format::{RECORD_HEADER_BYTES, RecordHeader, to_u64, to_usize},
    limits,
};

/// A window over a file.
pub(crate) struct Blocks {
    file: Arc<dyn File>,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    start: u64,
    /// How much of the buffer came from the file.
    filled: usize,
    /// Bytes the next read takes: doubled with each, up to a limit.
    read_bytes: usize,
}

/// A walk from record to record.
pub(crate) struct Walk {
    pub(crate) blocks: Blocks,
    pub(crate) salt: u32,
    /// Where the next record begins.
    pub(crate) offset: u64,
    /// The position it must have.
    pub(crate) next: u64,
    /// The group of the record before it.
    pub(crate) group_start: u64,
}

/// What lies behind the first bad record.
#[derive(Debug, Default)]
pub(crate) struct Beyond {
    /// A valid record of a later group: its offset.
    pub(crate) later_group: Option<u64>,
    /// Where the last valid record of the same group ends.
    pub(crate) same_group_end: Option<u64>,
}

impl Blocks {
    fn new(file: Arc<dyn File>) -> Self {
        let read_bytes = limits::READ_BLOCK_BYTES_MIN;
        Self { file, buffer: Vec::new(), start: 0, filled: 0, read_bytes }
    }

    /// Forgets what was read, because the file may have changed, and starts over with small reads.
    pub(crate) fn refresh(&mut self) {
        self.filled = 0;
        self.read_bytes = limits::READ_BLOCK_BYTES_MIN;
    }

    /// The bytes at `offset`: at least `wanted` of them unless the file ends.
    pub(crate) fn bytes(&mut self, offset: u64, wanted: usize) -> io::Result<&[u8]> {
        if !self.holds(offset, wanted) {
            self.load(offset, wanted)?;
        }
        let begin = to_usize(offset - self.start);
        Ok(&self.buffer[begin..self.filled])
    }

    fn holds(&self, offset: u64, wanted: usize) -> bool {
        self.filled > 0 && offset >= self.start && offset + to_u64(wanted) <= self.start + to_u64(self.filled)
    }

    fn load(&mut self, offset: u64, wanted: usize) -> io::Result<()> {
        let size = wanted.max(self.read_bytes);
        if self.buffer.len() < size {
            self.buffer = vec![0; size];
        }
        self.start = offset;
        self.filled = 0;
        self.filled = read_full(&*self.file, &mut self.buffer[..size], offset)?;
        if self.filled == size {
            self.read_bytes = (self.read_bytes * 2).min(limits::SCAN_BLOCK_BYTES);
        }
        Ok(())
    }

    /// The record at `offset`, if a whole, valid one is there.
    fn record(&mut self, salt: u32, offset: u64) -> io::Result<Option<(RecordHeader, &[u8])>> {
        let Some(header) = RecordHeader::decode(self.bytes(offset, RECORD_HEADER_BYTES)?) else {
            return Ok(None);
        };
        if !header.is_plausible() {
            return Ok(None);
        }
        let end = RECORD_HEADER_BYTES + header.payload_bytes();
        let bytes = self.bytes(offset, end)?;
        let payload = bytes.get(RECORD_HEADER_BYTES..end);
        Ok(payload.filter(|payload| header.fits(salt, payload)).map(|payload| (header, payload)))
    }
}

impl Walk {
    /// Starts at the first record of a group.
    pub(crate) fn new(file: Arc<dyn File>, salt: u32, offset: u64, first: u64) -> Self {
        Self { blocks: Blocks::new(file), salt, offset, next: first, group_start: 0 }
    }

    /// The next record, if the one expected is there.
    pub(crate) fn step(&mut self) -> io::Result<Option<(RecordHeader, &[u8])>> {
        let (salt, expected, group_start) = (self.salt, self.next, self.group_start);
        let Some((header, payload)) = self.blocks.record(salt, self.offset)? else {
            return Ok(None);
        };
        let in_group = header.group_start == header.position || header.group_start == group_start;
        if header.position != expected || !in_group {
            return Ok(None);
        }
        self.offset += header.stride();
        self.next += 1;
        self.group_start = header.group_start;
        Ok(Some((header, payload)))
    }

    /// Looks at everything behind the bad record at which the walk stands.
    pub(crate) fn look_beyond(&mut self, file_bytes: u64) -> io::Result<Beyond> {
        let mut beyond = Beyond::default();
        let positions_max = file_bytes.saturating_sub(self.offset) / to_u64(RECORD_HEADER_BYTES);
        let plausible = self.next..=self.next.saturating_add(positions_max);
        let mut offset = self.offset;
        while offset < file_bytes {
            let block = self.blocks.bytes(offset, 16)?;
            let Some(found) = find_word(block, |word| plausible.contains(&word)) else {
                // Positions stand 8 bytes into a record, so its start may be in the last word of this block.
                offset += to_u64(block.len().saturating_sub(8).max(8)) & !7;
                continue;
            };
            offset += to_u64(found);
            let Some((header, _)) = self.blocks.record(self.salt, offset)? else {
                offset += 8;
                continue;
            };
            if header.group_start > self.next {
                beyond.later_group = Some(offset);
                return Ok(beyond);
            }
            offset += header.stride();
            beyond.same_group_end = Some(offset);
        }
        Ok(beyond)
    }
}

/// Reads until the buffer is full or the file ends; says how much came.
pub(crate) fn read_full(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + to_u64(filled))? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// The first multiple of 8 such that the word 8 bytes on, where a record has its position, is wanted.
fn find_word(block: &[u8], wanted: impl Fn(u64) -> bool) -> Option<usize> {
    let (words, _) = block.as_chunks::<8>();
    let found = words.iter().skip(1).position(|word| wanted(u64::from_le_bytes(*word)));
    found.map(|word| word * 8)
}
