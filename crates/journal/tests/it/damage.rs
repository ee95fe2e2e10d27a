//! Damage and failure, each at a known place: what is cut, what refuses to open and where, who is told.
//! The random counterpart is `crashes.rs`.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use journal::{
    AppendError, Archive, Damage, Disk, Hooks, Journal, MaintainError, OpenError, Options, Position,
    ReadError,
    format::{FLAG_APPEND_END, RecordHeader, payload_sum},
    simulated::SimulatedDisk,
    verify,
};

use crate::support::{append, append_stepped, payloads, read_all, record, small_options, stepped};

const HEADER: usize = 4096;
const FIRST: &str = "000000000001-00000000000000000001.segment";

/// Three groups of one record of 60 bytes (stride 104) in the first segment.
fn three_groups() -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    let (journal, mut stepper, _) = stepped(&disk, &small_options());
    for fill in 1..=3 {
        append_stepped(&journal, &mut stepper, vec![fill; 60]);
    }
    disk
}

fn open_error(disk: &SimulatedDisk) -> OpenError {
    let outcome = Journal::open_stepped(Arc::new(disk.clone()), small_options(), Hooks::default());
    outcome.err().expect("opening must be refused")
}

/// D1: what was acknowledged is never dropped silently.
#[test]
fn damage_before_a_later_group_refuses_to_open_and_says_where() {
    for (number, offset) in [(1, HEADER), (2, HEADER + 104)] {
        for byte in [0, 4, 8, 16, 24, 38, 40, 99] {
            let disk = three_groups();
            disk.flip_bit(FIRST, offset + byte, 3);
            let error = open_error(&disk);
            let OpenError::Corrupt(Damage { segment, offset: at, position, .. }) = error else {
                panic!("{error}")
            };
            assert_eq!((segment.as_str(), at, position), (FIRST, offset as u64, Position(number)));
            let verified = verify(&disk).unwrap();
            assert_eq!(verified.damage.unwrap().position, Position(number));
            assert_eq!(verified.records, number - 1);
        }
    }
}

#[test]
fn a_bad_last_group_is_cut_and_its_positions_are_given_again() {
    let disk = three_groups();
    disk.flip_bit(FIRST, HEADER + 2 * 104 + 50, 0);
    let (journal, mut stepper, recovered) = stepped(&disk, &small_options());
    assert_eq!((recovered.last, recovered.cut_bytes > 0), (Position(2), false));
    assert_eq!(append_stepped(&journal, &mut stepper, [9]), Position(3));
    assert_eq!(payloads(&read_all(&journal).unwrap())[2], [9]);
}

/// Pages of the last group may be missing anywhere; the valid rest of it is neither kept nor taken for damage.
#[test]
fn a_hole_in_the_last_group_cuts_all_of_it() {
    let disk = three_groups();
    let (journal, mut stepper, _) = stepped(&disk, &small_options());
    for fill in 4..=9 {
        journal.append(vec![record(vec![fill; 60])], |_| ()).unwrap();
    }
    while stepper.commit() {}
    disk.flip_bit(FIRST, HEADER + 4 * 104 + 45, 0);
    let (journal, mut stepper, recovered) = stepped(&disk, &small_options());
    assert_eq!((recovered.last, recovered.cut_bytes), (Position(4), 5 * 104));
    // New records of the same size end exactly where remains of the old ones would go on.
    append_stepped(&journal, &mut stepper, vec![50; 60]);
    let (journal, _, recovered) = stepped(&disk, &small_options());
    assert_eq!(recovered.last, Position(5));
    assert_eq!(payloads(&read_all(&journal).unwrap())[4], vec![50; 60]);
}

