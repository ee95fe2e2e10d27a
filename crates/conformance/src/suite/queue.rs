//! What `chat::ports::Queue` promises, sentence by sentence.
//! Does not know what is carried: every case runs for commands and for announcements.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use chat::{
    Envelope,
    ports::{DeadLetter, ErrorKind, Lease, LeaseId, Settlement},
};

pub use super::samples::Sample;
use super::samples::{
    NOW, PATIENCE, bodies, bury, dead, item, lease, lease_all, samples, send, settle, settle_done, take_all,
};
use crate::harness::Harness;

/// A retry delay long enough to look before it is over.
const DELAY: Duration = Duration::from_millis(300);

/// Items of one group are leased in the order they were sent (D3).
pub async fn a_group_is_leased_in_the_order_it_was_sent<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    send(&*queue, (0..20).flat_map(|number| [(1, number), (2, number)])).await;
    let leases = take_all(&*queue, 40).await;
    for group in [1, 2] {
        let of_group: Vec<Lease<T>> = leases.iter().filter(|lease| lease.group == group).cloned().collect();
        assert_eq!(bodies(&of_group), samples::<T>(group, 0..20));
    }
}

/// Attempts count from 1; the time of sending is kept.
pub async fn a_first_lease_is_attempt_one_and_knows_when_it_was_sent<T: Sample>(harness: &dyn Harness) {
    let backend = harness.open().await;
    let queue = T::queue(&backend);
    let before_ms = backend.clock.now_ms();
    send(&*queue, [(1, 0)]).await;
    let after_ms = backend.clock.now_ms();
    let leases = lease_all(&*queue, 1).await;
    assert_eq!((leases[0].attempts, leases[0].group), (1, 1));
    assert!((before_ms..=after_ms).contains(&leases[0].sent_at), "{}", leases[0].sent_at);
}

/// Takes up to `max` items.
pub async fn a_lease_takes_at_most_what_was_asked<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    send(&*queue, (0..10).map(|number| (1, number))).await;
    let first = lease(&*queue, 3, PATIENCE).await;
    assert!((1..=3).contains(&first.len()));
    assert_eq!(bodies(&first), samples::<T>(1, 0..first.len() as u64));
    settle_done(&*queue, &first).await;
    let second = lease(&*queue, 1, PATIENCE).await;
    assert_eq!(bodies(&second), samples::<T>(1, [first.len() as u64]));
}

/// Never two batches of a group at once (D3).
pub async fn a_leased_group_is_left_out_until_all_of_it_is_settled<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    send(&*queue, [(1, 0), (1, 1)]).await;
    let held = lease_all(&*queue, 2).await;
    send(&*queue, [(1, 2)]).await;
    assert_eq!(lease(&*queue, 10, NOW).await, vec![]);
    settle_done(&*queue, &held[..1]).await;
    assert_eq!(lease(&*queue, 10, NOW).await, vec![], "half of the batch is still leased");
    settle_done(&*queue, &held[1..]).await;
    assert_eq!(bodies(&lease(&*queue, 10, PATIENCE).await), samples::<T>(1, [2]));
}

/// Only the leased group is left out.
pub async fn other_groups_go_on_beside_a_leased_one<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    send(&*queue, [(1, 0)]).await;
    let _held = lease_all(&*queue, 1).await;
    send(&*queue, [(1, 1), (2, 0)]).await;
    assert_eq!(bodies(&lease(&*queue, 10, PATIENCE).await), samples::<T>(2, [0]));
}

/// `Done`: it will not come again.
pub async fn what_is_done_does_not_come_again<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    send(&*queue, [(1, 0), (2, 0)]).await;
    let leases = lease_all(&*queue, 2).await;
    settle_done(&*queue, &leases).await;
    assert_eq!(lease(&*queue, 10, NOW).await, vec![]);
    let depth = queue.depth().await.expect("depth");
    assert_eq!((depth.waiting, depth.in_flight, depth.dead), (0, 0, 0));
}

/// `RetryAfter`: it comes again after this delay, and the attempt is counted.
pub async fn a_retry_comes_again_after_its_delay_as_one_more_attempt<T: Sample>(harness: &dyn Harness) {
    let backend = harness.open().await;
    let queue = T::queue(&backend);
    send(&*queue, [(1, 0)]).await;
    let first = lease_all(&*queue, 1).await;
    let before_ms = backend.clock.now_ms();
    settle(&*queue, &first[0], Settlement::RetryAfter(DELAY)).await;
    assert_eq!(lease(&*queue, 10, NOW).await, vec![], "before its delay is over");
    let again = lease(&*queue, 10, PATIENCE).await;
    let waited_ms = backend.clock.now_ms() - before_ms;
    assert_eq!(bodies(&again), samples::<T>(1, [0]));
    assert_eq!(again[0].attempts, 2);
    assert_ne!(again[0].id, first[0].id);
    assert!(waited_ms + 1 >= crate::clock::millis(DELAY), "came after {waited_ms} ms");
}

