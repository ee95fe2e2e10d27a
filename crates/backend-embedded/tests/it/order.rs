//! Commands decided out of the journal's order, and why replay still decides alike (D8).
//! Each case ends with the store deleted and rebuilt.

use std::time::Duration;

use chat::{
    Command, CommandId, ConversationId, ConversationKind, Envelope, Outcome, Refusal,
    ports::{EventsQuery, Lease, LeaseId, Settlement},
};

use crate::support::{World, dump, envelope, message, open, small, user};

const ADMIN: u128 = 1;
const LATER: u128 = 2;

fn add(room: ConversationId, id: u128, whom: u128) -> Envelope {
    envelope(room, user(ADMIN), id, Command::AddMembers { users: vec![user(whom)] })
}

fn all(ids: &[LeaseId], settlement: &Settlement) -> Vec<(LeaseId, Settlement)> {
    ids.iter().map(|id| (id.clone(), settlement.clone())).collect()
}

async fn lease(world: &World) -> Vec<Lease<Envelope>> {
    world.messages.lease(64, Duration::ZERO).await.unwrap()
}

async fn room() -> (World, ConversationId, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let world = open(small(folder.path()));
    let room = world.create(9, ConversationKind::Group, user(ADMIN), &[]).await;
    (world, room, folder)
}

async fn log(world: &World, room: ConversationId) -> Vec<u128> {
    let page = world.store.events(room, EventsQuery::After(1), 500, 1 << 20).await.unwrap();
    page.rows.iter().map(|row| row.event.command_id.as_u128()).collect()
}

/// The store, deleted and rebuilt, is the same.
async fn d8_holds(world: World) {
    assert!(world.persist_all().await.is_empty());
    let config = world.config.clone();
    drop(world);
    let before = dump(&config);
    std::fs::remove_dir_all(config.data.join("store")).unwrap();
    let world = open(config.clone());
    assert!(world.persist_all().await.is_empty(), "everything was settled, so nothing comes again");
    drop(world);
    assert_eq!(dump(&config), before);
}

#[tokio::test]
async fn d8_a_refused_command_that_is_tried_again_takes_effect_where_it_does() {
    let (world, room, _folder) = room().await;
    world.send(vec![message(room, user(LATER), 10, "too early"), add(room, 11, LATER)]).await;
    let (ids, outcomes) = world.decide(lease(&world).await).await;
    assert_eq!(outcomes[0].1, Outcome::Refused(Refusal::ConversationNotFound));
    // Announcing failed, so both come again; the sender is a member by now.
    world.messages.settle(all(&ids, &Settlement::RetryAfter(Duration::ZERO))).await.unwrap();
    world.send(vec![message(room, user(LATER), 12, "follower")]).await;
    world.persist_all().await;
    assert_eq!(log(&world, room).await, [11, 10, 12]);
    d8_holds(world).await;
}

#[tokio::test]
async fn d8_a_crash_between_append_and_settle_keeps_what_was_seen() {
    let (world, room, _folder) = room().await;
    world.send(vec![message(room, user(LATER), 10, "too early"), add(room, 11, LATER)]).await;
    world.decide(lease(&world).await).await;
    let seen = log(&world, room).await;
    let killed = world.killed();
    let again = open(world.configured_for(killed.path()));
    drop(world);
    again.send(vec![message(room, user(LATER), 12, "follower")]).await;
    again.persist_all().await;
    let log = log(&again, room).await;
    assert!(log.starts_with(&seen), "{log:?} {seen:?}");
    d8_holds(again).await;
}

#[tokio::test]
async fn d5_and_d8_a_dead_letter_is_skipped_by_replay_and_applied_where_it_was_redriven() {
    let (world, room, _folder) = room().await;
    world.send((10..13).map(|id| message(room, user(ADMIN), id, "body")).collect()).await;
    let mut leases = lease(&world).await;
    let poison = leases.remove(0);
    let dead = Settlement::Dead { reason: "poison".to_owned() };
    world.messages.settle(vec![(poison.id, dead)]).await.unwrap();
    let (ids, _) = world.decide(leases).await;
    world.messages.settle(all(&ids, &Settlement::Done)).await.unwrap();
    assert_eq!(log(&world, room).await, [11, 12]);
    let world = world.reopen();
    let letters = world.messages.dead_letters(None, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].reason.as_str(), letters[0].attempts), ("poison", 1));
    assert_eq!(letters[0].body.as_ref().map(|it| it.command_id), Some(CommandId::from_u128(10)));
    let ids = vec![letters[0].id.clone(), letters[0].id.clone(), "unknown".to_owned()];
    assert_eq!(world.messages.redrive(&ids).await.unwrap(), 1);
    assert_eq!(world.messages.redrive(&ids).await.unwrap(), 0);
    world.persist_all().await;
    assert_eq!(log(&world, room).await, [11, 12, 10]);
    d8_holds(world).await;
}

#[tokio::test]
async fn d8_what_was_stored_but_not_announced_stays_stored_though_it_is_a_dead_letter() {
    let (world, room, _folder) = room().await;
    world.send(vec![message(room, user(ADMIN), 10, "stored"), message(room, user(ADMIN), 11, "next")]).await;
    let (ids, _) = world.decide(lease(&world).await).await;
    let untold = Settlement::Dead { reason: "stored, but not announced".to_owned() };
    world.messages.settle(vec![(ids[0].clone(), untold), (ids[1].clone(), Settlement::Done)]).await.unwrap();
    assert_eq!(log(&world, room).await, [10, 11]);
    let letters = world.messages.dead_letters(None, 10).await.unwrap();
    assert_eq!(world.messages.redrive(&[letters[0].id.clone()]).await.unwrap(), 1);
    let again = world.persist_all().await;
    assert_eq!(again[0].1, Outcome::Applied { seq: 2 }, "a redrive is safe (D2)");
    d8_holds(world).await;
}

#[tokio::test]
async fn d8_a_command_sent_before_its_conversation_exists_takes_effect_where_it_does() {
    let (world, _, _folder) = room().await;
    let early = ConversationId::from_u128(77);
    world.send(vec![message(early, user(ADMIN), 10, "early"), message(early, user(ADMIN), 11, "too")]).await;
    world.create(77, ConversationKind::Group, user(ADMIN), &[]).await;
    world.send(vec![message(early, user(ADMIN), 12, "in time")]).await;
    world.persist_all().await;
    assert_eq!(log(&world, early).await, [10, 11, 12]);
    d8_holds(world).await;
}

#[tokio::test]
async fn d8_marks_are_replayed_as_they_were_answered() {
    let (world, room, _folder) = room().await;
    world.send((10..20).map(|id| message(room, user(ADMIN), id, "body")).collect()).await;
    let read = |seq| {
        chat::Change::Mark(vec![chat::Mark {
            conversation: room,
            user: user(ADMIN),
            read: Some(seq),
            delivered: None,
        }])
    };
    // Nothing is applied yet: there is no row at 5 to read up to.
    let outcome = world.store.change(read(5)).await.unwrap();
    assert!(matches!(&outcome, chat::ChangeOutcome::Marks(marks) if !marks[0].2), "{outcome:?}");
    world.persist_all().await;
    let outcome = world.store.change(read(5)).await.unwrap();
    assert!(matches!(&outcome, chat::ChangeOutcome::Marks(marks) if marks[0].1.read_ordinal == 4));
    d8_holds(world).await;
}
