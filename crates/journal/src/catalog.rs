//! Which segment holds which positions.
//! Knows names and numbers, opens nothing; the last entry is always the segment being written.

use std::collections::BTreeMap;

use crate::{limits, recovery::Opened, segment::SegmentId};

/// All segments that can be read, by first position.
#[derive(Debug)]
pub(crate) struct Catalog {
    entries: BTreeMap<u64, Entry>,
}

/// One segment.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: SegmentId,
    pub(crate) archived: bool,
    /// Grows when another file takes the segment's place.
    pub(crate) generation: u64,
    /// (position, offset) of some records that begin a group, ascending; the first record always.
    pub(crate) marks: Vec<(u64, u64)>,
}

/// Where a position is.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: SegmentId,
    pub(crate) archived: bool,
    pub(crate) generation: u64,
    /// A record at or before the position: (position, offset).
    pub(crate) mark: (u64, u64),
    /// What follows the segment, unless it is the one being written.
    pub(crate) follower: Option<SegmentId>,
}

impl Catalog {
    pub(crate) fn new(opened: &Opened) -> Self {
        let archived = opened.listing.archived.iter().map(|id| Entry::new(*id, true));
        let live = opened.listing.live.iter().map(|id| Entry::new(*id, false));
        let mut entries: BTreeMap<_, _> = archived.chain(live).map(|entry| (entry.id.first, entry)).collect();
        if let Some(last) = entries.get_mut(&opened.tail.id.first) {
            last.marks.clone_from(&opened.tail.marks);
        }
        Self { entries }
    }

    pub(crate) fn push(&mut self, id: SegmentId) {
        self.entries.insert(id.first, Entry::new(id, false));
    }

    pub(crate) fn remove(&mut self, id: SegmentId) {
        self.entries.remove(&id.first);
    }

    pub(crate) fn entry(&mut self, id: SegmentId) -> Option<&mut Entry> {
        self.entries.get_mut(&id.first)
    }

    pub(crate) fn first(&self) -> u64 {
        self.entries.keys().next().copied().unwrap_or(1)
    }

    pub(crate) fn find(&self, position: u64) -> Option<Found> {
        let (_, entry) = self.entries.range(..=position).next_back()?;
        let after = entry.marks.partition_point(|(marked, _)| *marked <= position);
        Some(Found {
            id: entry.id,
            archived: entry.archived,
            generation: entry.generation,
            mark: entry.marks[after.saturating_sub(1)],
            follower: self.follower(entry.id),
        })
    }

    /// Sealed segments, oldest first, each with the position after its last.
    pub(crate) fn sealed(&self) -> Vec<(Entry, u64)> {
        let ends = self.entries.keys().skip(1);
        self.entries.values().zip(ends).map(|(entry, end)| (entry.clone(), *end)).collect()
    }

    fn follower(&self, id: SegmentId) -> Option<SegmentId> {
        self.entries.range(id.first + 1..).next().map(|(_, entry)| entry.id)
    }
}

impl Entry {
    fn new(id: SegmentId, archived: bool) -> Self {
        Self { id, archived, generation: 0, marks: vec![(id.first, limits::SEGMENT_HEADER_BYTES)] }
    }

    pub(crate) fn name(&self) -> String {
        self.id.name(self.archived)
    }
}
