//! What the fuzzer and the replay of its corpus do with one input: a journal on a disk made of arbitrary bytes.
//! Whatever the bytes, opening never panics, and every record that is read has a valid checksum where it lies.

use std::sync::Arc;

use journal::{
    Disk, Hooks, Journal, Options, Position, Record,
    format::{RECORD_HEADER_BYTES, RecordHeader, SegmentHeader, payload_sum, stride},
    limits,
    simulated::SimulatedDisk,
    verify,
};

const SALT: u32 = 77;
const HEADER: usize = 4096;

/// Builds a disk from the input, opens a journal on it, and checks what it reads.
pub(crate) fn check(input: &[u8]) {
    let Some((mode, input)) = input.split_first() else { return };
    let disk = SimulatedDisk::new(u64::from(*mode));
    match mode % 3 {
        0 => put(&disk, 1, 1, raw(1, 1, input)),
        1 => put(&disk, 1, 1, edited(input)),
        _ => {
            let (first, second) = input.split_at(input.len() / 2);
            put(&disk, 1, 1, edited(first));
            put(&disk, 2, 7, raw(2, 7, second));
        }
    }
    let options = Options { segment_bytes: 1 << 20, group_bytes_max: 1 << 16, ..Options::default() };
    let verified = verify(&disk);
    let opened = Journal::open_stepped(Arc::new(disk.clone()), options, Hooks::default());
    let Ok((journal, mut stepper, recovered)) = opened else { return };
    let mut records = Vec::new();
    let mut reader = journal.reader(Position(1));
    let read_to_end = loop {
        match reader.read(64, 1 << 16, &mut records) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(_) => break false,
        }
    };
    check_records(&disk, &records);
    assert!(!read_to_end || records.len() as u64 == recovered.last.0);
    let sound = verified.is_ok_and(|verified| verified.damage.is_none());
    assert!(!sound || read_to_end, "verified, but cannot be read");
    // Whatever was found, the journal works from there on.
    journal.append(vec![journal::NewRecord::new(1, 2, "more")], |outcome| assert!(outcome.is_ok())).unwrap();
    while stepper.commit() {}
    assert_eq!(journal.committed(), recovered.last.next());
}

/// Each record lies somewhere in a segment file, byte for byte, with a checksum that fits.
fn check_records(disk: &SimulatedDisk, records: &[Record]) {
    let names = disk.list().unwrap();
    let files: Vec<_> = names.iter().filter_map(|name| disk.contents(name)).collect();
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record.position.0, index as u64 + 1);
        let found =
            files.iter().any(|file| (HEADER..file.len()).step_by(8).any(|at| lies_at(file, at, record)));
        assert!(found, "record {} was made up", record.position);
    }
}

fn lies_at(file: &[u8], at: usize, record: &Record) -> bool {
    let Some(header) = RecordHeader::decode(&file[at..]) else { return false };
    let begin = at + RECORD_HEADER_BYTES;
    header.position == record.position.0
        && file.get(begin..begin + record.payload.len()) == Some(&record.payload[..])
        && header.payload_bytes() == record.payload.len()
        && header.fits(SALT, &record.payload)
}

fn put(disk: &SimulatedDisk, number: u64, first: u64, bytes: Vec<u8>) {
    disk.put(&format!("{number:012}-{first:020}.segment"), bytes);
}

/// A valid header, then the input as it is.
fn raw(number: u64, first: u64, input: &[u8]) -> Vec<u8> {
    let mut bytes = SegmentHeader { number, first: Position(first), salt: SALT }.encode();
    bytes.extend_from_slice(&input[..input.len().min(64 * 1024)]);
    bytes
}

/// Six valid records in three groups, then edits: each of four bytes, offset (2), new value, and whether to make the
/// record's checksum fit again.
fn edited(input: &[u8]) -> Vec<u8> {
    let mut bytes = raw(1, 1, &[]);
    let mut starts = Vec::new();
    for (position, group_start) in [(1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (6, 4)] {
        let payload = vec![0xEE; 20 * usize::try_from(position).unwrap()];
        let length = u32::try_from(payload.len()).unwrap();
        let header = RecordHeader {
            length,
            checksum: 0,
            position,
            group_start,
            time_ms: 5,
            key_id: 0,
            kind: 1,
            flags: 1,
        };
        starts.push(bytes.len());
        bytes.extend_from_slice(&header.sealed(payload_sum(SALT, &payload)).encode());
        bytes.extend_from_slice(&payload);
        bytes.resize(bytes.len() + stride(payload.len()) - RECORD_HEADER_BYTES - payload.len(), 0);
    }
    bytes.resize(bytes.len() + 200, 0);
    for edit in input.chunks_exact(4).take(64) {
        let offset = HEADER + usize::from(u16::from_le_bytes([edit[0], edit[1]])) % (bytes.len() - HEADER);
        bytes[offset] = edit[2];
        let start = starts.iter().rev().find(|start| **start <= offset);
        if let (Some(start), 1) = (start, edit[3] % 2) {
            mend(&mut bytes, *start);
        }
    }
    bytes
}

fn mend(bytes: &mut [u8], start: usize) {
    let Some(header) = RecordHeader::decode(&bytes[start..]) else { return };
    let begin = start + RECORD_HEADER_BYTES;
    let Some(payload) = bytes.get(begin..begin.saturating_add(header.payload_bytes())) else { return };
    if payload.len() <= limits::RECORD_PAYLOAD_BYTES_MAX {
        let sealed = header.sealed(payload_sum(SALT, payload)).encode();
        bytes[start..begin].copy_from_slice(&sealed);
    }
}