/// Remains of a lost group begin exactly where a later append of the same size ends, on the boundary of a page.
#[test]
fn remains_of_a_cut_group_never_come_back() {
    let disk = SimulatedDisk::new(1);
    let (journal, mut stepper, _) = stepped(&disk, &small_options());
    for fill in 1..=3 {
        append_stepped(&journal, &mut stepper, vec![fill; 984]);
    }
    for fill in 4..=6 {
        journal.append(vec![record(vec![fill; 984])], |_| ()).unwrap();
    }
    assert!(stepper.commit() && !stepper.commit(), "one group");
    disk.flip_bit(FIRST, HEADER + 3 * 1024 + 50, 0);
    let (journal, mut stepper, recovered) = stepped(&disk, &small_options());
    assert_eq!((recovered.last, recovered.cut_bytes), (Position(3), 3 * 1024));
    append_stepped(&journal, &mut stepper, vec![9; 984]);
    let (_, _, recovered) = stepped(&disk, &small_options());
    assert_eq!((recovered.last, recovered.cut_bytes), (Position(4), 0));
}

#[test]
fn an_append_of_several_records_is_kept_whole_or_not_at_all() {
    let disk = three_groups();
    let (journal, mut stepper, _) = stepped(&disk, &small_options());
    journal.append((0..4).map(|_| record(vec![7; 60])).collect(), |_| ()).unwrap();
    while stepper.commit() {}
    disk.flip_bit(FIRST, HEADER + 6 * 104 + 41, 0);
    let (_, _, recovered) = stepped(&disk, &small_options());
    assert_eq!(recovered.last, Position(3));
}

/// A payload that looks like a record of a later group must not make a torn tail look like damage.
#[test]
fn a_record_forged_inside_a_payload_deceives_nobody() {
    let forged = RecordHeader {
        length: 8,
        checksum: 0,
        position: 6,
        group_start: 6,
        time_ms: 0,
        key_id: 0,
        kind: 0,
        flags: FLAG_APPEND_END,
    };
    let mut image = forged.sealed(payload_sum(0, b"deceived")).encode().to_vec();
    image.extend_from_slice(b"deceived");
    let disk = three_groups();
    let (journal, mut stepper, _) = stepped(&disk, &small_options());
    append_stepped(&journal, &mut stepper, image);
    disk.flip_bit(FIRST, HEADER + 3 * 104, 0);
    let (_, _, recovered) = stepped(&disk, &small_options());
    assert_eq!(recovered.last, Position(3));
}

#[test]
fn a_sealed_segment_is_trusted_at_opening_but_damage_is_found_when_read() {
    let disk = three_groups();
    let (journal, mut stepper, _) = stepped(&disk, &small_options());
    journal.seal().unwrap();
    assert!(stepper.commit());
    append_stepped(&journal, &mut stepper, "next");
    disk.flip_bit(FIRST, HEADER + 104 + 60, 5);
    let (journal, _, recovered) = stepped(&disk, &small_options());
    assert_eq!((recovered.last, recovered.segments), (Position(4), 2));
    let error = read_all(&journal).unwrap_err();
    assert!(matches!(&error, ReadError::Corrupt(damage) if damage.position == Position(2)), "{error}");
    assert_eq!(verify(&disk).unwrap().damage.unwrap().offset, (HEADER + 104) as u64);
}

#[test]
fn missing_foreign_and_future_segments_are_refused() {
    let disk = three_groups();
    let (journal, mut stepper, _) = stepped(&disk, &small_options());
    for _ in 0..3 {
        append_stepped(&journal, &mut stepper, "x");
        journal.seal().unwrap();
        while stepper.commit() {}
    }
    let mut names = disk.list().unwrap();
    names.retain(|name| name.ends_with(".segment"));
    names.sort();
    let copy = |skip: usize| {
        let copy = SimulatedDisk::new(0);
        for (_, name) in names.iter().enumerate().filter(|(index, _)| *index != skip) {
            copy.put(name, disk.contents(name).unwrap());
        }
        copy
    };
    assert!(matches!(open_error(&copy(1)), OpenError::Corrupt(damage) if damage.segment == names[2]));
    let damaged = copy(99);
    damaged.flip_bit(&names[1], 20, 0);
    assert!(matches!(open_error(&damaged), OpenError::Corrupt(damage) if damage.segment == names[1]));
    let renamed = copy(3);
    renamed.put(&names[3], disk.contents(&names[2]).unwrap());
    assert!(matches!(open_error(&renamed), OpenError::Corrupt(damage) if damage.segment == names[3]));
    let future = copy(99);
    let mut bytes = disk.contents(&names[0]).unwrap();
    bytes[8] = 2;
    let checksum = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
    future.put(&names[0], bytes);
    assert!(matches!(open_error(&future), OpenError::Format { found: 2, supported: 1, .. }));
}

