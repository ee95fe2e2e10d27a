//! Whether the folder of an export is what was written: every checksum, of records and of files.
//! Needs no home. Changes nothing.

use std::{path::Path, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{ObjectStoreExt as _, local::LocalFileSystem, path::Path as FilePath};

use crate::{
    blobs::{Listed, checksum_of, is_ours, why_wrong},
    error::MovingError,
    export::{objects, on_thread},
    limits::FILES_AT_ONCE,
    manifest::Manifest,
    records::{RecordReader, verify},
    watch::{Stage, Watch},
};

/// Checks a folder; returns what it holds.
///
/// # Errors
/// `NoExport`, `Newer`, or `Damaged` with the name of the first file that is not what it was.
pub async fn check(folder: &Path, watch: Arc<dyn Watch>) -> Result<Manifest, MovingError> {
    let manifest = Manifest::read(folder)?;
    check_records(folder, &manifest, Arc::clone(&watch)).await?;
    let objects = objects(folder)?;
    watch.begin(Stage::Files, Some(manifest.files));
    let mut lists = RecordReader::new(folder, &manifest.file_lists, 0)?;
    while let Some(lines) = lists.next::<Listed>()? {
        let checks = stream::iter(lines).map(|line| check_file(&objects, line));
        let mut checks = checks.buffer_unordered(FILES_AT_ONCE);
        while let Some(count) = checks.try_next().await? {
            watch.advance(Stage::Files, count);
        }
    }
    Ok(manifest)
}

/// Compares the checksums of all records and lists.
pub(crate) async fn check_records(
    folder: &Path,
    manifest: &Manifest,
    watch: Arc<dyn Watch>,
) -> Result<(), MovingError> {
    let files: Vec<_> = manifest.records.iter().chain(&manifest.file_lists).cloned().collect();
    watch.begin(Stage::Check, Some(files.iter().map(|file| file.bytes).sum()));
    let folder = folder.to_path_buf();
    on_thread(move || {
        files.iter().try_for_each(|file| verify(&folder, file, |bytes| watch.advance(Stage::Check, bytes)))
    })
    .await
}

async fn check_file(objects: &LocalFileSystem, line: Listed) -> Result<u64, MovingError> {
    let Listed::Here { path, bytes, checksum } = line else { return Ok(0) };
    let damaged = |why: String| MovingError::Damaged { file: path.clone(), why };
    if !is_ours(&path) {
        return Err(damaged("it is no file of a home".to_owned()));
    }
    let file = match objects.get(&FilePath::from(path.as_str())).await {
        Ok(file) => file,
        Err(object_store::Error::NotFound { .. }) => return Err(damaged("it is missing".to_owned())),
        Err(error) => return Err(error.into()),
    };
    let found_bytes = file.meta.size;
    if found_bytes != bytes {
        return Err(damaged(format!("it has {found_bytes} bytes and should have {bytes}")));
    }
    let found = checksum_of(file).await?;
    if found == checksum { Ok(1) } else { Err(damaged(why_wrong(Some(checksum), found))) }
}
