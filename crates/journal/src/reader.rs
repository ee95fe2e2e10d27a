//! Reading committed records in order, from any position that is still kept.
//! Never sees a record before it is durable, and never mistakes a recycled file for the segment it was.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    catalog::Found,
    error::{OpenError, ReadError},
    format::{RecordHeader, to_u64},
    record::{Position, Record},
    recovery::bad_record,
    scan::Walk,
    segment::{Segment, SegmentId},
    shared::Shared,
};

/// A place in the log that moves forward.
pub struct Reader {
    shared: Arc<Shared>,
    next: u64,
    cursor: Option<Cursor>,
}

struct Cursor {
    id: SegmentId,
    archived: bool,
    generation: u64,
    /// Position after the segment's last, once it is sealed.
    until: Option<u64>,
    walk: Walk,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, from: Position) -> Self {
        Self { shared, next: from.0.max(1), cursor: None }
    }

    /// The position of the next record this will read.
    #[must_use]
    pub fn position(&self) -> Position {
        Position(self.next)
    }

    /// Appends committed records to `out`: at most `records_max` of them, and stopping once their payloads reach
    /// `bytes_max` (so one record comes however large it is). Returns how many; 0 at the head of the log.
    ///
    /// # Errors
    /// [`ReadError`]; the reader stays before the record it could not read, `out` keeps those before it.
    pub fn read(
        &mut self,
        records_max: usize,
        bytes_max: usize,
        out: &mut Vec<Record>,
    ) -> Result<usize, ReadError> {
        let committed = self.shared.committed();
        let (mut count, mut bytes) = (0, 0);
        if self.next > committed {
            return Ok(0);
        }
        self.revalidate();
        while count < records_max && self.next <= committed && (bytes < bytes_max || count == 0) {
            let Some(record) = self.read_one()? else { continue };
            bytes += record.payload.len();
            count += 1;
            self.next += 1;
            out.push(record);
        }
        Ok(count)
    }

    /// The next record; `None` when the place has to be looked up again.
    fn read_one(&mut self) -> Result<Option<Record>, ReadError> {
        let next = self.next;
        if self.cursor.as_ref().is_none_or(|cursor| cursor.until.is_some_and(|until| next >= until)) {
            self.cursor = Some(self.locate()?);
        }
        let cursor = self.cursor.as_mut().expect("invariant: located just now if there was none");
        let stepped = cursor.walk.step().map_err(|source| ReadError::io("read segment", source))?;
        match stepped {
            Some((header, payload)) if header.position == next => Ok(Some(to_record(&header, payload))),
            Some(_) => Ok(None),
            None => {
                self.explain_missing()?;
                self.cursor = None;
                Ok(None)
            }
        }
    }

    /// Before a new round of reads: the segment may have been sealed, rewritten or released meanwhile, and what was
    /// read beyond the then committed end is out of date.
    fn revalidate(&mut self) {
        let Some(cursor) = &mut self.cursor else { return };
        match self.shared.catalog().find(self.next) {
            Some(found) if cursor.is_at(&found) => {
                cursor.until = found.follower.map(|follower| follower.first);
                cursor.walk.blocks.refresh();
            }
            _ => self.cursor = None,
        }
    }

    fn locate(&self) -> Result<Cursor, ReadError> {
        // Files are opened under the catalog's lock, so that none is renamed between look-up and open.
        let catalog = self.shared.catalog();
        let first = Position(catalog.first());
        let found = catalog.find(self.next);
        let found = found.ok_or(ReadError::Released { position: Position(self.next), first })?;
        let segment = Segment::open(&*self.shared.disk, found.id, found.archived).map_err(from_open)?;
        drop(catalog);
        let (position, offset) = found.mark;
        let walk = Walk::new(segment.file, segment.header.salt, offset, position);
        Ok(Cursor {
            id: found.id,
            archived: found.archived,
            generation: found.generation,
            until: found.follower.map(|follower| follower.first),
            walk,
        })
    }

    /// The record expected at the cursor is not there: an error, unless the segment's place has changed.
    fn explain_missing(&self) -> Result<(), ReadError> {
        let cursor = self.cursor.as_ref().expect("invariant: called with a cursor");
        let position = Position(self.next);
        let catalog = self.shared.catalog();
        let first = Position(catalog.first());
        match catalog.find(self.next) {
            None => Err(ReadError::Released { position, first }),
            Some(found) if !cursor.is_at(&found) => Ok(()),
            Some(Found { follower: Some(follower), .. }) if follower.number != cursor.id.number + 1 => {
                Err(ReadError::Released { position, first: Position(follower.first) })
            }
            Some(_) => Err(bad_record(cursor.id, cursor.archived, &cursor.walk).into()),
        }
    }
}

impl Cursor {
    fn is_at(&self, found: &Found) -> bool {
        (self.id, self.generation) == (found.id, found.generation)
    }
}

pub(crate) fn to_record(header: &RecordHeader, payload: &[u8]) -> Record {
    debug_assert_eq!(to_u64(payload.len()), u64::from(header.length));
    Record {
        position: Position(header.position),
        time_ms: header.time_ms,
        kind: header.kind,
        key_id: header.key_id,
        payload: Bytes::copy_from_slice(payload),
    }
}

fn from_open(error: OpenError) -> ReadError {
    match error {
        OpenError::Corrupt(damage) => ReadError::Corrupt(damage),
        OpenError::Io { action, source } => ReadError::Io { action, source },
        other => ReadError::io("open segment", std::io::Error::other(other)),
    }
}
