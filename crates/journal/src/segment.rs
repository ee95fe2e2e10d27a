//! Names of the files in a journal's folder, and opening a segment by name.
//! Keeps the rule that a segment's name and header say the same.

use std::{io, sync::Arc};

use crate::{
    disk::{Disk, File},
    error::{Damage, OpenError},
    format::{BadHeader, FORMAT_VERSION, SegmentHeader, to_usize},
    limits,
    record::Position,
    scan::read_full,
};

/// What a file name says about a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentId {
    pub(crate) number: u64,
    pub(crate) first: u64,
}

/// All files of a folder, sorted out.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// By number.
    pub(crate) live: Vec<SegmentId>,
    /// By number.
    pub(crate) archived: Vec<SegmentId>,
    /// Ready for the writer.
    pub(crate) free: Vec<String>,
    /// Work that a crash interrupted.
    pub(crate) leftover: Vec<String>,
}

/// An opened segment file and its header.
pub(crate) struct Segment {
    pub(crate) file: Arc<dyn File>,
    pub(crate) header: SegmentHeader,
}

impl SegmentId {
    pub(crate) fn name(self, archived: bool) -> String {
        let folder = if archived { "archive/" } else { "" };
        format!("{folder}{:012}-{:020}.segment", self.number, self.first)
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (number, first) = name.strip_suffix(".segment")?.split_once('-')?;
        let id = Self { number: number.parse().ok()?, first: first.parse().ok()? };
        (id.number >= 1 && id.first >= 1 && id.name(false) == name).then_some(id)
    }

    pub(crate) fn damage(self, archived: bool, reason: &'static str) -> Damage {
        Damage { segment: self.name(archived), offset: 0, position: Position(self.first), reason }
    }
}

impl Listing {
    pub(crate) fn read(disk: &dyn Disk) -> io::Result<Self> {
        let mut listing = Self::default();
        for name in disk.list()? {
            match name.strip_prefix("archive/") {
                Some(inner) => listing.archived.extend(SegmentId::parse(inner)),
                None => listing.sort_in(name),
            }
        }
        listing.live.sort_unstable();
        listing.archived.sort_unstable();
        listing.free.sort_unstable();
        // A crash between the two syncs of a move may show a segment twice; both are whole, one is enough.
        let live = &listing.live;
        listing.archived.retain(|id| live.binary_search(id).is_err());
        Ok(listing)
    }

    fn sort_in(&mut self, name: String) {
        if let Some(id) = SegmentId::parse(&name) {
            self.live.push(id);
        } else if name.ends_with(".free") {
            self.free.push(name);
        } else if name.ends_with(".preparing") || name.ends_with(".rewriting") {
            self.leftover.push(name);
        }
    }

    /// Names follow one another; only between archive and live segments something may be missing.
    pub(crate) fn check(&self) -> Result<(), Damage> {
        if let (None, Some(archived)) = (self.live.first(), self.archived.last()) {
            return Err(archived.damage(true, "the segments after it are missing"));
        }
        check_chain(&self.live, false)?;
        if let (Some(last), Some(first)) = (self.archived.last(), self.live.first())
            && (last.number >= first.number || last.first >= first.first)
        {
            return Err(last.damage(true, "lies in the archive but is not older than the live segments"));
        }
        Ok(())
    }
}

impl Segment {
    pub(crate) fn open(disk: &dyn Disk, id: SegmentId, archived: bool) -> Result<Self, OpenError> {
        let name = id.name(archived);
        let file = disk.open(&name).map_err(|source| OpenError::io("open segment", source))?;
        let mut block = vec![0; to_usize(limits::SEGMENT_HEADER_BYTES)];
        let filled = read_full(&*file, &mut block, 0)
            .map_err(|source| OpenError::io("read segment header", source))?;
        let header = SegmentHeader::decode(&block[..filled]).map_err(|bad| match bad {
            BadHeader::Damaged => id.damage(archived, "the segment header is damaged").into(),
            BadHeader::Version(found) => {
                OpenError::Format { segment: name, found, supported: FORMAT_VERSION }
            }
        })?;
        if header.number != id.number || header.first.0 != id.first {
            return Err(id.damage(archived, "the segment header contradicts the file name").into());
        }
        Ok(Self { file, header })
    }
}

fn check_chain(segments: &[SegmentId], archived: bool) -> Result<(), Damage> {
    for pair in segments.windows(2) {
        if pair[1].number != pair[0].number + 1 {
            return Err(pair[1].damage(archived, "the segment before it is missing"));
        }
        if pair[1].first <= pair[0].first {
            return Err(pair[1].damage(archived, "it begins before the segment before it"));
        }
    }
    Ok(())
}
