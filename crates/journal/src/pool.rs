//! Segment files kept ready, so that the writer finds zero-filled ones.
//! Decides only what should be prepared; the preparer does it. An empty pool costs speed, never safety.

use std::collections::VecDeque;

/// The pool's books.
#[derive(Debug)]
pub(crate) struct Pool {
    ready: VecDeque<PoolFile>,
    /// Recycled files not yet filled up to full length.
    raw: VecDeque<PoolFile>,
    files_max: usize,
    next_id: u64,
    /// The writer will need a file soon.
    wanted: bool,
    /// The preparer is at work on a file, counted in none of the queues.
    preparing: bool,
    /// Preparing failed; not tried again before the writer has moved on.
    paused: bool,
    /// Grows when stale bytes must go.
    purges: u64,
}

/// A file that belongs to no segment.
#[derive(Clone, Debug)]
pub(crate) struct PoolFile {
    pub(crate) name: String,
    /// Holds records of a former life.
    pub(crate) stale: bool,
}

/// What to prepare.
#[derive(Debug)]
pub(crate) enum Job {
    Create { name: String },
    FillUp(PoolFile),
}

impl Pool {
    pub(crate) fn new(free: &[String], files_max: usize) -> Self {
        let ready = free.iter().map(|name| PoolFile { name: name.clone(), stale: true }).collect();
        let ids = free.iter().filter_map(|name| name.strip_suffix(".free")?.parse::<u64>().ok());
        Self {
            ready,
            raw: VecDeque::new(),
            files_max,
            next_id: ids.max().unwrap_or(0) + 1,
            wanted: false,
            preparing: false,
            paused: false,
            purges: 0,
        }
    }

    /// A ready file, for the writer.
    pub(crate) fn take(&mut self) -> Option<PoolFile> {
        (self.wanted, self.paused) = (false, false);
        self.ready.pop_front()
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Says that the writer will need a file soon.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// A name under which a released file may wait, unless the pool is full.
    pub(crate) fn admit(&mut self) -> Option<String> {
        let files = self.ready.len() + self.raw.len() + usize::from(self.preparing);
        (files < self.files_max).then(|| self.new_name())
    }

    /// A released file now waits under this name.
    pub(crate) fn add_raw(&mut self, name: String) {
        self.raw.push_back(PoolFile { name, stale: true });
    }

    pub(crate) fn add_ready(&mut self, file: PoolFile) {
        self.preparing = false;
        self.ready.push_back(file);
    }

    /// What the preparer should do next.
    pub(crate) fn job(&mut self) -> Option<Job> {
        if self.paused || self.files_max == 0 {
            return None;
        }
        let job = match self.raw.pop_front() {
            Some(file) => Job::FillUp(file),
            None if self.wanted && self.ready.is_empty() => Job::Create { name: self.new_name() },
            None => return None,
        };
        self.preparing = true;
        Some(job)
    }

    /// Preparing failed: leave it for now.
    pub(crate) fn pause(&mut self) {
        (self.preparing, self.paused) = (false, true);
    }

    /// The file being prepared was given up for a reason other than failure.
    pub(crate) fn abandon(&mut self) {
        self.preparing = false;
    }

    /// Takes out every file with stale bytes, to be removed.
    pub(crate) fn purge(&mut self) -> Vec<PoolFile> {
        self.purges += 1;
        let (stale, clean) = self.ready.drain(..).partition(|file| file.stale);
        self.ready = clean;
        let mut purged: Vec<_> = stale.into();
        purged.extend(self.raw.drain(..));
        purged
    }

    pub(crate) fn purges(&self) -> u64 {
        self.purges
    }

    fn new_name(&mut self) -> String {
        let id = self.next_id;
        self.next_id += 1;
        format!("{id:08}.preparing")
    }
}
