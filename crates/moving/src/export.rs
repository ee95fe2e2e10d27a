//! A home into a folder: records beside files, the manifest last.
//! Invariant: until the new manifest is there the old one holds, with everything it names; files that are copied already
//! are kept, so that an export that was interrupted, or tried before, goes on with them.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use chat::{AttachmentId, AvatarId, Portable, TimestampMs, UserId, attachment::Shown};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{ObjectStore, ObjectStoreExt as _, local::LocalFileSystem, path::Path as FilePath};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    House,
    blobs::{FOLDERS, Listed, Outcome, Wanted, copy, why_wrong},
    error::{MovingError, first_cause, io},
    limits::{FILES_AT_ONCE, RECORDS_WAITING_MAX},
    manifest::{FORMAT, Manifest, RecordFile, sync_folder},
    read_out::{Out, check_idle, patiently, read_out},
    records::RecordWriter,
    tally::Tally,
    watch::{Stage, Watch},
};

/// Where files lie in the folder, under the names they have in a home.
pub(crate) const OBJECTS: &str = "objects";
/// What names of folders of records begin with.
const RECORDS: &str = "records-";

/// What an export says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exporter {
    /// Names the export: a new UUIDv7.
    pub export_id: Uuid,
    /// The program and its version.
    pub program: String,
    /// Now.
    pub made_at_ms: TimestampMs,
}

/// Files and their sizes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct FileSums {
    files: u64,
    bytes: u64,
    missing: u64,
}

/// Exports a home that nobody uses into a folder.
///
/// # Errors
/// [`MovingError`]; `Busy` and `InUse` say that the home is used. The folder's last finished export, if there is one,
/// stays; files that were copied stay for the next try.
pub async fn export(
    house: &House,
    folder: &Path,
    exporter: Exporter,
    watch: Arc<dyn Watch>,
) -> Result<Manifest, MovingError> {
    check_idle(house).await?;
    let records = format!("{RECORDS}{}", exporter.export_id);
    let objects = prepare(folder, Some(&records))?;
    watch.begin(Stage::Records, None);
    watch.begin(Stage::Files, None);
    let (to_writer, from_reader) = mpsc::channel(RECORDS_WAITING_MAX);
    let (to_copier, wanted) = mpsc::channel(RECORDS_WAITING_MAX);
    let (to_lister, listed) = mpsc::channel(RECORDS_WAITING_MAX);
    let out = Out { records: to_writer, files: Some(to_copier) };
    let reading = async move { read_out(house, &out).await };
    let writing = write_records(folder, &records, from_reader, Arc::clone(&watch));
    let copying = copy_wanted(&*house.files, &objects, wanted, to_lister, &*watch);
    let listing = write_list(folder, &records, listed);
    let (read, written, copied, listed) = tokio::join!(reading, writing, copying, listing);
    let failed = [read.err(), copied.err()].into_iter().flatten();
    let (written, written_error) = apart(written);
    let (listed, listed_error) = apart(listed);
    let errors = failed.chain(written_error).chain(listed_error);
    if let Some(error) = errors.reduce(|one, other| first_cause(one, Some(other))) {
        return Err(error);
    }
    let (Some((record_files, tally)), Some((file_lists, sums))) = (written, listed) else {
        return Err(MovingError::Stopped);
    };
    check_idle(house).await?;
    sync_folder(&folder.join(&records))?;
    let manifest = Manifest {
        format: FORMAT,
        export_id: exporter.export_id,
        program: exporter.program,
        made_at_ms: exporter.made_at_ms,
        epoch: house.store.epoch().uuid(),
        records: record_files,
        file_lists,
        counts: tally.counts(),
        files: sums.files,
        file_bytes: sums.bytes,
        files_missing: sums.missing,
        seal: String::new(),
    };
    let manifest = manifest.write(folder)?;
    remove_others(folder, &records)?;
    remove_unknown(house, &objects).await?;
    Ok(manifest)
}

/// Copies the files of a home that may be in use, so that a later export finds them there. Returns how many are copied
/// now.
///
/// # Errors
/// The files cannot be read or written; what was copied stays.
pub async fn export_files(
    files: &dyn ObjectStore,
    folder: &Path,
    watch: &dyn Watch,
) -> Result<u64, MovingError> {
    let objects = prepare(folder, None)?;
    watch.begin(Stage::Files, None);
    let mut copied = 0;
    for folder in FOLDERS {
        let folder = FilePath::from(folder);
        let listed = files.list(Some(&folder)).map_err(MovingError::from);
        let copies = listed.map_ok(|file| {
            let objects = &objects;
            async move {
                if objects.head(&file.location).await.is_ok_and(|there| there.size == file.size) {
                    return Ok(0);
                }
                // One that is gone meanwhile belongs to nothing any more.
                let outcome = copy(files, objects, &file.location, None, true).await?;
                Ok(u64::from(matches!(outcome, Outcome::Copied(_))))
            }
        });
        let mut copies = copies.try_buffer_unordered(FILES_AT_ONCE);
        while let Some(count) = copies.try_next().await? {
            copied += count;
            watch.advance(Stage::Files, 1);
        }
    }
    Ok(copied)
}

/// The files of an export.
pub(crate) fn objects(folder: &Path) -> Result<LocalFileSystem, MovingError> {
    Ok(LocalFileSystem::new_with_prefix(folder.join(OBJECTS))?.with_fsync(true))
}