/// Its group waits for it, others do not.
pub async fn a_retry_holds_back_its_group_and_no_other<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    send(&*queue, [(1, 0)]).await;
    let first = lease_all(&*queue, 1).await;
    settle(&*queue, &first[0], Settlement::RetryAfter(DELAY)).await;
    send(&*queue, [(1, 1), (2, 0)]).await;
    let other = lease(&*queue, 10, PATIENCE).await;
    assert_eq!(bodies(&other), samples::<T>(2, [0]));
    settle_done(&*queue, &other).await;
    assert_eq!(bodies(&lease_all(&*queue, 2).await), samples::<T>(1, [0, 1]));
}

/// A retried item stands before what was sent after it.
pub async fn what_follows_a_retry_keeps_its_place<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    send(&*queue, (0..4).map(|number| (1, number))).await;
    let leases = lease_all(&*queue, 4).await;
    let retry = |at: usize| (leases[at].id.clone(), Settlement::RetryAfter(Duration::from_millis(1)));
    let done = (leases[0].id.clone(), Settlement::Done);
    queue.settle(vec![done, retry(3), retry(1), retry(2)]).await.expect("settle");
    send(&*queue, [(1, 4)]).await;
    assert_eq!(bodies(&lease_all(&*queue, 4).await), samples::<T>(1, [1, 2, 3, 4]));
}

/// `Dead`: it moves to the dead letters with this reason (D5).
pub async fn a_dead_letter_keeps_its_body_reason_attempts_and_times<T: Sample>(harness: &dyn Harness) {
    let backend = harness.open().await;
    let queue = T::queue(&backend);
    send(&*queue, [(1, 0)]).await;
    let before_ms = backend.clock.now_ms();
    let first = lease_all(&*queue, 1).await;
    settle(&*queue, &first[0], Settlement::RetryAfter(Duration::from_millis(20))).await;
    let failed_ms = backend.clock.now_ms();
    let second = lease_all(&*queue, 1).await;
    settle(&*queue, &second[0], Settlement::Dead { reason: "it is cursed".to_owned() }).await;
    let after_ms = backend.clock.now_ms();
    let letters = dead(&*queue).await;
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].body.clone(), letters[0].attempts), (Some(T::sample(1, 0)), 2));
    assert_eq!(letters[0].reason, "it is cursed");
    assert!((before_ms..=failed_ms).contains(&letters[0].first_failed_at), "{letters:?}");
    assert!((failed_ms..=after_ms).contains(&letters[0].last_failed_at), "{letters:?}");
    assert_eq!(lease(&*queue, 10, NOW).await, vec![]);
}

/// …and its group goes on.
pub async fn the_group_of_a_dead_letter_goes_on<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    send(&*queue, (0..3).map(|number| (1, number))).await;
    let leases = lease_all(&*queue, 3).await;
    let retry = |at: usize| (leases[at].id.clone(), Settlement::RetryAfter(NOW));
    let dead_one = (leases[0].id.clone(), Settlement::Dead { reason: "poison".to_owned() });
    queue.settle(vec![dead_one, retry(1), retry(2)]).await.expect("settle");
    assert_eq!(bodies(&lease_all(&*queue, 2).await), samples::<T>(1, [1, 2]));
}

/// In the order of their ids, at most `limit`, after the id `after`.
pub async fn dead_letters_are_paged_in_the_order_of_their_ids<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    for number in 0..5 {
        bury(&*queue, 1, number, &format!("reason {number}")).await;
    }
    let all = dead(&*queue).await;
    let ids: Vec<String> = all.iter().map(|letter| letter.id.clone()).collect();
    assert!(ids.is_sorted() && ids.iter().collect::<BTreeSet<_>>().len() == 5, "{ids:?}");
    let mut paged = Vec::new();
    loop {
        let after = paged.last().map(|letter: &DeadLetter<T>| letter.id.clone());
        let page = queue.dead_letters(after.as_deref(), 2).await.expect("dead letters");
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
}

/// Sends dead letters again, each once, and forgets them as dead; ids that are not there are skipped (D5).
pub async fn a_redrive_sends_once_and_forgets<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    bury(&*queue, 1, 0, "one").await;
    bury(&*queue, 2, 0, "two").await;
    let ids: Vec<String> = dead(&*queue).await.into_iter().map(|letter| letter.id).collect();
    let wanted = vec![ids[0].clone(), "no such letter".to_owned()];
    assert_eq!(queue.redrive(&wanted).await.expect("redrive"), 1);
    assert_eq!(queue.redrive(&wanted).await.expect("redrive"), 0, "safe to repeat");
    assert_eq!(dead(&*queue).await.len(), 1);
    let again = lease_all(&*queue, 1).await;
    assert_eq!(bodies(&again), samples::<T>(1, [0]));
    assert_eq!(again[0].attempts, 1);
    assert_eq!(lease(&*queue, 10, NOW).await, vec![]);
}

