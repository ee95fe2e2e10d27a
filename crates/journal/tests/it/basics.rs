//! A journal in a real folder: opening, appending, reading, closing, and refusing.
//! What crashes do to it is in `crashes.rs`.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use journal::{
    AppendError, Archive, FileSystem, Hooks, Journal, NewRecord, OpenError, Options, Position, ReadError,
    limits, verify,
};

use crate::support::{append, folder_disk, payloads, read_all, record, small_options};

#[test]
fn an_empty_folder_becomes_an_empty_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, recovered) = Journal::open(folder_disk(&folder), Options::default()).unwrap();
    assert!(recovered.created);
    assert_eq!((recovered.first, recovered.last), (Position(1), Position::ZERO));
    assert_eq!(journal.committed(), Position::ZERO);
    assert_eq!(read_all(&journal).unwrap(), []);
}

#[test]
fn records_come_back_as_they_were_given_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let given = NewRecord { time_ms: u64::MAX, kind: 65_535, key_id: 42, payload: vec![1, 2, 3].into() };
    {
        let (journal, _) = Journal::open(folder_disk(&folder), Options::default()).unwrap();
        let appended = append(&journal, vec![given.clone(), record([])]).unwrap();
        assert_eq!((appended.first, appended.last), (Position(1), Position(2)));
        journal.close().unwrap();
    }
    let (journal, recovered) = Journal::open(folder_disk(&folder), Options::default()).unwrap();
    assert_eq!((recovered.last, recovered.cut_bytes, recovered.created), (Position(2), 0, false));
    let records = read_all(&journal).unwrap();
    let first = &records[0];
    assert_eq!(
        (first.position, first.time_ms, first.kind, first.key_id),
        (Position(1), u64::MAX, 65_535, 42)
    );
    assert_eq!(first.payload, given.payload);
    assert_eq!(records[1].payload.len(), 0);
    assert_eq!(append(&journal, vec![record("more")]).unwrap().first, Position(3));
}

#[test]
fn the_largest_payload_fits_and_one_byte_more_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder_disk(&folder), Options::default()).unwrap();
    let largest = vec![0xA5; limits::RECORD_PAYLOAD_BYTES_MAX];
    append(&journal, vec![record(largest.clone())]).unwrap();
    let outcome = append(&journal, vec![record(vec![0; limits::RECORD_PAYLOAD_BYTES_MAX + 1])]);
    assert!(matches!(outcome, Err(AppendError::Size { records: 1, .. })), "{outcome:?}");
    assert!(matches!(append(&journal, vec![]), Err(AppendError::Size { records: 0, .. })));
    assert_eq!(payloads(&read_all(&journal).unwrap()), [largest]);
}

#[test]
fn a_second_opening_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = FileSystem::open(folder.path()).unwrap();
    assert!(matches!(FileSystem::open(folder.path()), Err(OpenError::Locked { .. })));
    drop(first);
    FileSystem::open(folder.path()).unwrap();
}

/// D1, D3: acknowledgements come in the order of positions, each after its records can be read.
#[test]
fn many_appenders_get_contiguous_positions_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 1 << 20, group_bytes_max: 1 << 16, ..Options::default() };
    let (journal, _) = Journal::open(folder_disk(&folder), options).unwrap();
    let (sender, receiver) = mpsc::channel();
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for appender in 0..4_u8 {
            let (journal, sender, start) = (&journal, sender.clone(), &start);
            scope.spawn(move || {
                start.wait();
                for count in 0..1000_usize {
                    let records = (0..=count % 3).map(|_| record(vec![appender; count % 700])).collect();
                    let sender = sender.clone();
                    journal.append(records, move |outcome| sender.send(outcome.unwrap()).unwrap()).unwrap();
                }
            });
        }
    });
    drop(sender);
    journal.close().unwrap();
    let mut next = Position(1);
    for appended in receiver {
        assert_eq!(appended.first, next);
        next = appended.last.next();
    }
    assert_eq!(read_all(&journal).unwrap().len(), usize::try_from(next.0 - 1).unwrap());
    assert_eq!(journal.committed().next(), next);
}

#[test]
fn after_close_nothing_is_accepted_but_what_was_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder_disk(&folder), Options::default()).unwrap();
    let told = Arc::new(AtomicU64::new(0));
    for _ in 0..100 {
        let told = Arc::clone(&told);
        let done = move |outcome: Result<_, _>| {
            told.fetch_add(u64::from(outcome.is_ok()), Ordering::SeqCst);
        };
        journal.append(vec![record("x")], done).unwrap();
    }
    journal.close().unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 100);
    assert!(matches!(append(&journal, vec![record("y")]), Err(AppendError::Closed)));
    assert_eq!(journal.wait_committed(Position(100), Duration::from_secs(3600)), Position(100));
}

#[test]
fn the_last_handle_may_be_dropped_by_a_waiter() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder_disk(&folder), Options::default()).unwrap();
    let (sender, receiver) = mpsc::channel();
    let journal = Arc::new(journal);
    let held = Arc::clone(&journal);
    let (give, take) = mpsc::channel::<()>();
    let done = move |_| {
        take.recv().unwrap();
        drop(held);
        sender.send(()).unwrap();
    };
    journal.append(vec![record("x")], done).unwrap();
    drop(journal);
    give.send(()).unwrap();
    receiver.recv().unwrap();
}

