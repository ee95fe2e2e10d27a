//! Bytes in the repository: journals of every released format, and inputs that the fuzzer found worth keeping.
//! Fixtures are never rewritten; a new format version adds its own.

use std::{fs, path::Path};

use journal::{Journal, NewRecord, Options, Position, verify};

use crate::{
    recovery,
    support::{append, folder_disk, read_all},
};

const FORMAT_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/format-1");

/// Record `position` of the fixture.
fn fixture_record(position: u64) -> NewRecord {
    let byte = u8::try_from(position % 251).unwrap();
    let length = usize::try_from(position * 37 % 400).unwrap();
    let kind = u16::try_from(position % 5).unwrap();
    let key_id = u32::from(position.is_multiple_of(3));
    NewRecord { time_ms: 1_700_000_000_000 + position, kind, key_id, payload: vec![byte; length].into() }
}

fn fixture_options() -> Options {
    Options { segment_bytes: 16 * 1024, group_bytes_max: 4096, salt: 0xF1C5_0001, ..Options::default() }
}

/// D8: what a released version wrote, this one reads: archive, sealed and open segments, and goes on writing.
#[test]
fn a_journal_of_format_1_opens() {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(Path::new(FORMAT_1), folder.path());
    assert_eq!(verify(&*folder_disk(&folder)).unwrap().damage, None);
    let (journal, recovered) = Journal::open(folder_disk(&folder), fixture_options()).unwrap();
    assert_eq!((recovered.first, recovered.last), (Position(1), Position(120)));
    assert!(recovered.archived_segments >= 1 && recovered.segments >= 2);
    for (record, position) in read_all(&journal).unwrap().into_iter().zip(1..) {
        let expected = fixture_record(position);
        assert_eq!(record.position, Position(position));
        assert_eq!(
            (record.time_ms, record.kind, record.key_id),
            (expected.time_ms, expected.kind, expected.key_id)
        );
        assert_eq!(record.payload, expected.payload);
    }
    assert_eq!(append(&journal, vec![fixture_record(121)]).unwrap().last, Position(121));
}

/// How the fixture was made; run it by name, with `--run-ignored all`, only for a new format version.
#[test]
#[ignore = "writes the fixture of the present format version where there is none"]
fn make_the_fixture() {
    assert!(!Path::new(FORMAT_1).exists(), "released fixtures are never rewritten");
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder_disk(&folder), fixture_options()).unwrap();
    for position in (1..120).step_by(2) {
        append(&journal, vec![fixture_record(position), fixture_record(position + 1)]).unwrap();
    }
    journal.release(Position(50)).unwrap();
    drop(journal);
    copy_folder(folder.path(), Path::new(FORMAT_1));
}

#[test]
fn the_fuzz_corpus_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/recovery");
    let mut inputs = 0;
    for entry in fs::read_dir(folder).unwrap() {
        recovery::check(&fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 10, "the corpus is missing");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("archive")).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to.join(name));
        } else if entry.path().extension().is_some_and(|extension| extension == "segment") {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}
