//! Copying a journal, whole or up to a record, into an empty folder: what going back in time stands on.
//! Changes nothing in the source. Invariant: every record in the copy was read and its checksum held, appends are
//! whole or absent, and positions stay what they were.

use std::{io, sync::Arc};

use crate::{
    disk::Disk,
    error::OpenError,
    format::{FLAG_APPEND_END, RecordHeader, to_u64, to_usize},
    limits,
    record::Position,
    recovery::bad_record,
    scan::{Walk, read_full},
    segment::{Listing, Segment, SegmentId},
};

/// How far a copy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// To the end.
    End,
    /// Up to this record.
    Position(Position),
    /// Up to the first record that is later than this time, milliseconds since 1970.
    TimeMs(u64),
}

/// What [`copy`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Position at which the source begins; 0 when it is empty.
    pub first: Position,
    /// Position of the last record; 0 when there is none.
    pub last: Position,
    /// Time of the last record.
    pub last_time_ms: u64,
    /// Segments written.
    pub segments: usize,
}

/// Where the copy of a segment ends.
struct End {
    offset: u64,
    is_cut: bool,
}

/// Copies records from the oldest on into a folder without segments. An append that is not wanted to its end is left
/// out whole. Nothing behind the cut is looked at, so that a journal can be copied up to where it is damaged.
///
/// # Errors
/// [`OpenError::Corrupt`] when a wanted record is damaged or missing; [`OpenError::Format`]; [`OpenError::Io`]. The
/// target is then incomplete.
pub fn copy(from: &dyn Disk, to: &dyn Disk, until: Until) -> Result<Copied, OpenError> {
    let listing = Listing::read(from).map_err(|source| OpenError::io("list folder", source))?;
    listing.check()?;
    if !Listing::read(to).map_err(|source| OpenError::io("list folder", source))?.live.is_empty() {
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(OpenError::io("copy a journal over another", source));
    }
    let archived = listing.archived.iter().map(|id| (*id, true));
    let all: Vec<_> = archived.chain(listing.live.iter().map(|id| (*id, false))).collect();
    let first = all.first().map_or(Position::ZERO, |(id, _)| Position(id.first));
    let mut copied = Copied { first, ..Copied::default() };
    for (index, (id, archived)) in all.iter().enumerate() {
        let follower = all.get(index + 1).copied();
        let segment = Segment::open(from, *id, *archived)?;
        let end = read_segment(&segment, (*id, *archived), follower, until, &mut copied)?;
        write_segment(&segment, to, *id, end.offset)
            .map_err(|source| OpenError::io("write the copy of a segment", source))?;
        copied.segments += 1;
        if end.is_cut {
            break;
        }
    }
    to.sync_dir().map_err(|source| OpenError::io("sync folder", source))?;
    Ok(copied)
}

fn read_segment(
    segment: &Segment,
    (id, archived): (SegmentId, bool),
    follower: Option<(SegmentId, bool)>,
    until: Until,
    copied: &mut Copied,
) -> Result<End, OpenError> {
    let io_error = |source| OpenError::io("read segment", source);
    let begin = limits::SEGMENT_HEADER_BYTES;
    let mut walk = Walk::new(Arc::clone(&segment.file), segment.header.salt, begin, id.first);
    let mut offset = begin;
    while let Some((header, _)) = walk.step().map_err(io_error)? {
        if !until.wants(&header) {
            return Ok(End { offset, is_cut: true });
        }
        if header.flags & FLAG_APPEND_END != 0 {
            offset = walk.offset;
            copied.last = Position(header.position);
            copied.last_time_ms = header.time_ms;
        }
    }
    if until.is_reached(walk.next) {
        return Ok(End { offset, is_cut: true });
    }
    match follower {
        Some((follower, _)) if walk.next == follower.first => Ok(End { offset, is_cut: false }),
        Some((follower, archived)) if follower.number != id.number + 1 => {
            Err(follower.damage(archived, "the segment before it is missing").into())
        }
        Some(_) => Err(bad_record(id, archived, &walk).into()),
        None => {
            let file_bytes = segment.file.len().map_err(io_error)?;
            let beyond = walk.look_beyond(file_bytes).map_err(io_error)?;
            if beyond.later_group.is_some() {
                return Err(bad_record(id, archived, &walk).into());
            }
            Ok(End { offset, is_cut: false })
        }
    }
}

impl Until {
    fn wants(self, header: &RecordHeader) -> bool {
        match self {
            Until::End => true,
            Until::Position(last) => header.position <= last.0,
            Until::TimeMs(last) => header.time_ms <= last,
        }
    }

    /// Whether nothing from the record `next` on is wanted, whatever it may be.
    fn is_reached(self, next: u64) -> bool {
        matches!(self, Until::Position(last) if last.0 < next)
    }
}

/// The segment up to an offset, and zeros from there to its length.
fn write_segment(segment: &Segment, to: &dyn Disk, id: SegmentId, end: u64) -> io::Result<()> {
    let file = to.create(&id.name(false))?;
    let (mut offset, mut block) = (0, vec![0; limits::SCAN_BLOCK_BYTES]);
    while offset < end {
        let size = to_usize((end - offset).min(to_u64(block.len())));
        let filled = read_full(&*segment.file, &mut block[..size], offset)?;
        if filled < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_at(&block[..size], offset)?;
        offset += to_u64(size);
    }
    file.set_len(segment.file.len()?.max(end))?;
    file.sync_data()
}
