//! Reading a whole journal, sealed and archived segments too, and judging every record.
//! Changes nothing.

use std::sync::Arc;

use crate::{
    disk::Disk,
    error::{Damage, OpenError},
    limits,
    record::Position,
    recovery::bad_record,
    scan::Walk,
    segment::{Listing, Segment, SegmentId},
};

/// What [`verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Segments read, archived ones included, the damaged one not.
    pub segments: usize,
    /// Valid records, up to the first damage.
    pub records: u64,
    /// Bytes they take, headers included.
    pub record_bytes: u64,
    /// Position of the first record; 0 when there is none.
    pub first: Position,
    /// Position of the last record; 0 when there is none.
    pub last: Position,
    /// The first record that should be there and is not.
    pub damage: Option<Damage>,
}

/// Reads everything. A torn tail is no damage: opening would cut it.
///
/// # Errors
/// [`OpenError::Io`], [`OpenError::Format`]; damage is not an error here, but the answer.
pub fn verify(disk: &dyn Disk) -> Result<Verified, OpenError> {
    let mut verified = Verified::default();
    match verify_all(disk, &mut verified) {
        Err(OpenError::Corrupt(damage)) => verified.damage = Some(damage),
        other => other?,
    }
    Ok(verified)
}

fn verify_all(disk: &dyn Disk, verified: &mut Verified) -> Result<(), OpenError> {
    let listing = Listing::read(disk).map_err(|source| OpenError::io("list folder", source))?;
    listing.check()?;
    let archived = listing.archived.iter().map(|id| (*id, true));
    let all: Vec<_> = archived.chain(listing.live.iter().map(|id| (*id, false))).collect();
    for (index, (id, archived)) in all.iter().enumerate() {
        let follower = all.get(index + 1).map(|(follower, _)| *follower);
        verify_segment(disk, (*id, *archived), follower, verified)?;
        verified.segments += 1;
    }
    Ok(())
}

fn verify_segment(
    disk: &dyn Disk,
    (id, archived): (SegmentId, bool),
    follower: Option<SegmentId>,
    verified: &mut Verified,
) -> Result<(), OpenError> {
    let io_error = |source| OpenError::io("read segment", source);
    let segment = Segment::open(disk, id, archived)?;
    let begin = limits::SEGMENT_HEADER_BYTES;
    let salt = segment.header.salt;
    let mut walk = Walk::new(Arc::clone(&segment.file), salt, begin, id.first);
    while let Some((header, _)) = walk.step().map_err(io_error)? {
        verified.records += 1;
        verified.record_bytes += header.stride();
        if verified.first == Position::ZERO {
            verified.first = Position(header.position);
        }
        verified.last = Position(header.position);
    }
    let whole = match follower {
        Some(follower) if follower.number == id.number + 1 => walk.next == follower.first,
        _ => {
            let file_bytes = segment.file.len().map_err(io_error)?;
            walk.look_beyond(file_bytes).map_err(io_error)?.later_group.is_none()
        }
    };
    if whole { Ok(()) } else { Err(bad_record(id, archived, &walk).into()) }
}