/// Forgets dead letters for good, and says how many there were.
pub async fn dropped_dead_letters_are_gone_for_good<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    bury(&*queue, 1, 0, "one").await;
    bury(&*queue, 2, 0, "two").await;
    let mut ids: Vec<String> = dead(&*queue).await.into_iter().map(|letter| letter.id).collect();
    ids.push("no such letter".to_owned());
    assert_eq!(queue.drop_dead(&ids).await.expect("drop"), 2);
    assert_eq!(queue.drop_dead(&ids).await.expect("drop"), 0);
    assert_eq!(dead(&*queue).await, vec![]);
    assert_eq!(queue.redrive(&ids).await.expect("redrive"), 0);
    assert_eq!(lease(&*queue, 10, NOW).await, vec![]);
}

/// How full it is, retries included among what waits.
pub async fn depth_counts_what_waits_what_is_leased_and_what_is_dead<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    let counts = async || {
        let depth = queue.depth().await.expect("depth");
        (depth.waiting, depth.in_flight, depth.dead)
    };
    assert_eq!(counts().await, (0, 0, 0));
    assert_eq!(queue.depth().await.expect("depth").oldest_age_ms, 0);
    send(&*queue, [(1, 0), (2, 0), (3, 0)]).await;
    assert_eq!(counts().await, (3, 0, 0));
    let leases = lease_all(&*queue, 3).await;
    assert_eq!(counts().await, (0, 3, 0));
    settle(&*queue, &leases[0], Settlement::Dead { reason: "dead".to_owned() }).await;
    settle(&*queue, &leases[1], Settlement::RetryAfter(PATIENCE)).await;
    assert_eq!(counts().await, (1, 1, 1));
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(queue.depth().await.expect("depth").oldest_age_ms >= 4);
}

/// Settling a lease that has run out changes nothing and is no error.
pub async fn settling_again_or_what_is_unknown_changes_nothing<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    send(&*queue, [(1, 0)]).await;
    let leases = lease_all(&*queue, 1).await;
    settle(&*queue, &leases[0], Settlement::RetryAfter(NOW)).await;
    settle(&*queue, &leases[0], Settlement::Done).await;
    settle(&*queue, &leases[0], Settlement::Dead { reason: "late".to_owned() }).await;
    let unknown = (LeaseId("no such lease".to_owned()), Settlement::Done);
    queue.settle(vec![unknown]).await.expect("settling the unknown is no error");
    assert_eq!(dead(&*queue).await, vec![]);
    assert_eq!(bodies(&lease_all(&*queue, 1).await), samples::<T>(1, [0]));
}

/// Waits up to `wait` for the first.
pub async fn a_lease_waits_for_the_first_item<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { lease(&*queue, 10, PATIENCE).await }
    });
    tokio::task::yield_now().await;
    send(&*queue, [(1, 0)]).await;
    assert_eq!(bodies(&waiting.await.expect("the waiting lease")), samples::<T>(1, [0]));
}

/// …and returns nothing when none comes.
pub async fn a_lease_gives_up_waiting_and_returns_nothing<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    assert_eq!(lease(&*queue, 10, NOW).await, vec![]);
    assert_eq!(lease(&*queue, 10, Duration::from_millis(20)).await, vec![]);
}

/// Nothing to send is sent.
pub async fn an_empty_send_is_no_error<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    queue.send(Vec::new()).await.expect("an empty send");
    queue.settle(Vec::new()).await.expect("an empty settlement");
    assert_eq!(lease(&*queue, 10, NOW).await, vec![]);
}

/// Deduplication is never relied on: the same item twice comes once or twice, in its place, and is lost never (D2).
pub async fn equal_items_are_all_delivered_unless_the_backend_deduplicates<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    send(&*queue, [(1, 0)]).await;
    send(&*queue, [(1, 0), (1, 1)]).await;
    let first = lease_all(&*queue, 2).await;
    settle_done(&*queue, &first).await;
    let mut seen = bodies(&first);
    seen.extend(bodies(&lease(&*queue, 10, NOW).await));
    seen.dedup();
    assert_eq!(seen, samples::<T>(1, [0, 1]));
}

