//! The real disk: a folder of a file system.
//! One process at a time holds a folder: an advisory lock on the file `lock` sees to it.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    disk::{Disk, File},
    error::OpenError,
};

const LOCK_NAME: &str = "lock";
const ARCHIVE_NAME: &str = "archive";

/// A folder, locked for as long as this lives.
pub struct FileSystem {
    folder: PathBuf,
    /// Held for its lock; the operating system lets go of it even after `kill -9`. A folder that is only read may
    /// have none.
    _lock: Option<fs::File>,
    is_read_only: bool,
}

struct PlainFile(fs::File);

impl FileSystem {
    /// Opens a folder, creating it (readable by its owner alone) where it does not exist.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when another process, or another `FileSystem` of this one, holds the folder;
    /// [`OpenError::Io`] otherwise.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        let folder = folder.as_ref().to_path_buf();
        let archive = folder.join(ARCHIVE_NAME);
        let create = |path: &Path| fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        create(&archive).map_err(|source| OpenError::io("create folder", source))?;
        let lock = lock(&folder)?;
        sync_folder(&folder).map_err(|source| OpenError::io("sync folder", source))?;
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent).map_err(|source| OpenError::io("sync parent folder", source))?;
        }
        Ok(Self { folder, _lock: Some(lock), is_read_only: false })
    }

    /// Opens a folder to read it, and changes nothing in it: a backup, on whatever medium.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when a process works on it; [`OpenError::Io`] when it is not there or cannot be read.
    pub fn open_read_only(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        let folder = folder.as_ref().to_path_buf();
        fs::read_dir(&folder).map_err(|source| OpenError::io("read folder", source))?;
        let lock = match fs::File::open(folder.join(LOCK_NAME)) {
            Ok(file) => match file.try_lock_shared() {
                Ok(()) => Some(file),
                Err(fs::TryLockError::WouldBlock) => return Err(OpenError::Locked { folder }),
                Err(fs::TryLockError::Error(source)) => return Err(OpenError::io("lock folder", source)),
            },
            // Copies need no lock file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(OpenError::io("open lock file", source)),
        };
        Ok(Self { folder, _lock: lock, is_read_only: true })
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.is_read_only { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }
}

impl Disk for FileSystem {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        list_files(&self.folder, "", &mut names)?;
        match list_files(&self.folder.join(ARCHIVE_NAME), "archive/", &mut names) {
            Err(error) if self.is_read_only && error.kind() == io::ErrorKind::NotFound => {}
            listed => listed?,
        }
        names.retain(|name| name != LOCK_NAME);
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = fs::File::options().read(true).write(!self.is_read_only).open(self.folder.join(name))?;
        Ok(Arc::new(PlainFile(file)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.check_writable()?;
        let mut options = fs::File::options();
        options.read(true).write(true).create_new(true).mode(0o600);
        Ok(Arc::new(PlainFile(options.open(self.folder.join(name))?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.check_writable()?;
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.check_writable()?;
        fs::remove_file(self.folder.join(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        // The archive first: a segment on its way there must never be missing from both.
        sync_folder(&self.folder.join(ARCHIVE_NAME))?;
        sync_folder(&self.folder)
    }
}

impl File for PlainFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.0.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }
}

fn lock(folder: &Path) -> Result<fs::File, OpenError> {
    let path = folder.join(LOCK_NAME);
    let mut options = fs::File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(|source| OpenError::io("open lock file", source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::Locked { folder: folder.to_path_buf() }),
        Err(fs::TryLockError::Error(source)) => Err(OpenError::io("lock folder", source)),
    }
}

fn list_files(folder: &Path, prefix: &str, names: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file()
            && let Some(name) = entry.file_name().to_str()
        {
            names.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}