#[test]
fn a_lost_live_part_beside_an_archive_is_refused() {
    let disk = SimulatedDisk::new(1);
    disk.put(&format!("archive/{FIRST}"), three_groups().contents(FIRST).unwrap());
    assert!(matches!(open_error(&disk), OpenError::Corrupt(_)));
}

/// D1: after a failed sync nobody is told "durable", in order, and nothing more is accepted.
#[test]
fn a_failed_sync_ends_the_journal_and_everybody_is_told() {
    let disk = SimulatedDisk::new(1);
    let called = Arc::new(AtomicUsize::new(0));
    let hooks = Hooks {
        on_failure: Some(Box::new({
            let called = Arc::clone(&called);
            move |_| {
                called.fetch_add(1, Ordering::SeqCst);
            }
        })),
        on_commit: None,
    };
    let opened = Journal::open_stepped(Arc::new(disk.clone()), small_options(), hooks);
    let (journal, mut stepper, _) = opened.unwrap();
    append_stepped(&journal, &mut stepper, "kept");
    let told = Arc::new(Mutex::new(Vec::new()));
    for number in 0..20 {
        let told = Arc::clone(&told);
        let done = move |outcome: Result<_, _>| {
            assert!(matches!(outcome, Err(AppendError::Failed(_))));
            told.lock().unwrap().push(number);
        };
        journal.append(vec![record(vec![0; 1000])], done).unwrap();
    }
    disk.fail_sync_after(0);
    while stepper.commit() {}
    assert_eq!(*told.lock().unwrap(), (0..20).collect::<Vec<_>>());
    assert_eq!((called.load(Ordering::SeqCst), journal.committed()), (1, Position(1)));
    assert_eq!(journal.failed().unwrap().action, "sync");
    let error = journal.append(vec![record("no")], |_| ()).unwrap_err();
    assert!(matches!(&error, AppendError::Failed(_)) && !error.is_retryable());
    assert_eq!(payloads(&read_all(&journal).unwrap()), [b"kept"]);
}

#[test]
fn a_full_disk_ends_the_threads_too_and_loses_nothing_acknowledged() {
    let disk = SimulatedDisk::new(1);
    let (journal, _) = Journal::open(Arc::new(disk.clone()), small_options()).unwrap();
    append(&journal, vec![record("kept")]).unwrap();
    disk.full_after(0);
    let failed = (0..1000).find_map(|_| append(&journal, vec![record(vec![1; 3000])]).err());
    assert!(matches!(failed, Some(AppendError::Failed(_))), "{failed:?}");
    assert!(matches!(journal.close(), Err(AppendError::Failed(_))));
    let kept = journal.committed();
    drop(journal);
    disk.kill();
    let (journal, _, recovered) = stepped(&disk, &small_options());
    assert!(recovered.last >= kept);
    assert_eq!(payloads(&read_all(&journal).unwrap())[0], b"kept");
}

/// D1: a rename that a killed process left unsynced is made durable before anything builds on it.
#[test]
fn opening_makes_the_names_it_found_durable() {
    for seed in 0..32 {
        let disk = SimulatedDisk::new(seed);
        let (journal, mut stepper, _) = stepped(&disk, &small_options());
        append_stepped(&journal, &mut stepper, "first segment");
        journal.seal().unwrap();
        // The header's sync succeeds, that of the folder does not.
        disk.fail_sync_after(1);
        assert!(stepper.commit() && journal.failed().is_some());
        disk.kill();
        let (journal, mut stepper, recovered) = stepped(&disk, &small_options());
        assert_eq!(recovered.segments, 2);
        append_stepped(&journal, &mut stepper, "second segment");
        disk.crash();
        let (_, _, recovered) = stepped(&disk, &small_options());
        assert_eq!(recovered.last, Position(2), "seed {seed}");
    }
}

