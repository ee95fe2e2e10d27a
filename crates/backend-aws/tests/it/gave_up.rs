//! What SQS gives up by itself, because nobody could even settle it, is a dead letter like any other (D5).
//! A lease that is never settled stands for a worker that dies each time.

use std::time::Duration;

use conformance::suite::world::{World, message};

use crate::harness::{backend, fresh_names, open, options};

/// Receives after which the service gives up, in this test.
const RECEIVES_MAX: u32 = 2;

/// It is counted, listed with its reason, sent again once, and then applied.
#[tokio::test]
async fn what_the_service_gave_up_is_listed_and_sent_again() {
    let names = fresh_names(RECEIVES_MAX).await;
    let options =
        backend_aws::AwsOptions { lease: Duration::from_secs(1), receives_max: RECEIVES_MAX, ..options() };
    let aws = open(&names, options).await;
    let world = World::over(backend(&aws), 1);
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    let envelope = world.envelope(group, alice, message("poison for the process"));
    world.backend.commands.submit(vec![envelope.clone()]).await.expect("submit");
    let queue = &*world.backend.messages;
    for attempt in 1..=RECEIVES_MAX {
        let leases = queue.lease(10, Duration::from_secs(10)).await.expect("lease");
        assert_eq!(leases.len(), 1);
        assert_eq!(leases[0].attempts, attempt);
    }
    assert_eq!(queue.lease(10, Duration::from_secs(4)).await.expect("lease"), vec![], "it is given up");
    assert_eq!(queue.depth().await.expect("depth").dead, 1);
    let letters = queue.dead_letters(None, 10).await.expect("dead letters");
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].body.as_ref(), letters[0].attempts), (Some(&envelope), RECEIVES_MAX));
    assert_eq!(letters[0].reason, "gave up after 2 tries");
    assert_eq!(queue.dead_letters(None, 10).await.expect("dead letters"), letters, "looking changes nothing");
    assert_eq!(queue.depth().await.expect("depth").dead, 1);
    let ids = [letters[0].id.clone()];
    assert_eq!(queue.redrive(&ids).await.expect("redrive"), 1);
    assert_eq!(queue.redrive(&ids).await.expect("redrive"), 0);
    let outcome = world.settle_until((group, alice, envelope.command_id)).await;
    assert_eq!(outcome, chat::Outcome::Applied { seq: 2 });
    assert_eq!(queue.depth().await.expect("depth").dead, 0);
}
