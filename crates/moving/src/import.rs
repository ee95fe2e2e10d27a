//! A folder into a new home: checked first, then taken in, read again and compared, and only then given free.
//! Invariant: how far it is stands in the home itself, so that the same import, interrupted anywhere, goes on.

use std::{path::Path, sync::Arc};

use chat::{Epoch, Portable};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path as FilePath;
use tokio::sync::mpsc;

use crate::{
    House,
    blobs::{Listed, Outcome, copy, is_ours, why_wrong},
    check::check_records,
    error::{MovingError, first_cause},
    export::{objects, on_thread},
    limits::{BLOCKS_AT_ONCE, BLOCKS_PER_NOTE, FILES_AT_ONCE, RECORDS_WAITING_MAX},
    manifest::Manifest,
    read_out::{Out, check_idle, patiently, read_out},
    records::RecordReader,
    tally::Tally,
    watch::{Stage, Watch},
};

/// How to take an export in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportOptions {
    /// Whether something of the history is taken back, because the old home went on after the export: clients load it
    /// anew (D4). Otherwise they go on where they are.
    pub is_history_new: bool,
    /// Whether everything is read again and compared.
    pub is_verified: bool,
}

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What the folder says.
    pub manifest: Manifest,
    /// Blocks of records that an earlier try had taken in.
    pub blocks_before: u64,
    /// An earlier try had finished: nothing was done.
    pub was_finished: bool,
    /// Files copied now; others were there from an earlier try.
    pub files_copied: u64,
}

/// Takes the export in a folder into a new home, or goes on with it. Nobody may serve the home meanwhile, and nobody
/// can until it is finished.
///
/// # Errors
/// [`MovingError`]. The same import may be tried again unless the text says otherwise.
pub async fn import(
    house: &House,
    folder: &Path,
    options: ImportOptions,
    watch: Arc<dyn Watch>,
) -> Result<Imported, MovingError> {
    let manifest = Manifest::read(folder)?;
    let export = manifest.export_id.as_u128();
    let blocks_before = match patiently(async || house.moving.arrival().await).await? {
        Some(arrival) if arrival.export == export && arrival.is_finished => {
            let blocks_before = arrival.batches;
            return Ok(Imported { manifest, blocks_before, was_finished: true, files_copied: 0 });
        }
        Some(arrival) if arrival.export == export => arrival.batches,
        Some(arrival) if !arrival.is_finished => return Err(MovingError::TakenByAnother),
        _ => 0,
    };
    if blocks_before == 0 {
        begin(house, &manifest, manifest.epoch_for(options)).await?;
    }
    check_records(folder, &manifest, Arc::clone(&watch)).await?;
    let records = take_in_records(house, folder, &manifest, blocks_before, &*watch);
    let files = take_in_files(house, folder, &manifest, &*watch);
    let ((), files_copied) = tokio::try_join!(records, files)?;
    if options.is_verified {
        compare(house, &manifest, Arc::clone(&watch)).await?;
    }
    patiently(async || house.moving.finish().await).await?;
    Ok(Imported { manifest, blocks_before, was_finished: false, files_copied })
}

async fn begin(house: &House, manifest: &Manifest, epoch: Epoch) -> Result<(), MovingError> {
    use chat::ports::ErrorKind;
    let export = manifest.export_id.as_u128();
    // Begun by an earlier try that came no further than its first blocks: what is there is its own.
    let is_begun =
        patiently(async || house.moving.arrival().await).await?.is_some_and(|own| own.export == export);
    if !is_begun && !patiently(async || house.moving.is_vacant().await).await? {
        return Err(MovingError::NotVacant);
    }
    check_idle(house).await?;
    match house.moving.begin(export, epoch).await {
        Err(error) if error.kind == ErrorKind::Invalid => Err(MovingError::WrongEpoch),
        Err(error) if error.kind == ErrorKind::Conflict => Err(MovingError::TakenByAnother),
        begun => Ok(begun?),
    }
}

