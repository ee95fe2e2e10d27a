//! Blocks: records packed together, as they stand in a file one after the other.
//! Knows no record; the file's checksum stands in the manifest. Invariant: no length read is believed above its bound.
//!
//! A file begins with eight bytes that name its form. Each block is its packed length and its plain length, four bytes
//! each, little-endian, and an LZ4 block; plain, it is records one after the other, each behind its length.

use std::io::{self, Read};

use serde::{Serialize, de::DeserializeOwned};

use crate::limits::{BLOCK_BYTES, RECORD_BYTES_MAX};

/// What a file begins with.
pub(crate) const MAGIC: &[u8; 8] = b"dwmove\x00\x01";
/// A block, plain, bytes.
const PLAIN_BYTES_MAX: usize = BLOCK_BYTES + RECORD_BYTES_MAX;
/// Bytes before a block.
pub(crate) const HEAD_BYTES: u64 = 8;

/// Records gathered for one block.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    plain: Vec<u8>,
}

/// A block as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    plain_bytes: usize,
    packed: Vec<u8>,
}

impl Packer {
    /// Adds a record. False when it is larger than a record can be.
    pub(crate) fn add(&mut self, record: &impl Serialize) -> bool {
        let bytes = postcard::to_stdvec(record).expect("invariant: what is portable has a known length");
        let Some(length) = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= RECORD_BYTES_MAX - 4)
        else {
            return false;
        };
        self.plain.extend(length.to_le_bytes());
        self.plain.extend(bytes);
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.plain.is_empty()
    }

    /// Whether it is time for a block.
    pub(crate) fn is_full(&self) -> bool {
        self.plain.len() >= BLOCK_BYTES
    }

    /// The block of what was gathered.
    pub(crate) fn block(&mut self) -> Block {
        let plain = std::mem::take(&mut self.plain);
        Block { plain_bytes: plain.len(), packed: lz4_flex::block::compress(&plain) }
    }
}

impl Block {
    /// As it stands in a file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = Vec::with_capacity(self.packed.len() + 8);
        bytes.extend(length(self.packed.len()));
        bytes.extend(length(self.plain_bytes));
        bytes.extend(&self.packed);
        bytes
    }

    /// Reads one block.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Block> {
        let mut lengths = [0; 8];
        from.read_exact(&mut lengths)?;
        let length = |at: usize| {
            let bytes = [lengths[at], lengths[at + 1], lengths[at + 2], lengths[at + 3]];
            usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
        };
        let (packed_bytes, plain_bytes) = (length(0), length(4));
        // What does not shrink grows by a 255th and a little.
        if plain_bytes > PLAIN_BYTES_MAX || packed_bytes > PLAIN_BYTES_MAX + PLAIN_BYTES_MAX / 200 + 64 {
            return Err(damaged("a block is longer than blocks are"));
        }
        let mut packed = vec![0; packed_bytes];
        from.read_exact(&mut packed)?;
        Ok(Block { plain_bytes, packed })
    }

    /// Its records.
    pub(crate) fn records<T: DeserializeOwned>(&self) -> io::Result<Vec<T>> {
        let plain = lz4_flex::block::decompress(&self.packed, self.plain_bytes)
            .map_err(|_| damaged("a block does not unpack"))?;
        let mut records = Vec::new();
        let mut rest = plain.as_slice();
        while !rest.is_empty() {
            let (length, behind) =
                rest.split_first_chunk::<4>().ok_or_else(|| damaged("a record has no length"))?;
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            let (record, behind) =
                behind.split_at_checked(length).ok_or_else(|| damaged("a record is cut off"))?;
            records.push(postcard::from_bytes(record).map_err(|_| damaged("a record does not read"))?);
            rest = behind;
        }
        Ok(records)
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn damaged(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_went() {
        let mut packer = Packer::default();
        let records: Vec<(u64, String)> = (0..1_000).map(|n| (n, "text ".repeat(7))).collect();
        assert!(records.iter().all(|record| packer.add(record)));
        let bytes = packer.block().bytes();
        assert!(packer.is_empty());
        assert!(bytes.len() < 20_000, "{} bytes: packed", bytes.len());
        let block = Block::read(&mut bytes.as_slice()).unwrap();
        assert_eq!(block.records::<(u64, String)>().unwrap(), records);
    }

    #[test]
    fn damaged_blocks_are_errors_and_ask_for_no_memory() {
        let mut packer = Packer::default();
        assert!(packer.add(&"x".repeat(1_000)));
        assert!(!packer.add(&"x".repeat(RECORD_BYTES_MAX)));
        let bytes = packer.block().bytes();
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 0xff;
            // Whatever comes out, it ends; the file's checksum tells that it is wrong.
            let _ = Block::read(&mut wrong.as_slice()).and_then(|block| block.records::<String>());
            assert!(Block::read(&mut &bytes[..at]).is_err());
        }
        let huge = [0xff; 16];
        assert!(Block::read(&mut huge.as_slice()).is_err());
    }
}