/// A waiter that panics must not leave others waiting for ever.
#[test]
fn a_panic_in_a_waiter_ends_the_journal_with_a_failure() {
    let (journal, _) = Journal::open(Arc::new(SimulatedDisk::new(1)), small_options()).unwrap();
    let (sender, receiver) = mpsc::channel::<()>();
    let panics = move |_| {
        let _dropped_by_the_panic = sender;
        panic!("a waiter panics, on purpose");
    };
    journal.append(vec![record("x")], panics).unwrap();
    receiver.recv().unwrap_err();
    assert!(matches!(journal.close(), Err(AppendError::Failed(_))));
}

#[test]
fn a_rewrite_erases_from_every_file_and_survives_reopening() {
    let disk = SimulatedDisk::new(1);
    let options = Options { archive: Archive::Keep, ..small_options() };
    let (journal, mut stepper, _) = stepped(&disk, &options);
    for number in 0..60_u8 {
        let body = if number % 7 == 0 { b"SECRET-BODY".repeat(40) } else { vec![number; 440] };
        append_stepped(&journal, &mut stepper, body);
    }
    journal.release(Position(30)).unwrap();
    journal.seal().unwrap();
    while stepper.commit() {}
    let mut reader = journal.reader(Position(1));
    reader.read(3, 1 << 20, &mut Vec::new()).unwrap();
    let rewritten = journal
        .rewrite(Position(1)..=Position(60), |record| {
            record.payload.starts_with(b"SECRET").then(|| vec![0; record.payload.len()])
        })
        .unwrap();
    assert_eq!((rewritten.records, rewritten.sealed_before), (9, Position(61)));
    for name in disk.list().unwrap() {
        let bytes = disk.contents(&name).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"SECRET"), "{name} still holds it");
    }
    let mut rest = Vec::new();
    while reader.read(100, 1 << 20, &mut rest).unwrap() > 0 {}
    assert_eq!(rest.len(), 57);
    assert_eq!(verify(&disk).unwrap().damage, None);
    let (journal, _, recovered) = stepped(&disk, &options);
    assert_eq!(recovered.last, Position(60));
    assert_eq!(read_all(&journal).unwrap()[7].payload, vec![0; 440]);
}

/// Recycled files hold what released segments held; after a rewrite none does.
#[test]
fn a_rewrite_leaves_nothing_of_released_segments_either() {
    let disk = SimulatedDisk::new(1);
    let options = Options { archive: Archive::Recycle, pool_segments_max: 3, ..small_options() };
    let (journal, mut stepper, _) = stepped(&disk, &options);
    let holders = |disk: &SimulatedDisk| {
        let holds = |name: &String| disk.contents(name).unwrap().windows(6).any(|window| window == b"SECRET");
        disk.list().unwrap().iter().filter(|name| holds(name)).count()
    };
    for _ in 0..60 {
        append_stepped(&journal, &mut stepper, b"SECRET".repeat(100));
    }
    journal.release(Position(60)).unwrap();
    while stepper.prepare() {}
    for _ in 0..30 {
        append_stepped(&journal, &mut stepper, [0; 600]);
        journal.release(journal.committed()).unwrap();
        while stepper.prepare() {}
    }
    assert!(holders(&disk) > 0, "recycled files are in use");
    journal.seal().unwrap();
    while stepper.commit() {}
    journal.seal().unwrap();
    journal.release(journal.committed()).unwrap();
    append_stepped(&journal, &mut stepper, [0; 5]);
    journal.rewrite(Position(1)..=Position(91), |_| None).unwrap();
    journal.seal().unwrap();
    while stepper.commit() {}
    assert_eq!(holders(&disk), 0);
}

#[test]
fn a_replacement_of_another_length_is_refused_and_changes_nothing() {
    let disk = three_groups();
    let (journal, mut stepper, _) = stepped(&disk, &small_options());
    journal.seal().unwrap();
    while stepper.commit() {}
    let before = disk.contents(FIRST);
    let error = journal.rewrite(Position(1)..=Position(3), |_| Some(vec![0; 61])).unwrap_err();
    assert!(matches!(error, MaintainError::Length { position: Position(1), expected: 60, found: 61 }));
    assert_eq!(disk.contents(FIRST), before);
    assert!(disk.list().unwrap().iter().all(|name| !name.ends_with(".rewriting")));
}
