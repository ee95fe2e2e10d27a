//! Fills the next segment file with zeros ahead of the writer, a chunk and a sync at a time.
//! Never touches a file that bears a segment's name. Its errors cost speed alone: the writer grows a file then.

use std::{io, sync::Arc};

use crate::{
    disk::File,
    format::{to_u64, to_usize},
    limits,
    pool::{Job, PoolFile},
    shared::Shared,
};

/// The preparer's state: the file it is filling.
pub(crate) struct Preparer {
    shared: Arc<Shared>,
    current: Option<Filling>,
    zeros: Vec<u8>,
}

struct Filling {
    file: Arc<dyn File>,
    pool_file: PoolFile,
    filled_bytes: u64,
    /// [`Pool::purges`](crate::pool::Pool::purges) when it began.
    purges: u64,
}

impl Preparer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, current: None, zeros: Vec::new() }
    }

    /// Does one chunk of work; false when there is none.
    pub(crate) fn step(&mut self) -> bool {
        let done = match self.current.take() {
            Some(filling) => self.proceed(filling),
            None => self.begin(),
        };
        done.unwrap_or_else(|_| {
            self.shared.pool().pause();
            true
        })
    }

    fn begin(&mut self) -> io::Result<bool> {
        let (job, purges) = {
            let mut pool = self.shared.pool();
            (pool.job(), pool.purges())
        };
        let (pool_file, file) = match job {
            None => {
                self.zeros = Vec::new();
                return Ok(false);
            }
            Some(Job::Create { name }) => {
                let file = self.shared.disk.create(&name)?;
                (PoolFile { name, stale: false }, file)
            }
            Some(Job::FillUp(pool_file)) => {
                let file = self.shared.disk.open(&pool_file.name)?;
                (pool_file, file)
            }
        };
        let filled_bytes = file.len()?;
        let chunk = to_u64(limits::ZERO_CHUNK_BYTES).min(self.shared.options.segment_bytes);
        self.zeros = vec![0; to_usize(chunk)];
        self.current = Some(Filling { file, pool_file, filled_bytes, purges });
        Ok(true)
    }

    fn proceed(&mut self, mut filling: Filling) -> io::Result<bool> {
        let segment_bytes = self.shared.options.segment_bytes;
        let missing = segment_bytes.saturating_sub(filling.filled_bytes);
        if missing > 0 {
            let chunk = to_usize(missing.min(to_u64(self.zeros.len())));
            let written = filling.file.write_at(&self.zeros[..chunk], filling.filled_bytes);
            if let Err(error) = written.and_then(|()| filling.file.sync_data()) {
                // Best effort: opening removes what is left.
                let _ = self.shared.disk.remove(&filling.pool_file.name);
                return Err(error);
            }
            filling.filled_bytes += to_u64(chunk);
            self.current = Some(filling);
        } else {
            self.finish(filling)?;
        }
        Ok(true)
    }

    fn finish(&self, filling: Filling) -> io::Result<()> {
        let mut pool_file = filling.pool_file;
        let ready_name = pool_file.name.replace(".preparing", ".free");
        if filling.file.len()? > self.shared.options.segment_bytes {
            filling.file.set_len(self.shared.options.segment_bytes)?;
        }
        let mut pool = self.shared.pool();
        if pool_file.stale && pool.purges() != filling.purges {
            pool.abandon();
            return self.shared.disk.remove(&pool_file.name);
        }
        self.shared.disk.rename(&pool_file.name, &ready_name)?;
        pool_file.name = ready_name;
        pool.add_ready(pool_file);
        Ok(())
    }
}