async fn take_in_records(
    house: &House,
    folder: &Path,
    manifest: &Manifest,
    first: u64,
    watch: &dyn Watch,
) -> Result<(), MovingError> {
    watch.begin(Stage::Records, Some(manifest.things()));
    let (to_home, blocks) = mpsc::channel::<Vec<Portable>>(BLOCKS_AT_ONCE);
    let (folder, files) = (folder.to_path_buf(), manifest.records.clone());
    let reading = on_thread(move || {
        let mut reader = RecordReader::new(&folder, &files, first)?;
        while let Some(records) = reader.next::<Portable>()? {
            if to_home.blocking_send(records).is_err() {
                return Err(MovingError::Stopped);
            }
        }
        Ok(())
    });
    // Ending, it drops the channel, and so the reader ends too.
    let taking_in = async move {
        let mut blocks = blocks;
        let all = stream::poll_fn(|context| blocks.poll_recv(context));
        let mut taken_in =
            std::pin::pin!(all.map(|block| take_in_block(house, block)).buffered(BLOCKS_AT_ONCE));
        let mut reached = first;
        while let Some(things) = taken_in.try_next().await? {
            reached += 1;
            watch.advance(Stage::Records, things);
            if reached.is_multiple_of(BLOCKS_PER_NOTE) {
                patiently(async || house.moving.reached(reached).await).await?;
            }
        }
        patiently(async || house.moving.reached(reached).await).await
    };
    let (read, taken_in) = tokio::join!(reading, taking_in);
    match (read, taken_in) {
        (Err(one), other) => Err(first_cause(one, other.err())),
        (Ok(()), taken_in) => taken_in,
    }
}

async fn take_in_block(house: &House, records: Vec<Portable>) -> Result<u64, MovingError> {
    let things = records.iter().map(Portable::count).sum::<usize>() as u64;
    patiently(async || house.moving.take_in(records.clone()).await).await?;
    Ok(things)
}

/// Returns how many were copied now.
async fn take_in_files(
    house: &House,
    folder: &Path,
    manifest: &Manifest,
    watch: &dyn Watch,
) -> Result<u64, MovingError> {
    watch.begin(Stage::Files, Some(manifest.files));
    let objects = objects(folder)?;
    let mut lists = RecordReader::new(folder, &manifest.file_lists, 0)?;
    let mut copied = 0;
    while let Some(lines) = lists.next::<Listed>()? {
        let copies = stream::iter(lines).map(|line| take_in_file(house, &objects, line));
        let mut copies = copies.buffer_unordered(FILES_AT_ONCE);
        while let Some(was_copied) = copies.try_next().await? {
            if let Some(was_copied) = was_copied {
                copied += u64::from(was_copied);
                watch.advance(Stage::Files, 1);
            }
        }
    }
    Ok(copied)
}

/// Whether a file was copied now; `None` for one that is not in the folder.
async fn take_in_file(
    house: &House,
    objects: &object_store::local::LocalFileSystem,
    line: Listed,
) -> Result<Option<bool>, MovingError> {
    let Listed::Here { path, checksum, .. } = line else { return Ok(None) };
    let damaged = |why: String| Err(MovingError::Damaged { file: path.clone(), why });
    if !is_ours(&path) {
        return damaged("it is no file of a home".to_owned());
    }
    match copy(objects, &*house.files, &FilePath::from(path.as_str()), Some(checksum), false).await? {
        Outcome::Copied(copied) => Ok(Some(!copied.was_there)),
        Outcome::Absent => damaged("it is missing".to_owned()),
        Outcome::Wrong { found } => damaged(why_wrong(Some(checksum), found)),
    }
}

/// Reads the home out again: it holds what the folder holds, nothing less and nothing else.
async fn compare(house: &House, manifest: &Manifest, watch: Arc<dyn Watch>) -> Result<(), MovingError> {
    watch.begin(Stage::Verify, Some(manifest.things()));
    let (to_tally, mut records) = mpsc::channel::<Portable>(RECORDS_WAITING_MAX);
    let out = Out { records: to_tally, files: None };
    let reading = async move { read_out(house, &out).await };
    let summing = on_thread(move || {
        let mut tally = Tally::default();
        while let Some(record) = records.blocking_recv() {
            tally.add(&record);
            watch.advance(Stage::Verify, record.count() as u64);
        }
        Ok(tally)
    });
    let (read, tally) = tokio::join!(reading, summing);
    read?;
    tally?.differs(&manifest.counts).map_or(Ok(()), |kind| Err(MovingError::Different { kind }))
}