/// Makes the folder, and nobody else's eyes may look into it.
fn prepare(folder: &Path, records: Option<&str>) -> Result<LocalFileSystem, MovingError> {
    let kept = Manifest::read(folder).ok().map(|manifest| format!("{RECORDS}{}", manifest.export_id));
    for name in [Some(OBJECTS), records].into_iter().flatten() {
        let path = folder.join(name);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(io("make", path))?;
    }
    // What an interrupted export left of records is of no use: the home may have changed since.
    for path in record_folders(folder)? {
        let name = path.file_name().and_then(|name| name.to_str());
        if name != records && name != kept.as_deref() {
            fs::remove_dir_all(&path).map_err(io("remove", path))?;
        }
    }
    objects(folder)
}

fn remove_others(folder: &Path, records: &str) -> Result<(), MovingError> {
    for path in record_folders(folder)? {
        if path.file_name().and_then(|name| name.to_str()) != Some(records) {
            fs::remove_dir_all(&path).map_err(io("remove", path))?;
        }
    }
    Ok(())
}

fn record_folders(folder: &Path) -> Result<Vec<PathBuf>, MovingError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io("read", folder))? {
        let entry = entry.map_err(io("read", folder))?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(RECORDS)) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

async fn write_records(
    folder: &Path,
    records: &str,
    mut from: mpsc::Receiver<Portable>,
    watch: Arc<dyn Watch>,
) -> Result<(Vec<RecordFile>, Tally), MovingError> {
    let mut writer = RecordWriter::new(folder, format!("{records}/records"));
    on_thread(move || {
        let mut tally = Tally::default();
        while let Some(record) = from.blocking_recv() {
            tally.add(&record);
            writer.add(&record)?;
            watch.advance(Stage::Records, record.count() as u64);
        }
        Ok((writer.finish()?, tally))
    })
    .await
}

async fn write_list(
    folder: &Path,
    records: &str,
    mut from: mpsc::Receiver<Listed>,
) -> Result<(Vec<RecordFile>, FileSums), MovingError> {
    let mut writer = RecordWriter::new(folder, format!("{records}/files"));
    on_thread(move || {
        let mut sums = FileSums::default();
        while let Some(listed) = from.blocking_recv() {
            writer.add(&listed)?;
            match listed {
                Listed::Here { bytes, .. } => {
                    sums.files += 1;
                    sums.bytes += bytes;
                }
                Listed::Missing { .. } => sums.missing += 1,
            }
        }
        Ok((writer.finish()?, sums))
    })
    .await
}

/// Runs what blocks.
pub(crate) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MovingError> + Send + 'static,
) -> Result<T, MovingError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(MovingError::Stopped))
}

async fn copy_wanted(
    from: &dyn ObjectStore,
    objects: &LocalFileSystem,
    mut wanted: mpsc::Receiver<Wanted>,
    listed: mpsc::Sender<Listed>,
    watch: &dyn Watch,
) -> Result<(), MovingError> {
    let all = stream::poll_fn(move |context| wanted.poll_recv(context));
    let copies = all.map(|wanted| copy_one(from, objects, wanted, watch)).buffer_unordered(FILES_AT_ONCE);
    copies
        .try_for_each(|line| async {
            watch.advance(Stage::Files, 1);
            listed.send(line).await.map_err(|_| MovingError::Stopped)
        })
        .await
}

async fn copy_one(
    from: &dyn ObjectStore,
    objects: &LocalFileSystem,
    wanted: Wanted,
    watch: &dyn Watch,
) -> Result<Listed, MovingError> {
    let Wanted { path, checksum: expected } = wanted;
    let missing = |why: String| {
        watch.note(&format!("{path} is left out: {why}"));
        Listed::Missing { path: path.to_string(), why }
    };
    Ok(match copy(from, objects, &path, expected, true).await? {
        Outcome::Copied(copied) => {
            Listed::Here { path: path.to_string(), bytes: copied.bytes, checksum: copied.checksum }
        }
        Outcome::Absent => missing("the home does not have it".to_owned()),
        Outcome::Wrong { found } => missing(why_wrong(expected, found)),
    })
}

/// Removes files that were copied once and that the home has forgotten since.
async fn remove_unknown(house: &House, objects: &LocalFileSystem) -> Result<(), MovingError> {
    let mut files = objects.list(None);
    while let Some(file) = files.try_next().await? {
        if !is_known(house, &file.location).await? {
            objects.delete(&file.location).await?;
        }
    }
    Ok(())
}

async fn is_known(house: &House, path: &FilePath) -> Result<bool, MovingError> {
    let parts: Vec<String> = path.parts().map(|part| part.as_ref().to_owned()).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let store = &house.store;
    match parts[..] {
        ["files" | "thumbnails", id] => {
            let Ok(id) = id.parse::<AttachmentId>() else { return Ok(false) };
            let entry = patiently(async || store.upload(id).await).await?;
            Ok(entry.is_some_and(|entry| entry.shown != Some(Shown::Erased)))
        }
        ["avatars", user, avatar] => {
            let (Ok(user), Ok(avatar)) = (user.parse::<UserId>(), avatar.parse::<AvatarId>()) else {
                return Ok(false);
            };
            let profiles = patiently(async || store.profiles(&[user]).await).await?;
            Ok(profiles.first().is_some_and(|profile| profile.avatar == Some(avatar)))
        }
        _ => Ok(false),
    }
}

fn apart<T>(outcome: Result<T, MovingError>) -> (Option<T>, Option<MovingError>) {
    match outcome {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    }
}
