//! Releasing, pruning and rewriting sealed segments.
//! Never touches the segment being written. Each step is durable before the next begins, oldest segment first, so
//! that a crash never leaves a gap.

use std::{io, ops::RangeInclusive, sync::Arc};

use crate::{
    catalog::Entry,
    disk::File,
    error::{Damage, MaintainError, OpenError},
    format::{self, RECORD_HEADER_BYTES, to_u64, to_usize},
    journal::Journal,
    limits,
    options::Archive,
    reader::to_record,
    record::{Position, Record},
    recovery::bad_record,
    scan::{Walk, read_full},
    segment::Segment,
    shared::{Shared, lock},
};

/// What a rewrite did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Segments that were replaced.
    pub segments: usize,
    /// Records whose payload was replaced.
    pub records: usize,
    /// Everything below this was considered; from here on lies the segment being written
    /// ([`Journal::seal`] ends it).
    pub sealed_before: Position,
}

impl Journal {
    /// Says that records before a position are not needed for recovery any more. Whole segments of them move to
    /// the archive or are recycled, as [`Archive`] says; returns how many. Waits for the disk.
    ///
    /// # Errors
    /// [`MaintainError::Io`].
    pub fn release(&self, before: Position) -> Result<usize, MaintainError> {
        let shared = &self.shared;
        let _guard = lock(&shared.maintenance);
        let mut released = 0;
        for entry in sealed_before(shared, before, false) {
            match shared.options.archive {
                Archive::Keep => archive(shared, &entry),
                Archive::Recycle => discard(shared, &entry, true),
            }
            .map_err(|source| MaintainError::io("release segment", source))?;
            released += 1;
        }
        Ok(released)
    }

    /// Removes whole archived segments of records before a position; returns how many. Waits for the disk.
    ///
    /// # Errors
    /// [`MaintainError::Io`].
    pub fn prune(&self, before: Position) -> Result<usize, MaintainError> {
        let shared = &self.shared;
        let _guard = lock(&shared.maintenance);
        let mut pruned = 0;
        for entry in sealed_before(shared, before, true) {
            let discarded = discard(shared, &entry, false);
            discarded.map_err(|source| MaintainError::io("prune segment", source))?;
            pruned += 1;
        }
        Ok(pruned)
    }

    /// Replaces payloads in sealed segments, archived ones too, by others of the same length: for erasing what must
    /// not be kept. `replace` sees every record of the range in sealed segments, in order. A segment is replaced
    /// whole and crash-safely; afterwards no file of the journal holds the old payloads, except that the
    /// disk itself may keep freed blocks.
    ///
    /// # Errors
    /// [`MaintainError`]; segments before the one that failed stay rewritten.
    pub fn rewrite(
        &self,
        range: RangeInclusive<Position>,
        mut replace: impl FnMut(&Record) -> Option<Vec<u8>>,
    ) -> Result<Rewritten, MaintainError> {
        let shared = &self.shared;
        let _guard = lock(&shared.maintenance);
        let sealed = shared.catalog().sealed();
        let sealed_before = sealed.last().map_or_else(|| shared.catalog().first(), |(_, end)| *end);
        let mut rewritten = Rewritten { sealed_before: Position(sealed_before), ..Rewritten::default() };
        for (entry, end) in sealed {
            if entry.id.first <= range.end().0 && range.start().0 < end {
                let records = rewrite_segment(shared, &entry, end, &range, &mut replace)?;
                rewritten.records += records;
                rewritten.segments += usize::from(records > 0);
            }
        }
        purge_pool(shared).map_err(|source| MaintainError::io("remove recycled files", source))?;
        Ok(rewritten)
    }
}

fn sealed_before(shared: &Shared, before: Position, archived: bool) -> Vec<Entry> {
    let sealed = shared.catalog().sealed();
    let wanted = sealed.into_iter().filter(|(entry, _)| entry.archived == archived);
    wanted.take_while(|(_, end)| *end <= before.0).map(|(entry, _)| entry).collect()
}

fn archive(shared: &Shared, entry: &Entry) -> io::Result<()> {
    {
        let mut catalog = shared.catalog();
        shared.disk.rename(&entry.name(), &entry.id.name(true))?;
        if let Some(entry) = catalog.entry(entry.id) {
            entry.archived = true;
        }
    }
    shared.disk.sync_dir()
}

