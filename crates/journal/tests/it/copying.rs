//! Copies of a journal: whole, up to a record or a moment, of what is damaged further on, and of what must be refused.

use std::{fs, path::Path, sync::Arc};

use journal::{
    Copied, Disk, FileSystem, Journal, NewRecord, OpenError, Position, Until, copy, limits, verify,
};

use crate::support::{append, folder_disk, read_all, small_options};

/// Appends of three records each, `time_ms` ten times the position of the first; some segments, some archived.
fn source(appends: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder_disk(&folder), small_options()).unwrap();
    for first in (1..).step_by(3).take(usize::try_from(appends).unwrap()) {
        let record =
            |position: u64| NewRecord::new(1, first * 10, vec![1; usize::try_from(position).unwrap()]);
        append(&journal, (first..first + 3).map(record).collect()).unwrap();
    }
    journal.release(Position(200)).unwrap();
    journal.close().unwrap();
    folder
}

fn copied(from: &Path, until: Until) -> (tempfile::TempDir, Result<Copied, OpenError>) {
    let to = tempfile::tempdir().unwrap();
    let from = FileSystem::open_read_only(from).unwrap();
    let outcome = copy(&from, &*folder_disk(&to), until);
    (to, outcome)
}

fn positions(folder: &tempfile::TempDir) -> Vec<u64> {
    assert_eq!(verify(&*folder_disk(folder)).unwrap().damage, None);
    let (journal, _) = Journal::open(folder_disk(folder), small_options()).unwrap();
    let records = read_all(&journal).unwrap();
    for record in &records {
        assert_eq!(u64::try_from(record.payload.len()).unwrap(), record.position.0);
    }
    let last = append(&journal, vec![NewRecord::new(2, 0, "goes on")]).unwrap().last;
    assert_eq!(last.0, records.last().map_or(1, |record| record.position.0 + 1), "positions go on");
    records.iter().map(|record| record.position.0).collect()
}

#[test]
fn d8_a_copy_ends_at_the_last_whole_append_before_the_cut() {
    let from = source(100);
    let before = snapshot(from.path());
    for (until, last) in [
        (Until::End, 300),
        (Until::Position(Position(300)), 300),
        (Until::Position(Position(299)), 297),
        (Until::Position(Position(3)), 3),
        (Until::Position(Position(9_999)), 300),
        (Until::TimeMs(1_000), 102),
        (Until::TimeMs(1_510), 153),
        (Until::TimeMs(u64::MAX), 300),
    ] {
        let (to, outcome) = copied(from.path(), until);
        let outcome = outcome.unwrap();
        assert_eq!((outcome.first, outcome.last), (Position(1), Position(last)), "{until:?}");
        assert_eq!(outcome.last_time_ms, (last - 2) * 10, "{until:?}");
        assert_eq!(positions(&to), (1..=last).collect::<Vec<_>>(), "{until:?}");
    }
    let (_, nothing) = copied(from.path(), Until::TimeMs(5));
    assert_eq!(nothing.unwrap().last, Position::ZERO);
    assert_eq!(snapshot(from.path()), before, "the source is as it was");
}

#[test]
fn what_is_damaged_is_refused_unless_it_lies_behind_the_cut() {
    let from = source(100);
    let last = newest_segment(from.path());
    let mut bytes = fs::read(&last).unwrap();
    let first: u64 = last.file_stem().unwrap().to_str().unwrap()[13..].parse().unwrap();
    let header = usize::try_from(limits::SEGMENT_HEADER_BYTES).unwrap();
    bytes[header + 41] ^= 1;
    fs::write(&last, bytes).unwrap();
    for until in [Until::End, Until::Position(Position(first)), Until::TimeMs(u64::MAX)] {
        let (_, outcome) = copied(from.path(), until);
        assert!(matches!(outcome, Err(OpenError::Corrupt(_))), "{until:?}: {outcome:?}");
    }
    let (to, outcome) = copied(from.path(), Until::Position(Position(first - 1)));
    assert_eq!(outcome.unwrap().last, Position(first - 1));
    assert_eq!(positions(&to).len() as u64, first - 1);
}

#[test]
fn a_missing_segment_and_a_target_in_use_are_refused() {
    let from = source(100);
    let to = source(1);
    let source_disk = FileSystem::open_read_only(from.path()).unwrap();
    let outcome = copy(&source_disk, &*folder_disk(&to), Until::End);
    assert!(matches!(outcome, Err(OpenError::Io { .. })), "{outcome:?}");
    drop(source_disk);
    let archived: Vec<_> = fs::read_dir(from.path().join("archive")).unwrap().map(Result::unwrap).collect();
    let newest = archived.iter().map(fs::DirEntry::path).max().unwrap();
    fs::remove_file(newest).unwrap();
    let (_, outcome) = copied(from.path(), Until::End);
    assert!(matches!(outcome, Err(OpenError::Corrupt(_))), "{outcome:?}");
}

#[test]
fn a_folder_opened_to_be_read_is_not_changed_and_not_shared_with_a_writer() {
    let from = source(2);
    let writer = FileSystem::open(from.path()).unwrap();
    assert!(matches!(FileSystem::open_read_only(from.path()), Err(OpenError::Locked { .. })));
    drop(writer);
    let reader = Arc::new(FileSystem::open_read_only(from.path()).unwrap());
    assert!(reader.create("new.segment").is_err());
    assert!(reader.remove("lock").is_err());
    assert!(FileSystem::open_read_only(from.path().join("nowhere")).is_err());
    assert!(!from.path().join("nowhere").exists());
}

fn newest_segment(folder: &Path) -> std::path::PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "segment")).max().unwrap()
}

fn snapshot(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            files.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}
