//! Who is in which room, and the small pure parts.
//! No sockets here.

use std::collections::HashSet;

use load::{
    population::{one_room, overlapping, pairs},
    scenario::history::seqs_of,
    server::address_in,
    traffic::{Ledger, Violation},
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn everybody_is_in_two_full_rooms_with_nobody_twice(rooms in 1_usize..60, size in 1_usize..12) {
        let users = rooms * size;
        let shapes = overlapping(users, size);
        prop_assert_eq!(shapes.len(), 2 * rooms);
        let mut times = vec![0; users];
        for room in &shapes {
            prop_assert_eq!(room.len(), size);
            prop_assert_eq!(room.iter().collect::<HashSet<_>>().len(), size);
            room.iter().for_each(|user| times[*user] += 1);
        }
        prop_assert!(times.iter().all(|times| *times == 2));
    }
}

#[test]
fn the_sizes_of_the_targets_are_met() {
    let shapes = overlapping(2_000, 8);
    assert_eq!(shapes.len(), 500);
    let first: HashSet<usize> = shapes[0].iter().copied().collect();
    assert!(shapes[250..].iter().all(|room| room.iter().filter(|user| first.contains(user)).count() <= 1));
    assert_eq!(pairs(2), [[0, 1], [2, 3]]);
    assert_eq!(one_room(3), [[0, 1, 2]]);
}

#[test]
fn a_ledger_tells_gaps_doubles_and_strangers() {
    let mut ledger = Ledger::default();
    ledger.set(0, 7, 10);
    assert!(ledger.note(0, 7, 11));
    assert!(!ledger.note(0, 7, 11));
    assert!(ledger.note(0, 7, 13));
    assert!(!ledger.note(0, 8, 1));
    assert!(!ledger.note(5, 7, 1));
    let (count, examples) = ledger.take_violations();
    assert_eq!(count, 4);
    assert_eq!(examples[0], Violation::Doubled { room: 7, expected: 12, found: 11 });
    assert_eq!(examples[1], Violation::Gap { room: 7, expected: 12, found: 13 });
    assert_eq!(ledger.places(0), [(7, 13)]);
    assert_eq!(ledger.take_violations().0, 0);
}

#[test]
fn sequences_of_a_page_are_found() {
    let page = br#"{"events":[{"seq":3,"body":"a"},{"seq":4}],"headSeq":9}"#;
    assert_eq!(seqs_of(page), [3, 4]);
}

#[test]
fn an_address_is_found_in_a_line() {
    for line in [
        "http://127.0.0.1:8080",
        "http://127.0.0.1:8080/",
        "Open http://127.0.0.1:8080/ in a browser",
        "127.0.0.1:8080",
    ] {
        assert_eq!(address_in(line).unwrap().to_string(), "127.0.0.1:8080");
    }
    assert!(address_in("no address").is_err());
}
