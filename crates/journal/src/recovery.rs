//! Opening a folder: which segments there are, where the log ends, and making that end firm.
//! Keeps D1 across a crash: what was acknowledged is found, or opening is refused with the place.
//!
//! Sealed segments are trusted by their headers; a segment is created only after every record before it is
//! durable, so that only the last one can have a torn tail.

use std::{io, sync::Arc};

use crate::{
    disk::{Disk, File},
    error::{Damage, OpenError},
    format::{FLAG_APPEND_END, SegmentHeader, to_u64, to_usize},
    limits,
    options::Options,
    record::Position,
    scan::{Walk, read_full},
    segment::{Listing, Segment, SegmentId},
};

/// What opening found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The first position that can be read, archive included; 1 in an empty journal.
    pub first: Position,
    /// The last position; 0 in an empty journal.
    pub last: Position,
    /// Bytes of records behind it that were cut because nobody had been told of them.
    pub cut_bytes: u64,
    /// Live segments.
    pub segments: usize,
    /// Segments in the archive.
    pub archived_segments: usize,
    /// Whether the journal was created just now.
    pub created: bool,
}

/// The state to start from.
pub(crate) struct Opened {
    pub(crate) listing: Listing,
    pub(crate) tail: Tail,
    pub(crate) salt: u32,
    pub(crate) recovered: Recovered,
}

/// The last segment, and where the log ends in it.
pub(crate) struct Tail {
    pub(crate) id: SegmentId,
    pub(crate) file: Arc<dyn File>,
    /// Where the next record goes.
    pub(crate) offset: u64,
    /// The position it gets.
    pub(crate) next: u64,
    pub(crate) file_bytes: u64,
    /// Some record offsets, all at group starts.
    pub(crate) marks: Vec<(u64, u64)>,
    pub(crate) cut_bytes: u64,
    /// Where the last group that is kept begins.
    group_offset: u64,
}

pub(crate) fn open(disk: &dyn Disk, options: &Options) -> Result<Opened, OpenError> {
    let mut listing = Listing::read(disk).map_err(|source| OpenError::io("list folder", source))?;
    listing.check()?;
    let kept = listing.free.len().min(options.pool_segments_max);
    listing.leftover.extend(listing.free.split_off(kept));
    let created = listing.live.is_empty();
    if created {
        let id = SegmentId { number: 1, first: 1 };
        create_first(disk, id, options.salt).map_err(|source| OpenError::io("create segment", source))?;
        listing.live.push(id);
    }
    let salt = check_headers(disk, &listing)?;
    let last = *listing.live.last().expect("invariant: there is a live segment by now");
    let tail = scan_tail(&Segment::open(disk, last, false)?, last)?;
    firm_up(&tail).map_err(|source| OpenError::io("repair the tail", source))?;
    clean_up(disk, &listing).map_err(|source| OpenError::io("clean up the folder", source))?;
    let first = listing.archived.first().or(listing.live.first()).map_or(1, |id| id.first);
    let recovered = Recovered {
        first: Position(first),
        last: Position(tail.next - 1),
        cut_bytes: tail.cut_bytes,
        segments: listing.live.len(),
        archived_segments: listing.archived.len(),
        created,
    };
    Ok(Opened { listing, tail, salt, recovered })
}

fn create_first(disk: &dyn Disk, id: SegmentId, salt: u32) -> io::Result<()> {
    let name = "first.preparing";
    if disk.list()?.iter().any(|existing| existing == name) {
        disk.remove(name)?;
    }
    let file = disk.create(name)?;
    let header = SegmentHeader { number: id.number, first: Position(id.first), salt };
    file.write_at(&header.encode(), 0)?;
    file.sync_data()?;
    disk.rename(name, &id.name(false))?;
    disk.sync_dir()
}

/// All live headers are whole, and carry one salt, which is returned.
fn check_headers(disk: &dyn Disk, listing: &Listing) -> Result<u32, OpenError> {
    let mut salt = None;
    for id in &listing.live {
        let header = Segment::open(disk, *id, false)?.header;
        if *salt.get_or_insert(header.salt) != header.salt {
            return Err(id.damage(false, "it belongs to another journal").into());
        }
    }
    Ok(salt.expect("invariant: there is a live segment by now"))
}