/// Takes a segment out of the log: its file goes to the pool if it may and there is room, else away.
fn discard(shared: &Shared, entry: &Entry, recycle: bool) -> io::Result<()> {
    let pool_name = if recycle { shared.pool().admit() } else { None };
    {
        let mut catalog = shared.catalog();
        match &pool_name {
            Some(pool_name) => shared.disk.rename(&entry.name(), pool_name)?,
            None => shared.disk.remove(&entry.name())?,
        }
        catalog.remove(entry.id);
    }
    // Only once the segment's name is durably gone may its file be written over.
    shared.disk.sync_dir()?;
    if let Some(pool_name) = pool_name {
        shared.pool().add_raw(pool_name);
        shared.wake_preparer();
    }
    Ok(())
}

fn purge_pool(shared: &Shared) -> io::Result<()> {
    let purged = shared.pool().purge();
    for file in purged {
        shared.disk.remove(&file.name)?;
    }
    shared.disk.sync_dir()
}

/// One segment; returns how many records were changed.
fn rewrite_segment(
    shared: &Shared,
    entry: &Entry,
    end: u64,
    range: &RangeInclusive<Position>,
    replace: &mut impl FnMut(&Record) -> Option<Vec<u8>>,
) -> Result<usize, MaintainError> {
    let io_error = |source| MaintainError::io("rewrite segment", source);
    let segment = Segment::open(&*shared.disk, entry.id, entry.archived).map_err(from_open)?;
    let salt = segment.header.salt;
    let begin = limits::SEGMENT_HEADER_BYTES;
    let mut walk = Walk::new(Arc::clone(&segment.file), salt, begin, entry.id.first);
    let mut copy = Copy { shared, name: format!("{}.rewriting", entry.id.name(false)), file: None };
    let mut changed = 0;
    while walk.next < end && walk.next <= range.end().0 {
        let offset = walk.offset;
        let Some((header, payload)) = walk.step().map_err(io_error)? else {
            return Err(damage_at(entry, &walk).into());
        };
        if !range.contains(&Position(header.position)) {
            continue;
        }
        let Some(replacement) = replace(&to_record(&header, payload)) else { continue };
        let (position, expected, found) =
            (Position(header.position), header.payload_bytes(), replacement.len());
        if found != expected {
            return Err(MaintainError::Length { position, expected, found });
        }
        let header = header.sealed(format::payload_sum(salt, &replacement));
        let file = copy.of(&*segment.file).map_err(io_error)?;
        file.write_at(&header.encode(), offset).map_err(io_error)?;
        file.write_at(&replacement, offset + to_u64(RECORD_HEADER_BYTES)).map_err(io_error)?;
        changed += 1;
    }
    if changed > 0 {
        copy.put_in_place(entry).map_err(io_error)?;
    }
    Ok(changed)
}

/// The copy of a segment that will take its place; made when the first change comes, removed if it never gets there.
struct Copy<'a> {
    shared: &'a Shared,
    name: String,
    file: Option<Arc<dyn File>>,
}

impl Copy<'_> {
    fn of(&mut self, original: &dyn File) -> io::Result<&dyn File> {
        if self.file.is_none() {
            let file = self.file.insert(self.shared.disk.create(&self.name)?);
            copy_all(original, &**file)?;
        }
        Ok(&**self.file.as_ref().expect("invariant: inserted just now if there was none"))
    }

    fn put_in_place(mut self, entry: &Entry) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        file.sync_data()?;
        {
            let mut catalog = self.shared.catalog();
            self.shared.disk.rename(&self.name, &entry.name())?;
            self.file = None;
            if let Some(entry) = catalog.entry(entry.id) {
                entry.generation += 1;
            }
        }
        self.shared.disk.sync_dir()
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Best effort: opening removes what is left.
            let _ = self.shared.disk.remove(&self.name);
        }
    }
}

fn copy_all(from: &dyn File, to: &dyn File) -> io::Result<()> {
    let (mut offset, end) = (0, from.len()?);
    let mut block = vec![0; to_usize(end.min(to_u64(limits::SCAN_BLOCK_BYTES)))];
    while offset < end {
        let wanted = to_usize((end - offset).min(to_u64(block.len())));
        let filled = read_full(from, &mut block[..wanted], offset)?;
        if filled == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_at(&block[..filled], offset)?;
        offset += to_u64(filled);
    }
    Ok(())
}

fn damage_at(entry: &Entry, walk: &Walk) -> Damage {
    bad_record(entry.id, entry.archived, walk)
}

fn from_open(error: OpenError) -> MaintainError {
    match error {
        OpenError::Corrupt(damage) => MaintainError::Corrupt(damage),
        OpenError::Io { action, source } => MaintainError::Io { action, source },
        other => MaintainError::io("open segment", io::Error::other(other)),
    }
}
