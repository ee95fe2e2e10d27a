//! Tests of the groups: order, fairness, retries, and what is left on disk.
//! Time stands still but where a test moves it.

use super::*;

fn entry(position: u64) -> Entry<u64> {
    Entry {
        position,
        bytes: 10,
        attempts: 0,
        sent_at: position,
        first_failed_at: None,
        is_passed: false,
        is_moved: false,
        body: position,
    }
}

fn bodies(leases: &[Lease<u64>]) -> Vec<u64> {
    leases.iter().map(|lease| lease.body).collect()
}

#[tokio::test(start_paused = true)]
async fn a_group_is_leased_in_order_and_one_batch_at_a_time() {
    let mut groups = Groups::default();
    for position in 1..=5 {
        groups.push(u128::from(position % 2), entry(position), 1000, usize::MAX);
    }
    assert_eq!(bodies(&groups.take(2)), [1, 3]);
    assert_eq!(bodies(&groups.take(9)), [2, 4]);
    assert_eq!(bodies(&groups.take(9)), [0_u64; 0], "5 waits for 1 and 3");
    let now = (Instant::now(), 0);
    groups.settle(1, 1, Fate::Done, now);
    assert_eq!(bodies(&groups.take(9)), [0_u64; 0], "5 waits for 3");
    groups.settle(3, 1, Fate::Done, now);
    assert_eq!(bodies(&groups.take(9)), [5]);
    assert_eq!((groups.waiting(), groups.in_flight(), groups.bytes()), (0, 3, 30));
}

#[tokio::test(start_paused = true)]
async fn d6_a_group_with_much_waits_for_groups_with_little_and_is_not_starved_by_them() {
    let mut groups = Groups::default();
    let backlog = 10 * GROUP_ITEMS_PER_TURN as u64;
    for position in 0..backlog {
        groups.push(1, entry(position), 1000, usize::MAX);
    }
    let long = groups.take(4).len();
    let now = (Instant::now(), 0);
    for position in 0..4 {
        groups.settle(position, 1, Fate::Done, now);
    }
    for key in 2..=30 {
        groups.push(u128::from(key), entry(backlog + key), 1000, usize::MAX);
    }
    let leases = groups.take(20);
    let of_long = leases.iter().filter(|lease| lease.group == 1).count();
    assert_eq!((long, leases.len(), of_long), (4, 20, 10), "half for those with little, half for the other");
    assert!(leases[..10].iter().all(|lease| lease.group != 1), "those with little come first");
    let rest = groups.take(usize::MAX);
    assert_eq!(rest.len(), 19, "the long group gives one batch at a time");
}

#[tokio::test(start_paused = true)]
async fn d6_a_group_gives_a_part_while_others_wait_and_all_it_has_when_alone() {
    let mut groups = Groups::default();
    let many = 3 * GROUP_ITEMS_PER_TURN as u64;
    for position in 0..2 * many {
        groups.push(u128::from(position / many), entry(position), 1000, usize::MAX);
    }
    let leases = groups.take(usize::MAX);
    let of = |key| leases.iter().filter(|lease| lease.group == key).count();
    assert_eq!((of(0), of(1)), (GROUP_ITEMS_PER_TURN, 3 * GROUP_ITEMS_PER_TURN));
}

#[tokio::test(start_paused = true)]
async fn a_retry_holds_up_its_own_group_alone_and_keeps_the_order() {
    let mut groups = Groups::default();
    for position in 1..=3 {
        groups.push(7, entry(position), 1000, usize::MAX);
    }
    groups.push(8, entry(4), 1000, usize::MAX);
    assert_eq!(groups.take(9).len(), 4);
    let now = (Instant::now(), 0);
    groups.settle(1, 1, Fate::Retry(Duration::from_secs(1)), now);
    groups.settle(2, 1, Fate::Retry(Duration::from_secs(5)), now);
    groups.settle(3, 1, Fate::Done, now);
    groups.settle(4, 1, Fate::Done, now);
    groups.push(8, entry(5), 1000, usize::MAX);
    groups.push(7, entry(6), 1000, usize::MAX);
    assert_eq!(bodies(&groups.take(9)), [5]);
    assert_eq!(groups.next_due(), Some(now.0 + Duration::from_secs(5)));
    groups.unpark(now.0 + Duration::from_secs(5));
    let leases = groups.take(9);
    assert_eq!(bodies(&leases), [1, 2, 6]);
    assert_eq!(leases.iter().map(|lease| lease.attempts).collect::<Vec<_>>(), [2, 2, 1]);
    assert!(!groups.settle(1, 1, Fate::Done, now), "a settlement of the first try comes too late");
}

#[tokio::test(start_paused = true)]
async fn followers_of_a_parked_group_beyond_the_bound_stay_on_disk_and_come_back_in_order() {
    let mut groups = Groups::default();
    groups.push(7, entry(1), 25, usize::MAX);
    groups.take(1);
    let now = (Instant::now(), 0);
    groups.settle(1, 1, Fate::Retry(Duration::from_secs(1)), now);
    assert!(groups.push(7, entry(2), 25, usize::MAX));
    assert!(!groups.push(7, entry(3), 25, usize::MAX));
    assert!(!groups.push(7, entry(4), 25, usize::MAX));
    assert_eq!((groups.bytes(), groups.waiting(), groups.wanted(9)), (20, 4, None));
    groups.unpark(now.0 + Duration::from_secs(1));
    assert_eq!(bodies(&groups.take(9)), [1, 2]);
    groups.settle(1, 2, Fate::Done, now);
    groups.settle(2, 1, Fate::Done, now);
    assert_eq!(groups.wanted(1), Some((7, vec![3])));
    groups.refill(7, vec![entry(3)]);
    groups.push(7, entry(5), 25, usize::MAX);
    assert_eq!(bodies(&groups.take(9)), [3]);
    groups.settle(3, 1, Fate::Done, now);
    assert_eq!(groups.wanted(9), Some((7, vec![4, 5])));
    groups.refill(7, vec![entry(4), entry(5)]);
    assert_eq!(bodies(&groups.take(9)), [4, 5]);
    assert_eq!(groups.spilled(), 0);
}
