//! The one writer: a group, one write, one sync, then its waiters in order.
//! Keeps D1: nobody is told before `sync_data` has returned, and nothing is tried again after an error.

use std::{io, sync::Arc};

use crate::{
    disk::File,
    error::{AppendError, Failure},
    format::{SegmentHeader, to_u64, to_usize},
    limits,
    pending::{Group, Sealed, Work},
    record::Position,
    recovery::{Tail, add_mark},
    segment::SegmentId,
    shared::Shared,
};

/// Fills the last page of a write.
static ZERO_PAGE: [u8; 4096] = [0; 4096];

/// The writer's state: the segment being written.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    id: SegmentId,
    file: Arc<dyn File>,
    /// Where the next group goes.
    offset: u64,
    /// The position it begins with.
    next: u64,
    /// Bytes that exist, zero-filled or stale; beyond, writing makes the file grow.
    file_bytes: u64,
    last_mark: u64,
    /// The pool was told that a file will be needed.
    announced: bool,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, tail: Tail) -> Self {
        let last_mark = tail.marks.last().map_or(limits::SEGMENT_HEADER_BYTES, |(_, offset)| *offset);
        Self {
            shared,
            id: tail.id,
            file: tail.file,
            offset: tail.offset,
            next: tail.next,
            file_bytes: tail.file_bytes,
            last_mark,
            announced: false,
        }
    }

    /// Does one piece of work; false when there is none, or after a failure.
    pub(crate) fn step(&mut self) -> bool {
        if self.shared.failure.get().is_some() {
            return false;
        }
        let work = self.shared.pending().take();
        match work {
            Some(Work::Group(group)) => self.commit(group),
            Some(Work::Seal(sealed)) => self.seal(sealed),
            None => return false,
        }
        true
    }

    fn commit(&mut self, mut group: Group) {
        let encoded_bytes = group.encoded.len();
        if let Err(failure) = self.write(&mut group.encoded) {
            self.shared.fail(failure, Some(group));
            return;
        }
        self.mark();
        self.offset += to_u64(encoded_bytes);
        self.next = group.last() + 1;
        self.shared.commit(group.last());
        for waiter in group.waiters.drain(..) {
            waiter.succeed();
        }
        self.shared.pending().finish(group, encoded_bytes);
        self.announce();
    }

    fn write(&mut self, encoded: &mut Vec<u8>) -> Result<(), Failure> {
        self.make_room(to_u64(encoded.len()))?;
        let end = (self.offset + to_u64(encoded.len())).next_multiple_of(limits::PAGE_BYTES);
        let filling = to_usize(end - self.offset) - encoded.len();
        encoded.extend_from_slice(&ZERO_PAGE[..filling]);
        self.file.write_at(encoded, self.offset).map_err(|source| self.failure("write", source))?;
        self.file.sync_data().map_err(|source| self.failure("sync", source))?;
        self.file_bytes = self.file_bytes.max(end);
        Ok(())
    }

    /// Goes on to another segment where this one is full, or where it would have to grow while a better one is
    /// ready.
    fn make_room(&mut self, bytes: u64) -> Result<(), Failure> {
        let end = self.offset + bytes;
        let used = self.offset > limits::SEGMENT_HEADER_BYTES;
        let full = end > self.shared.options.segment_bytes;
        let grows = end > self.file_bytes;
        if used && (full || (grows && self.shared.pool().has_ready())) {
            self.roll()?;
        }
        Ok(())
    }

    fn roll(&mut self) -> Result<(), Failure> {
        // Nothing of a recycled file's former life shall outlive the segment's own.
        self.file.set_len(self.offset).map_err(|source| self.failure("cut", source))?;
        let id = SegmentId { number: self.id.number + 1, first: self.next };
        let created = self.create(id);
        let (file, file_bytes) = created.map_err(|source| self.failure("create successor", source))?;
        self.shared.catalog().push(id);
        self.id = id;
        self.file = file;
        self.file_bytes = file_bytes;
        self.offset = limits::SEGMENT_HEADER_BYTES;
        self.last_mark = self.offset;
        self.announced = false;
        Ok(())
    }

    /// The header is durable before the name is, and both before the first record is written.
    fn create(&self, id: SegmentId) -> io::Result<(Arc<dyn File>, u64)> {
        let disk = &self.shared.disk;
        let ready = self.shared.pool().take();
        let (name, file) = match ready {
            Some(ready) => (ready.name.clone(), disk.open(&ready.name)?),
            None => {
                let name = format!("next-{}.preparing", id.number);
                (name.clone(), disk.create(&name)?)
            }
        };
        let header = SegmentHeader { number: id.number, first: Position(id.first), salt: self.shared.salt };
        file.write_at(&header.encode(), 0)?;
        file.sync_data()?;
        let file_bytes = file.len()?;
        disk.rename(&name, &id.name(false))?;
        disk.sync_dir()?;
        Ok((file, file_bytes))
    }

    fn seal(&mut self, sealed: Vec<Sealed>) {
        let used = self.offset > limits::SEGMENT_HEADER_BYTES;
        match if used { self.roll() } else { Ok(()) } {
            Ok(()) => sealed.into_iter().for_each(|sealed| sealed(Ok(()))),
            Err(failure) => {
                self.shared.fail(failure, None);
                let failure = self.shared.failure.get().expect("invariant: set by fail");
                for sealed in sealed {
                    sealed(Err(AppendError::Failed(Arc::clone(failure))));
                }
            }
        }
    }

    /// Remembers where the group just written begins, if the last remembered place is far enough back.
    fn mark(&mut self) {
        if self.offset >= self.last_mark + limits::MARK_SPACING_BYTES {
            self.last_mark = self.offset;
            if let Some(entry) = self.shared.catalog().entry(self.id) {
                add_mark(&mut entry.marks, self.next, self.offset);
            }
        }
    }

    /// Has the next file prepared in good time: at once where this one grows, else when a quarter is used.
    fn announce(&mut self) {
        let soon = self.offset > self.shared.options.segment_bytes / 4;
        if !self.announced && (soon || self.offset + limits::PAGE_BYTES > self.file_bytes) {
            self.announced = true;
            self.shared.pool().want();
            self.shared.wake_preparer();
        }
    }

    fn failure(&self, action: &'static str, source: io::Error) -> Failure {
        Failure { action, segment: self.id.number, source }
    }
}
