//! Files of blocks: written one after the other up to a size each, read from any block on, compared with their
//! checksums. Knows no record. Invariant: a file is durable before a manifest can name it.

use std::{
    fs::File,
    io::{BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::{
    block::{Block, HEAD_BYTES, MAGIC, Packer, hex},
    error::{MovingError, io},
    limits::RECORD_FILE_BYTES,
    manifest::RecordFile,
};

/// Writes records to files `<name>-00001.dwr`, … in a folder of an export.
pub(crate) struct RecordWriter {
    /// The export's folder.
    folder: PathBuf,
    /// Where in it the files lie, and what their names begin with.
    prefix: String,
    packer: Packer,
    current: Option<Current>,
    done: Vec<RecordFile>,
}

struct Current {
    path: String,
    file: File,
    hash: Sha256,
    bytes: u64,
    blocks: u64,
}

impl RecordWriter {
    pub(crate) fn new(folder: &Path, prefix: String) -> RecordWriter {
        let folder = folder.to_path_buf();
        RecordWriter { folder, prefix, packer: Packer::default(), current: None, done: Vec::new() }
    }

    pub(crate) fn add(&mut self, record: &impl Serialize) -> Result<(), MovingError> {
        if !self.packer.add(record) {
            return Err(MovingError::Contradiction(
                "it holds something larger than anything can be".to_owned(),
            ));
        }
        if self.packer.is_full() { self.flush() } else { Ok(()) }
    }

    /// Writes what is left; returns all files.
    pub(crate) fn finish(mut self) -> Result<Vec<RecordFile>, MovingError> {
        self.flush()?;
        self.close()?;
        Ok(self.done)
    }

    fn flush(&mut self) -> Result<(), MovingError> {
        if self.packer.is_empty() {
            return Ok(());
        }
        let bytes = self.packer.block().bytes();
        let current = match self.current.take() {
            Some(current) => current,
            None => self.begin()?,
        };
        let current = self.current.insert(current);
        current.write(&self.folder, &bytes)?;
        current.blocks += 1;
        if current.bytes >= RECORD_FILE_BYTES { self.close() } else { Ok(()) }
    }

    fn begin(&self) -> Result<Current, MovingError> {
        let path = format!("{}-{:05}.dwr", self.prefix, self.done.len() + 1);
        let whole = self.folder.join(&path);
        let file = File::create(&whole).map_err(io("write", whole))?;
        let mut current = Current { path, file, hash: Sha256::new(), bytes: 0, blocks: 0 };
        current.write(&self.folder, MAGIC)?;
        Ok(current)
    }

    fn close(&mut self) -> Result<(), MovingError> {
        let Some(current) = self.current.take() else { return Ok(()) };
        current.file.sync_all().map_err(io("sync", self.folder.join(&current.path)))?;
        let Current { path, hash, bytes, blocks, .. } = current;
        self.done.push(RecordFile { path, blocks, bytes, sha256: hex(&hash.finalize()) });
        Ok(())
    }
}

impl Current {
    fn write(&mut self, folder: &Path, bytes: &[u8]) -> Result<(), MovingError> {
        self.file.write_all(bytes).map_err(io("write", folder.join(&self.path)))?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// Reads the blocks of files in their order.
pub(crate) struct RecordReader<'a> {
    folder: &'a Path,
    files: std::slice::Iter<'a, RecordFile>,
    current: Option<(BufReader<File>, &'a RecordFile, u64)>,
}

impl<'a> RecordReader<'a> {
    /// Reads from the block with this number on, counted over all files.
    pub(crate) fn new(
        folder: &'a Path,
        files: &'a [RecordFile],
        first: u64,
    ) -> Result<RecordReader<'a>, MovingError> {
        let mut reader = RecordReader { folder, files: files.iter(), current: None };
        let mut skip = first;
        while skip > 0 {
            let Some(file) = reader.files.next() else { break };
            if file.blocks <= skip {
                skip -= file.blocks;
                continue;
            }
            reader.open(file)?;
            while skip > 0 {
                reader.block()?;
                skip -= 1;
            }
        }
        Ok(reader)
    }

    /// The records of the next block, `None` at the end.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<Vec<T>>, MovingError> {
        while self.current.as_ref().is_none_or(|(_, _, left)| *left == 0) {
            let Some(file) = self.files.next() else { return Ok(None) };
            self.open(file)?;
        }
        let block = self.block()?;
        let file = self.current.as_ref().map(|(_, file, _)| *file);
        block.map(|block| block.records().map_err(damaged(file))).transpose()
    }

    fn open(&mut self, file: &'a RecordFile) -> Result<(), MovingError> {
        let mut reader = BufReader::new(open(self.folder, file)?);
        reader.seek(SeekFrom::Start(HEAD_BYTES)).map_err(damaged(Some(file)))?;
        self.current = Some((reader, file, file.blocks));
        Ok(())
    }

    fn block(&mut self) -> Result<Option<Block>, MovingError> {
        let Some((reader, file, left)) = self.current.as_mut() else { return Ok(None) };
        let block = Block::read(reader).map_err(damaged(Some(file)))?;
        *left = left.saturating_sub(1);
        Ok(Some(block))
    }
}

/// Compares a file with its checksum; `read` is told how many bytes were read.
pub(crate) fn verify(folder: &Path, file: &RecordFile, mut read: impl FnMut(u64)) -> Result<(), MovingError> {
    let mut reader = open(folder, file)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
    let mut buffer = vec![0; 1 << 20];
    let mut is_ours = false;
    loop {
        let count = reader.read(&mut buffer).map_err(damaged(Some(file)))?;
        if count == 0 {
            break;
        }
        is_ours |= bytes == 0 && buffer[..count].starts_with(MAGIC);
        hash.update(&buffer[..count]);
        bytes += count as u64;
        read(count as u64);
    }
    let why = if bytes != file.bytes {
        format!("it has {bytes} bytes and should have {}", file.bytes)
    } else if hex(&hash.finalize()) != file.sha256 {
        "its checksum does not match".to_owned()
    } else if !is_ours {
        "it is no file of records".to_owned()
    } else {
        return Ok(());
    };
    Err(MovingError::Damaged { file: file.path.clone(), why })
}

fn open(folder: &Path, file: &RecordFile) -> Result<File, MovingError> {
    // A path from a manifest never leads out of the folder.
    let path = Path::new(&file.path);
    let is_inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !is_inside {
        return Err(damaged(Some(file))(std::io::ErrorKind::InvalidInput.into()));
    }
    File::open(folder.join(path)).map_err(damaged(Some(file)))
}

fn damaged(file: Option<&RecordFile>) -> impl FnOnce(std::io::Error) -> MovingError {
    let file = file.map_or_else(String::new, |file| file.path.clone());
    move |error| MovingError::Damaged { file, why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_goes_on_at_any_block() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = RecordWriter::new(folder.path(), "records".to_owned());
        for n in 0..100_u64 {
            writer.add(&(n, "x".repeat(20_000))).unwrap();
        }
        let files = writer.finish().unwrap();
        let blocks: u64 = files.iter().map(|file| file.blocks).sum();
        assert!(blocks > 3, "{blocks}");
        files.iter().for_each(|file| verify(folder.path(), file, |_| {}).unwrap());
        let numbers = |first| {
            let mut reader = RecordReader::new(folder.path(), &files, first).unwrap();
            let mut found: Vec<u64> = Vec::new();
            while let Some(records) = reader.next::<(u64, String)>().unwrap() {
                found.extend(records.iter().map(|(n, _)| *n));
            }
            found
        };
        assert_eq!(numbers(0), (0..100).collect::<Vec<_>>());
        let later = numbers(2);
        assert_eq!(later, (100 - later.len() as u64..100).collect::<Vec<_>>());
        assert!(numbers(blocks).is_empty() && numbers(blocks + 9).is_empty());
    }

    #[test]
    fn a_damaged_file_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = RecordWriter::new(folder.path(), "records".to_owned());
        writer.add(&"something").unwrap();
        let file = writer.finish().unwrap().remove(0);
        let path = folder.path().join(&file.path);
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let refused = verify(folder.path(), &file, |_| {}).unwrap_err().to_string();
        assert!(refused.contains("records-00001.dwr") && refused.contains("checksum"), "{refused}");
        std::fs::remove_file(&path).unwrap();
        let refused = verify(folder.path(), &file, |_| {}).unwrap_err().to_string();
        assert!(refused.contains("records-00001.dwr"), "{refused}");
        let outside = RecordFile { path: "../secret".to_owned(), ..file };
        assert!(matches!(verify(folder.path(), &outside, |_| {}), Err(MovingError::Damaged { .. })));
    }
}
