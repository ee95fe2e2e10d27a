//! Records on their way to the disk: encoded once, gathered into groups, each with those who wait for it.
//! Keeps the order (positions are given here, under one lock) and the bound on memory; writes nothing.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    error::{AppendError, Failure},
    format::{self, FLAG_APPEND_END, RecordHeader, to_u64},
    limits,
    options::Options,
    record::{Appended, NewRecord, Position},
};

/// Told once what became of an append.
pub(crate) type Done = Box<dyn FnOnce(Result<Appended, AppendError>) + Send>;
/// Told once whether the segment was sealed.
pub(crate) type Sealed = Box<dyn FnOnce(Result<(), AppendError>) + Send>;

/// Groups waiting for the writer.
pub(crate) struct Pending {
    groups: VecDeque<Group>,
    seals: Vec<Sealed>,
    /// Emptied groups, kept for their buffers.
    spare: Vec<Group>,
    /// The position the next record gets.
    next: u64,
    /// Encoded bytes in groups, the one being written included.
    bytes: usize,
    /// Why nothing is accepted any more.
    ended: Option<AppendError>,
    /// The writer sleeps and has to be woken.
    pub(crate) idle: bool,
}

/// What one write and one sync make durable.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) first: u64,
    pub(crate) records: usize,
    pub(crate) encoded: Vec<u8>,
    pub(crate) waiters: Vec<Waiter>,
}

pub(crate) struct Waiter {
    appended: Appended,
    done: Done,
}

/// What the writer has to do next.
pub(crate) enum Work {
    Group(Group),
    Seal(Vec<Sealed>),
}

/// An append whose size was checked and whose payloads were summed, outside the lock.
pub(crate) struct Prepared {
    records: Vec<NewRecord>,
    sums: Vec<u32>,
    bytes: usize,
}

impl Prepared {
    pub(crate) fn new(records: Vec<NewRecord>, salt: u32, options: &Options) -> Result<Self, AppendError> {
        let bytes = records.iter().map(|record| format::stride(record.payload.len())).sum();
        let too_long = records.iter().any(|record| record.payload.len() > limits::RECORD_PAYLOAD_BYTES_MAX);
        let too_many = records.is_empty() || records.len() > options.group_records_max;
        if too_long || too_many || bytes > options.group_bytes_max {
            return Err(AppendError::Size { records: records.len(), bytes });
        }
        let sums = records.iter().map(|record| format::payload_sum(salt, &record.payload)).collect();
        Ok(Self { records, sums, bytes })
    }
}

impl Pending {
    pub(crate) fn new(next: u64) -> Self {
        Self {
            groups: VecDeque::new(),
            seals: Vec::new(),
            spare: Vec::new(),
            next,
            bytes: 0,
            ended: None,
            idle: false,
        }
    }

    /// Takes an append in; says whether the writer has to be woken.
    pub(crate) fn push(
        &mut self,
        append: &Prepared,
        done: Done,
        options: &Options,
    ) -> Result<bool, AppendError> {
        self.check_open()?;
        if self.bytes + append.bytes > options.pending_bytes_max {
            return Err(AppendError::Full);
        }
        let next = self.next;
        self.bytes += append.bytes;
        self.next += to_u64(append.records.len());
        let last = Position(self.next - 1);
        let group = self.group_for(append, options);
        group.encode(append, next);
        group.waiters.push(Waiter { appended: Appended { first: Position(next), last }, done });
        Ok(std::mem::take(&mut self.idle))
    }

    pub(crate) fn push_seal(&mut self, sealed: Sealed) -> Result<bool, AppendError> {
        self.check_open()?;
        self.seals.push(sealed);
        Ok(std::mem::take(&mut self.idle))
    }

    /// The next work; seals first, or a steady stream of groups would keep them waiting for ever.
    pub(crate) fn take(&mut self) -> Option<Work> {
        if self.seals.is_empty() {
            return self.groups.pop_front().map(Work::Group);
        }
        Some(Work::Seal(std::mem::take(&mut self.seals)))
    }

    /// The group is durable and its waiters told; its buffer may be used again.
    pub(crate) fn finish(&mut self, mut group: Group, encoded_bytes: usize) {
        self.bytes -= encoded_bytes;
        if self.spare.len() < limits::SPARE_GROUPS_MAX {
            group.encoded.clear();
            group.waiters.clear();
            group.records = 0;
            self.spare.push(group);
        }
    }

    /// Gives the memory of spare buffers back.
    pub(crate) fn shrink(&mut self) {
        for group in &mut self.spare {
            group.encoded.shrink_to(limits::SPARE_GROUP_BYTES_IDLE);
            group.waiters.shrink_to(limits::SPARE_GROUP_BYTES_IDLE / size_of::<Waiter>());
        }
    }

    /// Accepts nothing more; what was accepted is still written.
    pub(crate) fn close(&mut self) -> bool {
        self.ended.get_or_insert(AppendError::Closed);
        std::mem::take(&mut self.idle)
    }

    /// Accepts nothing more, and gives back everyone who still waits.
    pub(crate) fn fail(&mut self, failure: &Arc<Failure>) -> (Vec<Waiter>, Vec<Sealed>) {
        self.ended = Some(AppendError::Failed(Arc::clone(failure)));
        self.bytes = 0;
        let waiters = self.groups.drain(..).flat_map(|group| group.waiters).collect();
        (waiters, std::mem::take(&mut self.seals))
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.seals.is_empty()
    }

    fn check_open(&self) -> Result<(), AppendError> {
        self.ended.clone().map_or(Ok(()), Err)
    }

    fn group_for(&mut self, append: &Prepared, options: &Options) -> &mut Group {
        let fits = self.groups.back().is_some_and(|group| {
            group.encoded.len() + append.bytes <= options.group_bytes_max
                && group.records + append.records.len() <= options.group_records_max
        });
        if !fits {
            let mut group = self.spare.pop().unwrap_or_default();
            group.first = self.next - to_u64(append.records.len());
            self.groups.push_back(group);
        }
        self.groups.back_mut().expect("invariant: a group was pushed if there was none")
    }
}

impl Group {
    fn encode(&mut self, append: &Prepared, first: u64) {
        self.encoded.reserve(append.bytes);
        let last = append.records.len() - 1;
        for (index, (record, sum)) in append.records.iter().zip(&append.sums).enumerate() {
            let header = RecordHeader {
                length: u32::try_from(record.payload.len()).expect("invariant: at most 1 MiB"),
                checksum: 0,
                position: first + to_u64(index),
                group_start: self.first,
                time_ms: record.time_ms,
                key_id: record.key_id,
                kind: record.kind,
                flags: if index == last { FLAG_APPEND_END } else { 0 },
            };
            self.encoded.extend_from_slice(&header.sealed(*sum).encode());
            self.encoded.extend_from_slice(&record.payload);
            let filling = self.encoded.len().next_multiple_of(8) - self.encoded.len();
            self.encoded.extend_from_slice(&[0; 8][..filling]);
        }
        self.records += append.records.len();
    }

    /// Position of the last record.
    pub(crate) fn last(&self) -> u64 {
        self.first + to_u64(self.records) - 1
    }
}

impl Waiter {
    pub(crate) fn succeed(self) {
        (self.done)(Ok(self.appended));
    }

    pub(crate) fn fail(self, failure: &Arc<Failure>) {
        (self.done)(Err(AppendError::Failed(Arc::clone(failure))));
    }
}
