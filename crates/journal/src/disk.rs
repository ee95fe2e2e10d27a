//! The seam to the disk: one folder of files, and what a sync promises.
//! Knows nothing of segments; [`FileSystem`](crate::FileSystem) is the real one,
//! [`simulated`](crate::simulated) the one that loses power on purpose.

use std::{io, sync::Arc};

/// One folder, with one folder named `archive` inside it. Names are `name` or `archive/name`.
pub trait Disk: Send + Sync + 'static {
    /// Names of all files, in any order.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// `NotFound`, or what the disk says.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Creates an empty file for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists`, or what the disk says.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Renames a file, atomically, over whatever bears the new name. Durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// `NotFound`, or what the disk says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// `NotFound`, or what the disk says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes every create, rename and remove so far durable.
    ///
    /// # Errors
    /// What the disk says; nothing is known to be durable then.
    fn sync_dir(&self) -> io::Result<()>;
}

/// One open file. All methods may be called from several threads.
pub trait File: Send + Sync {
    /// Reads up to `buffer.len()` bytes; 0 only at the end of the file.
    ///
    /// # Errors
    /// What the disk says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes`, growing the file where needed. Durable after [`File::sync_data`].
    ///
    /// # Errors
    /// What the disk says; any part may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes contents and length durable.
    ///
    /// # Errors
    /// What the disk says; what was written since the last success may be lost, and must not be synced again
    /// in hope (the kernel may have dropped it).
    fn sync_data(&self) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// What the disk says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// What the disk says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file, or grows it with zeros.
    ///
    /// # Errors
    /// What the disk says.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
}