pub(crate) fn scan_tail(segment: &Segment, id: SegmentId) -> Result<Tail, OpenError> {
    let io_error = |source| OpenError::io("read segment", source);
    let file_bytes = segment.file.len().map_err(io_error)?;
    let header_bytes = limits::SEGMENT_HEADER_BYTES;
    let salt = segment.header.salt;
    let mut walk = Walk::new(Arc::clone(&segment.file), salt, header_bytes, id.first);
    let mut tail = Tail {
        id,
        file: Arc::clone(&segment.file),
        offset: header_bytes,
        next: id.first,
        file_bytes,
        marks: vec![(id.first, header_bytes)],
        cut_bytes: 0,
        group_offset: header_bytes,
    };
    let mut begun = header_bytes;
    while let Some((header, _)) = walk.step().map_err(io_error)? {
        if header.position == header.group_start {
            add_mark(&mut tail.marks, header.position, begun);
            tail.group_offset = begun;
        }
        begun = walk.offset;
        if header.flags & FLAG_APPEND_END != 0 {
            (tail.offset, tail.next) = (walk.offset, walk.next);
        }
    }
    let beyond = walk.look_beyond(file_bytes).map_err(io_error)?;
    if beyond.later_group.is_some() {
        return Err(bad_record(id, false, &walk).into());
    }
    let end = beyond.same_group_end.unwrap_or(0).max(walk.offset);
    tail.cut_bytes = end - tail.offset;
    Ok(tail)
}

pub(crate) fn bad_record(id: SegmentId, archived: bool, walk: &Walk) -> Damage {
    Damage {
        segment: id.name(archived),
        offset: walk.offset,
        position: Position(walk.next),
        reason: "the record is missing or damaged, though a later one shows that it was durable",
    }
}

/// Remembers where a group begins, if the last such place is far enough back.
pub(crate) fn add_mark(marks: &mut Vec<(u64, u64)>, position: u64, offset: u64) {
    if marks.last().is_none_or(|(_, last)| offset >= last + limits::MARK_SPACING_BYTES) {
        marks.push((position, offset));
    }
}

/// Writes the last group once more, clears what was cut, and syncs.
///
/// The group may have been read from memory alone: its process may have died before the sync, or because the
/// sync failed and the kernel then forgot that the pages were not on disk. From here on it counts as committed,
/// so it must be durable first. What was cut must be gone first, lest it continue a later group.
fn firm_up(tail: &Tail) -> io::Result<()> {
    let mut kept = vec![0; to_usize(tail.offset - tail.group_offset.min(tail.offset))];
    let filled = read_full(&*tail.file, &mut kept, tail.group_offset)?;
    tail.file.write_at(&kept[..filled], tail.group_offset)?;
    let mut offset = tail.offset;
    let reach = tail.offset + to_u64(limits::GROUP_BYTES_MAX) + limits::PAGE_BYTES;
    let end = tail.file_bytes.min(reach).max(offset);
    let block_bytes = (end - offset).min(to_u64(limits::SCAN_BLOCK_BYTES));
    let mut block = vec![0; to_usize(block_bytes)];
    let zeros = vec![0; to_usize(block_bytes)];
    while offset < end {
        let wanted = to_usize((end - offset).min(to_u64(block.len())));
        let filled = read_full(&*tail.file, &mut block[..wanted], offset)?;
        if filled == 0 {
            break;
        }
        if block[..filled] != zeros[..filled] {
            tail.file.write_at(&zeros[..filled], offset)?;
        }
        offset += to_u64(filled);
    }
    tail.file.sync_data()
}

fn clean_up(disk: &dyn Disk, listing: &Listing) -> io::Result<()> {
    for name in &listing.leftover {
        match disk.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    // Renames of the process before may not be durable yet, and from now on we build on them.
    disk.sync_dir()
}