#[test]
fn watchers_and_hooks_hear_of_commits() {
    let folder = tempfile::tempdir().unwrap();
    let heard = Arc::new(AtomicU64::new(0));
    let hooks = Hooks {
        on_commit: Some(Box::new({
            let heard = Arc::clone(&heard);
            move |position| heard.store(position.0, Ordering::SeqCst)
        })),
        on_failure: None,
    };
    let (journal, _) = Journal::open_with(folder_disk(&folder), Options::default(), hooks).unwrap();
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| journal.wait_committed(Position::ZERO, Duration::from_secs(60)));
        append(&journal, vec![record("x")]).unwrap();
        watcher.join().unwrap()
    });
    assert_eq!(seen, Position(1));
    assert_eq!(heard.load(Ordering::SeqCst), 1);
}

/// D6: what waits for the disk is bounded, and the error says that trying again may help.
#[test]
fn too_much_at_once_is_refused_as_full() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder_disk(&folder);
    let (journal, mut stepper, _) = Journal::open_stepped(disk, small_options(), Hooks::default()).unwrap();
    let error = loop {
        if let Err(error) = journal.append(vec![record(vec![0; 1000])], |_| ()) {
            break error;
        }
    };
    assert!(matches!(error, AppendError::Full) && error.is_retryable(), "{error:?}");
    while stepper.commit() {}
    assert_eq!(journal.committed(), Position(64 * 1024 / 1040));
    journal.append(vec![record("again")], |_| ()).unwrap();
}

#[test]
fn a_reader_stops_at_its_bounds_and_always_brings_one_record() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder_disk(&folder), Options::default()).unwrap();
    append(&journal, (0..10).map(|_| record(vec![0; 100])).collect()).unwrap();
    let mut reader = journal.reader(Position(1));
    let mut out = Vec::new();
    assert_eq!(reader.read(3, 1 << 20, &mut out).unwrap(), 3);
    assert_eq!(reader.read(100, 150, &mut out).unwrap(), 2);
    assert_eq!(reader.read(100, 0, &mut out).unwrap(), 1);
    assert_eq!(reader.position(), Position(7));
    assert_eq!(reader.read(100, 1 << 20, &mut out).unwrap(), 4);
    assert_eq!(reader.read(100, 1 << 20, &mut out).unwrap(), 0);
    let positions: Vec<_> = out.iter().map(|record| record.position.0).collect();
    assert_eq!(positions, (1..=10).collect::<Vec<_>>());
}

#[test]
fn a_reader_at_the_head_sees_what_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder_disk(&folder), small_options()).unwrap();
    let mut reader = journal.reader(Position(1));
    let mut out = Vec::new();
    for count in 1..=200_u64 {
        assert_eq!(append(&journal, vec![record(count.to_le_bytes())]).unwrap().last, Position(count));
        assert_eq!(reader.read(10, 1 << 20, &mut out).unwrap(), 1);
        assert_eq!(out.last().unwrap().payload, &count.to_le_bytes()[..]);
        assert_eq!(reader.read(10, 1 << 20, &mut out).unwrap(), 0);
    }
}

#[test]
fn released_segments_are_archived_readable_and_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder_disk(&folder), small_options()).unwrap();
    for count in 0..100_u8 {
        append(&journal, vec![record(vec![count; 500])]).unwrap();
    }
    let mut reader = journal.reader(Position(1));
    let mut out = Vec::new();
    reader.read(5, 1 << 20, &mut out).unwrap();
    assert!(journal.release(Position(90)).unwrap() > 1);
    assert_eq!(journal.first(), Position(1));
    while reader.read(7, 1 << 20, &mut out).unwrap() > 0 {}
    assert_eq!(out.len(), 100);
    assert!(journal.prune(Position(60)).unwrap() > 0);
    let first = journal.first();
    assert!(first > Position(1) && first <= Position(60), "{first}");
    let error = journal.reader(Position(1)).read(1, 1, &mut out).unwrap_err();
    assert!(matches!(error, ReadError::Released { first: at, .. } if at == first), "{error:?}");
    drop((journal, reader));
    let disk = folder_disk(&folder);
    assert_eq!(verify(&*disk).unwrap().first, first);
    let (journal, recovered) = Journal::open(disk, small_options()).unwrap();
    assert_eq!((recovered.first, recovered.last), (first, Position(100)));
    assert!(recovered.archived_segments > 0);
    assert_eq!(read_all(&journal).unwrap().len(), usize::try_from(101 - first.0).unwrap());
}

#[test]
fn recycled_files_serve_again_and_their_readers_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { archive: Archive::Recycle, ..small_options() };
    let (journal, _) = Journal::open(folder_disk(&folder), options).unwrap();
    let mut lagging = journal.reader(Position(1));
    let mut out = Vec::new();
    for count in 0..500_u64 {
        let appended = append(&journal, vec![record(vec![0; 300])]).unwrap();
        if count == 3 {
            lagging.read(1, 1, &mut out).unwrap();
        }
        if count % 50 == 0 {
            journal.release(appended.last).unwrap();
        }
    }
    let error = lagging.read(1, 1, &mut out).unwrap_err();
    assert!(matches!(error, ReadError::Released { .. }), "{error:?}");
    assert!(read_all(&journal).unwrap().len() > 40);
    assert!(journal.first() > Position(300));
}

#[test]
fn impossible_options_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 5000, ..small_options() };
    let outcome = Journal::open(folder_disk(&folder), options);
    assert!(matches!(outcome, Err(OpenError::Options(_))));
    let options = Options { segment_bytes: 8192, group_bytes_max: 4104, ..small_options() };
    assert!(matches!(Journal::open(folder_disk(&folder), options), Err(OpenError::Options(_))));
}