/// Many workers: every item once, in order within its group, no group with two of them.
pub async fn workers_beside_each_other_share_groups_but_never_one<T: Sample>(harness: &dyn Harness) {
    const GROUPS: u128 = 7;
    const PER_GROUP: u64 = 40;
    let queue = T::queue(&harness.open().await);
    send(&*queue, (0..PER_GROUP).flat_map(|number| (1..=GROUPS).map(move |group| (group, number)))).await;
    let seen: Arc<Mutex<BTreeMap<u128, Vec<T>>>> = Arc::default();
    let held: Arc<Mutex<BTreeSet<u128>>> = Arc::default();
    let workers: Vec<_> = (0..5)
        .map(|_| {
            let (queue, seen, held) = (queue.clone(), seen.clone(), held.clone());
            tokio::spawn(async move {
                loop {
                    let leases = lease(&*queue, 9, Duration::from_millis(100)).await;
                    if leases.is_empty() {
                        return;
                    }
                    let groups: BTreeSet<u128> = leases.iter().map(|lease| lease.group).collect();
                    for group in &groups {
                        assert!(
                            held.lock().expect("no worker panicked").insert(*group),
                            "group {group} is with two workers"
                        );
                    }
                    for lease in &leases {
                        seen.lock()
                            .expect("no worker panicked")
                            .entry(lease.group)
                            .or_default()
                            .push(lease.body.clone());
                    }
                    tokio::task::yield_now().await;
                    held.lock().expect("no worker panicked").retain(|group| !groups.contains(group));
                    settle_done(&*queue, &leases).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("a worker");
    }
    let seen = seen.lock().expect("no worker panicked");
    for group in 1..=GROUPS {
        assert_eq!(seen.get(&group), Some(&samples::<T>(group, 0..PER_GROUP)));
    }
}

/// A lease that is not settled in time comes back by itself; whoever held it has nothing to say any more.
pub async fn a_lease_that_runs_out_comes_back_and_its_settlement_is_void<T: Sample>(harness: &dyn Harness) {
    let queue = T::queue(&harness.open().await);
    let Some(life) = harness.lease_life().filter(|_| queue.capabilities().leases_expire) else { return };
    send(&*queue, [(1, 0), (1, 1)]).await;
    let lost = lease_all(&*queue, 2).await;
    let back = lease(&*queue, 10, life + PATIENCE).await;
    assert_eq!(bodies(&back), samples::<T>(1, [0, 1]));
    assert!(back.iter().all(|lease| lease.attempts == 2), "{back:?}");
    settle_done(&*queue, &lost).await;
    settle(&*queue, &back[0], Settlement::RetryAfter(NOW)).await;
    settle(&*queue, &back[1], Settlement::RetryAfter(NOW)).await;
    assert_eq!(bodies(&lease_all(&*queue, 2).await), samples::<T>(1, [0, 1]));
}

/// When `send` returns `Ok`, all are durable (D1), leased or not.
pub async fn items_survive_a_restart_in_order<T: Sample>(harness: &dyn Harness) {
    let backend = harness.open().await;
    let queue = T::queue(&backend);
    if !queue.capabilities().survives_restart {
        return;
    }
    send(&*queue, (0..6).map(|number| (1, number))).await;
    let _lost = lease(&*queue, 2, PATIENCE).await;
    drop(queue);
    let queue = T::queue(&harness.restart(backend).await);
    assert_eq!(bodies(&lease_all(&*queue, 6).await), samples::<T>(1, 0..6));
}

/// Dead letters survive as well, whole (D5).
pub async fn dead_letters_survive_a_restart<T: Sample>(harness: &dyn Harness) {
    let backend = harness.open().await;
    let queue = T::queue(&backend);
    if !queue.capabilities().survives_restart {
        return;
    }
    bury(&*queue, 1, 0, "one").await;
    bury(&*queue, 2, 0, "two").await;
    bury(&*queue, 3, 0, "three").await;
    let before = dead(&*queue).await;
    queue.drop_dead(&[before[0].id.clone()]).await.expect("drop");
    drop(queue);
    let queue = T::queue(&harness.restart(backend).await);
    assert_eq!(dead(&*queue).await, before[1..]);
    assert_eq!(queue.redrive(&[before[1].id.clone()]).await.expect("redrive"), 1);
    assert_eq!(bodies(&lease_all(&*queue, 1).await), vec![before[1].body.clone().expect("it reads")]);
}

/// `Overloaded` when a bound is reached, and free again once there is room (D6).
pub async fn a_full_queue_says_overloaded(harness: &dyn Harness) {
    let Some(backend) = harness.open_bounded(10).await else { return };
    let queue = backend.messages;
    let mut refused = None;
    for number in 0..1_000 {
        if let Err(error) = queue.send(vec![item::<Envelope>(1, number)]).await {
            refused = Some((number, error));
            break;
        }
    }
    let (sent, error) = refused.expect("a queue of 10 items must refuse before 1,000");
    assert_eq!((error.kind, error.is_transient()), (ErrorKind::Overloaded, true));
    let count = usize::try_from(sent).expect("a small number");
    settle_done(&*queue, &lease_all(&*queue, count).await).await;
    queue.send(vec![item::<Envelope>(1, sent)]).await.expect("room again");
}
