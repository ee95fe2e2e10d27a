//! The folder of the index: opened, made, made again when it is of another history, another form or damaged.
//! Invariant: nothing in it is needed; deleting it costs the time to fill it again.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy, directory::MmapDirectory, index::SegmentId};

use super::{
    newest::BlockTimes,
    progress::Progress,
    schema::{Fields, register, schema},
};
use crate::{core::Core, error::Fault};

/// An open index.
pub(super) struct Opened {
    pub(super) index: Index,
    pub(super) reader: IndexReader,
    pub(super) fields: Fields,
    pub(super) times: Arc<BlockTimes>,
    /// What its last commit said when it was opened.
    pub(super) progress: Progress,
}

impl Opened {
    /// Whether files of segments are left that are no part of the index any more, because somebody reads them.
    pub(super) fn has_leftovers(&self) -> Result<bool, Fault> {
        let living = self.index.searchable_segment_ids()?;
        let living: HashSet<String> = living.iter().map(SegmentId::uuid_string).collect();
        let managed = self.index.directory().list_managed_files();
        let mut segments = managed.iter().filter_map(|file| segment_of(file));
        Ok(segments.any(|segment| !living.contains(segment)))
    }
}

/// The id of the segment that a file belongs to: 32 hexadecimal digits before the first dot.
fn segment_of(file: &Path) -> Option<&str> {
    let name = file.file_name()?.to_str()?;
    name.split('.').next().filter(|stem| stem.len() == 32)
}

/// Where it is.
pub(super) fn path(core: &Core) -> PathBuf {
    core.config.data.join("search")
}

/// How far the index on disk has come, without opening it.
pub(super) fn stored_progress(core: &Core) -> Progress {
    #[derive(serde::Deserialize)]
    struct Meta {
        payload: Option<String>,
    }
    let meta = fs::read(path(core).join("meta.json")).ok();
    let meta: Option<Meta> = meta.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let payload = meta.and_then(|meta| meta.payload);
    payload.and_then(|payload| Progress::parse(&payload, core.epoch)).unwrap_or_else(|| unmade(core))
}

/// The progress of an index that is not there. When nothing was ever said, nothing is missing.
fn unmade(core: &Core) -> Progress {
    let settled = core.messages.settled();
    if has_rows(core) {
        Progress::new(core.epoch, settled)
    } else {
        Progress::of_nothing(core.epoch, settled)
    }
}

fn has_rows(core: &Core) -> bool {
    let rows = crate::keys::Key::new(crate::keys::Keyspace::Row);
    core.engine.prefix(&rows).next().is_some()
}

/// Opens the index, or makes one when there is none that fits and `make` is set.
pub(super) fn open(core: &Core, make: bool) -> Result<Option<Opened>, Fault> {
    let folder = path(core);
    if folder.join("meta.json").exists() {
        match open_existing(core) {
            Ok(Some(opened)) => return Ok(Some(opened)),
            Ok(None) => tracing::info!("the search index is of another history or form; it is made again"),
            Err(fault) => tracing::warn!(%fault, "the search index does not open; it is made again"),
        }
        if !make {
            return Ok(None);
        }
        remove(core)?;
    }
    if make { create(core).map(Some) } else { Ok(None) }
}

/// Deletes the folder.
pub(super) fn remove(core: &Core) -> Result<(), Fault> {
    match fs::remove_dir_all(path(core)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::Index(error.into())),
        _ => Ok(()),
    }
}

fn open_existing(core: &Core) -> Result<Option<Opened>, Fault> {
    let index = Index::open_in_dir(path(core))?;
    let (wanted, fields) = schema();
    let payload = index.load_metas()?.payload.unwrap_or_default();
    let Some(mut progress) = Progress::parse(&payload, core.epoch) else { return Ok(None) };
    // What a crash has made undecided is decided again, and may come to something else.
    if let Some(at_start) = core.settled_at_start.get() {
        progress.settled = progress.settled.and(at_start);
    }
    // Ahead of the journal: the folder does not belong to it.
    if index.schema() != wanted || progress.settled.head > core.journal.committed().0 + 1 {
        return Ok(None);
    }
    opened(index, fields, progress).map(Some)
}

fn create(core: &Core) -> Result<Opened, Fault> {
    let folder = path(core);
    let progress = Progress::new(core.epoch, core.messages.settled());
    fs::create_dir_all(&folder).map_err(|error| Fault::Index(error.into()))?;
    let (schema, fields) = schema();
    let directory = MmapDirectory::open(&folder).map_err(tantivy::TantivyError::from)?;
    let index = Index::create(directory, schema, IndexSettings::default())?;
    opened(index, fields, progress)
}

fn opened(index: Index, fields: Fields, progress: Progress) -> Result<Opened, Fault> {
    register(&index);
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok(Opened { index, reader, fields, times: Arc::default(), progress })
}
