//! What stands in the folder of an export, sealed with a checksum of its own. Written last: without it there is none.
//! Invariant: a format that is newer than this program's is refused, whatever else it says.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    path::Path,
};

use chat::{Epoch, TimestampMs};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    block::hex,
    error::{MovingError, io},
    import::ImportOptions,
    limits::MANIFEST_BYTES_MAX,
    tally::Count,
};

/// The newest format this program writes and reads.
pub(crate) const FORMAT: u32 = 1;
/// Its name in the folder.
pub(crate) const MANIFEST: &str = "manifest.json";

/// What stands in the folder of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Format of the folder.
    pub format: u32,
    /// Names this export; its records lie in a folder of this name.
    pub export_id: uuid::Uuid,
    /// The program that wrote it.
    pub program: String,
    /// When it was begun, milliseconds since 1970.
    pub made_at_ms: TimestampMs,
    /// The generation of the history: clients that hold it go on after a move (D4).
    pub epoch: uuid::Uuid,
    /// Files of records, in order.
    pub records: Vec<RecordFile>,
    /// Lists of files, in order.
    pub file_lists: Vec<RecordFile>,
    /// How much there is of each kind.
    pub counts: BTreeMap<String, Count>,
    /// Files of messages, their thumbnails and pictures of people.
    pub files: u64,
    /// Their size together, bytes.
    pub file_bytes: u64,
    /// Files that the home knew and did not have, or not unharmed: their lists name them.
    pub files_missing: u64,
    /// SHA-256 of all of the above in hexadecimal.
    pub seal: String,
}

/// One file of blocks of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordFile {
    /// Its path in the folder.
    pub path: String,
    /// Its blocks.
    pub blocks: u64,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// The one thing that is read whatever the format.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Manifest {
    /// Reads the manifest of a folder and checks its seal.
    ///
    /// # Errors
    /// `NoExport`, `Newer` or `Damaged`.
    pub fn read(folder: &Path) -> Result<Manifest, MovingError> {
        let path = folder.join(MANIFEST);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(MovingError::NoExport(folder.to_path_buf()));
            }
            Err(error) => return Err(io("read", path)(error)),
        };
        let mut text = String::new();
        file.take(MANIFEST_BYTES_MAX).read_to_string(&mut text).map_err(io("read", &path))?;
        let damaged = |why: String| MovingError::Damaged { file: MANIFEST.to_owned(), why };
        let FormatOnly { format } =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if format > FORMAT {
            return Err(MovingError::Newer { found: format, supported: FORMAT });
        }
        let manifest: Manifest = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if manifest.seal == manifest.sealed().seal {
            Ok(manifest)
        } else {
            Err(damaged("its seal does not match".to_owned()))
        }
    }

    /// Writes it, sealed and durably: from here on the folder is an export.
    pub(crate) fn write(self, folder: &Path) -> Result<Manifest, MovingError> {
        let sealed = self.sealed();
        let text = serde_json::to_string_pretty(&sealed).expect("invariant: a manifest is JSON");
        let (path, new) = (folder.join(MANIFEST), folder.join("manifest.new"));
        let mut file = fs::File::create(&new).map_err(io("write", &new))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io("write", &new))?;
        fs::rename(&new, &path).map_err(io("name", &path))?;
        sync_folder(folder)?;
        Ok(sealed)
    }

    /// The generation that the history has in its new home: the one it had, or, where something of it is taken back,
    /// another one, the same for every try.
    #[must_use]
    pub fn epoch_for(&self, options: ImportOptions) -> Epoch {
        Epoch::from(if options.is_history_new { self.export_id } else { self.epoch })
    }

    /// Everything that is counted: what a bar of progress goes up to.
    #[must_use]
    pub fn things(&self) -> u64 {
        self.counts.values().map(|count| count.count).sum()
    }

    fn sealed(&self) -> Manifest {
        let open = Manifest { seal: String::new(), ..self.clone() };
        let bytes = serde_json::to_vec(&open).expect("invariant: a manifest is JSON");
        Manifest { seal: hex(&Sha256::digest(bytes)), ..open }
    }
}

/// Makes names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), MovingError> {
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            export_id: uuid::Uuid::from_u128(7),
            program: "test".to_owned(),
            made_at_ms: 1,
            epoch: uuid::Uuid::from_u128(8),
            records: Vec::new(),
            file_lists: Vec::new(),
            counts: BTreeMap::new(),
            files: 0,
            file_bytes: 0,
            files_missing: 0,
            seal: String::new(),
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written_and_a_changed_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Manifest::read(folder.path()), Err(MovingError::NoExport(_))));
        let written = manifest().write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), written);
        let path = folder.path().join(MANIFEST);
        let text = fs::read_to_string(&path).unwrap().replace("\"madeAtMs\": 1", "\"madeAtMs\": 2");
        fs::write(&path, text).unwrap();
        let refused = Manifest::read(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("manifest.json") && refused.contains("seal"), "{refused}");
    }

    #[test]
    fn a_newer_format_is_refused_whatever_it_looks_like() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MANIFEST), r#"{"format": 2, "other": true}"#).unwrap();
        let refused = Manifest::read(folder.path()).unwrap_err();
        assert!(matches!(refused, MovingError::Newer { found: 2, supported: 1 }), "{refused}");
    }
}
