//! One simulated file: what is visible, what is durable, and what lies between until the next sync.
//! Knows no names and no faults; which unsynced sectors survive a crash is thrown from the generator it is given.

use std::collections::BTreeSet;

use super::Random;
use crate::format::{to_u64, to_usize};

const SECTOR_BYTES: usize = 512;
const SECTORS_PER_PAGE: usize = 8;

#[derive(Default)]
pub(super) struct Contents {
    pub(super) visible: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// Sectors written since the last sync.
    pub(super) dirty: BTreeSet<usize>,
    /// The smallest length since the last sync, if the file was cut.
    pub(super) cut_to: Option<usize>,
}

/// Which unsynced sectors a crash keeps.
#[derive(Clone, Copy)]
enum Keep {
    None,
    All,
    AnySector,
    AnyPage,
    /// Those before one of them.
    Front(usize),
    /// Those from one of them on.
    Back(usize),
}

impl Contents {
    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if bytes.is_empty() {
            return;
        }
        let grown_from = self.visible.len().min(offset);
        grow(&mut self.visible, end);
        self.visible[offset..end].copy_from_slice(bytes);
        self.dirty.extend(grown_from / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES);
    }

    pub(super) fn set_len(&mut self, bytes: usize) {
        if bytes < self.visible.len() {
            self.cut_to = Some(self.cut_to.map_or(bytes, |cut| cut.min(bytes)));
            self.dirty.retain(|sector| sector * SECTOR_BYTES < bytes);
        }
        let grown = self.visible.len()..bytes;
        self.visible.truncate(bytes);
        grow(&mut self.visible, bytes);
        if !grown.is_empty() {
            self.dirty.extend(grown.start / SECTOR_BYTES..=(grown.end - 1) / SECTOR_BYTES);
        }
    }

    pub(super) fn sync(&mut self) {
        self.apply_cut();
        for sector in std::mem::take(&mut self.dirty) {
            self.write_sector(sector);
        }
        grow(&mut self.durable, self.visible.len());
    }

    /// Some dirty sectors reach the disk by themselves, as they are now.
    pub(super) fn write_back(&mut self, random: &mut Random) {
        let lucky: Vec<_> = self.dirty.iter().copied().filter(|_| random.one_in(2)).collect();
        for sector in lucky {
            self.write_sector(sector);
        }
    }

    pub(super) fn lose(&mut self, random: &mut Random) {
        let dirty = std::mem::take(&mut self.dirty);
        if self.cut_to.is_some() && random.one_in(2) {
            self.apply_cut();
        }
        self.cut_to = None;
        let keep = Keep::choose(random, &dirty);
        let mut page = (usize::MAX, false);
        for sector in dirty {
            let number = sector / SECTORS_PER_PAGE;
            if page.0 != number {
                page = (number, random.one_in(2));
            }
            let kept = match keep {
                Keep::None => false,
                Keep::All => true,
                Keep::AnySector => random.one_in(2),
                Keep::AnyPage => page.1,
                Keep::Front(before) => sector < before,
                Keep::Back(from) => sector >= from,
            };
            if kept {
                self.write_sector(sector);
            }
        }
        self.visible.clone_from(&self.durable);
    }

    fn apply_cut(&mut self) {
        if let Some(cut) = self.cut_to.take() {
            self.durable.truncate(cut);
        }
    }

    fn write_sector(&mut self, sector: usize) {
        let begin = sector * SECTOR_BYTES;
        let end = (begin + SECTOR_BYTES).min(self.visible.len());
        if begin >= end {
            return;
        }
        grow(&mut self.durable, end);
        self.durable[begin..end].copy_from_slice(&self.visible[begin..end]);
    }
}

impl Keep {
    fn choose(random: &mut Random, dirty: &BTreeSet<usize>) -> Self {
        let some = random.below(to_u64(dirty.len()).max(1));
        let some = dirty.iter().nth(to_usize(some)).copied().unwrap_or(0);
        match random.below(8) {
            0 => Self::None,
            1 => Self::All,
            2 | 3 => Self::AnySector,
            4 | 5 => Self::AnyPage,
            6 => Self::Front(some),
            _ => Self::Back(some),
        }
    }
}

/// Zeros up to a length, as fast without optimisation as with it.
fn grow(bytes: &mut Vec<u8>, length: usize) {
    const ZEROS: [u8; 4096] = [0; 4096];
    while bytes.len() < length {
        let missing = length - bytes.len();
        bytes.extend_from_slice(&ZEROS[..missing.min(ZEROS.len())]);
    }
}
