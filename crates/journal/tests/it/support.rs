//! Helpers of the tests: small journals, and waiting for an append.
//! Holds no assertion about the journal itself.

use std::sync::{Arc, mpsc};

use journal::{
    AppendError, Appended, Disk, FileSystem, Hooks, Journal, NewRecord, Options, Position, ReadError, Record,
    Recovered, Stepper, simulated::SimulatedDisk,
};

/// Segments of four pages, groups of one: many roll-overs from few records.
pub(crate) fn small_options() -> Options {
    Options {
        segment_bytes: 16 * 1024,
        group_bytes_max: 4096,
        group_records_max: 64,
        pending_bytes_max: 64 * 1024,
        salt: 0x5EED,
        ..Options::default()
    }
}

pub(crate) fn folder_disk(folder: &tempfile::TempDir) -> Arc<dyn Disk> {
    Arc::new(FileSystem::open(folder.path()).unwrap())
}

pub(crate) fn stepped(disk: &SimulatedDisk, options: &Options) -> (Journal, Stepper, Recovered) {
    Journal::open_stepped(Arc::new(disk.clone()), options.clone(), Hooks::default()).unwrap()
}

pub(crate) fn record(payload: impl Into<Vec<u8>>) -> NewRecord {
    NewRecord::new(7, 1_700_000_000_000, payload.into())
}

/// Appends and waits for the acknowledgement.
pub(crate) fn append(journal: &Journal, records: Vec<NewRecord>) -> Result<Appended, AppendError> {
    let (sender, receiver) = mpsc::channel();
    journal.append(records, move |outcome| sender.send(outcome).unwrap())?;
    receiver.recv().unwrap()
}

/// Appends to a stepped journal and commits.
pub(crate) fn append_stepped(
    journal: &Journal,
    stepper: &mut Stepper,
    payload: impl Into<Vec<u8>>,
) -> Position {
    let (sender, receiver) = mpsc::channel();
    journal.append(vec![record(payload)], move |outcome| sender.send(outcome).unwrap()).unwrap();
    while stepper.commit() {}
    receiver.try_recv().unwrap().unwrap().last
}

pub(crate) fn read_all(journal: &Journal) -> Result<Vec<Record>, ReadError> {
    let mut records = Vec::new();
    let mut reader = journal.reader(journal.first());
    while reader.read(100, 1 << 16, &mut records)? > 0 {}
    Ok(records)
}

pub(crate) fn payloads(records: &[Record]) -> Vec<Vec<u8>> {
    records.iter().map(|record| record.payload.to_vec()).collect()
}
