//! The straight path: accounts, conversations, messages, restart.
//! Proves D1, D2 and D3 where nothing goes wrong.

use std::time::Duration;

use backend_embedded::Config;
use chat::{
    Account, AccountRole, Change, ChangeOutcome, ConversationKind, Outcome, RegistrationPolicy,
    ports::{ErrorKind, EventsQuery, Retry},
};

use crate::support::{NOW, dump, message, open, small, user};

pub(crate) fn account(id: u128, name: &str) -> Change {
    let account = Account {
        user: user(id),
        username: name.to_owned(),
        display_name: name.to_owned(),
        password_hash: "$argon2id$…".to_owned(),
        role: AccountRole::Member,
        created_at: NOW,
        disabled_at: None,
        seen_at: None,
    };
    Change::CreateAccount { account, invite: None, policy: RegistrationPolicy::Open }
}

#[tokio::test]
async fn d1_what_was_sent_and_changed_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let world = open(small(folder.path()));
    assert!(world.backend.opened().is_new);
    let epoch = world.backend.epoch();
    let ChangeOutcome::Account(first) = world.store.change(account(1, "Ada")).await.unwrap() else {
        panic!()
    };
    assert_eq!(first.role, AccountRole::Owner);
    let room = world.create(9, ConversationKind::Group, user(1), &[user(2)]).await;
    world.send((10..20).map(|id| message(room, user(1), id, &format!("body {id}"))).collect()).await;
    let outcomes = world.persist_all().await;
    let seqs: Vec<Outcome> = outcomes.iter().map(|(_, outcome)| *outcome).collect();
    assert_eq!(seqs, (2..12).map(|seq| Outcome::Applied { seq }).collect::<Vec<_>>());
    world.send(vec![message(room, user(2), 30, "not yet applied")]).await;

    let world = world.reopen();
    assert_eq!(world.backend.epoch(), epoch);
    assert!(!world.backend.opened().is_new);
    assert_eq!(world.store.account_by_username("ADA").await.unwrap(), Some(*first));
    // A start applies what was accepted, and leaves it in the queue for who has to tell of it.
    assert_eq!(world.store.heads(&[room]).await.unwrap(), [12]);
    let outcomes = world.persist_all().await;
    assert_eq!(outcomes.len(), 1, "what was settled does not come again");
    assert_eq!(outcomes[0].1, Outcome::Applied { seq: 12 });
    let page = world.store.events(room, EventsQuery::After(0), 500, 1 << 20).await.unwrap();
    assert_eq!(page.rows.iter().map(|row| row.event.seq).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    assert!(!page.more);
}

#[tokio::test]
async fn d1_and_d2_a_killed_process_loses_nothing_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let world = open(small(folder.path()));
    let room = world.create(9, ConversationKind::Group, user(1), &[user(2)]).await;
    world.send((10..40).map(|id| message(room, user(1), id, &format!("body {id}"))).collect()).await;
    let leases = world.messages.lease(20, Duration::ZERO).await.unwrap();
    assert_eq!(leases.len(), 20);
    world.decide(leases).await;
    let killed = world.killed();
    let again = open(world.configured_for(killed.path()));
    again.persist_all().await;
    let page = again.store.events(room, EventsQuery::After(1), 500, 1 << 20).await.unwrap();
    let ids: Vec<u128> = page.rows.iter().map(|row| row.event.command_id.as_u128()).collect();
    assert_eq!(ids, (10..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn d8_a_deleted_store_is_rebuilt_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let world = open(small(folder.path()));
    world.store.change(account(1, "Ada")).await.unwrap();
    let room = world.create(9, ConversationKind::Group, user(1), &[user(2)]).await;
    world.send((10..3000).map(|id| message(room, user(1), id, &format!("body {id}"))).collect()).await;
    world.persist_all().await;
    let config = world.config.clone();
    drop(world);
    let before = dump(&config);
    std::fs::remove_dir_all(config.data.join("store")).unwrap();
    let world = open(config.clone());
    assert_eq!(world.backend.opened().commands, 2990);
    assert!(world.persist_all().await.is_empty());
    drop(world);
    assert_eq!(dump(&config), before);
}

#[tokio::test]
async fn d6_commands_are_refused_while_the_oldest_waits_for_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let world = open(Config { queue_age_max_ms: 5_000, ..small(folder.path()) });
    let commands = world.backend.commands();
    let room = world.create(9, ConversationKind::Group, user(1), &[]).await;
    assert!(world.persist_all().await.is_empty(), "a worker is there, and has come to the journal's end");
    commands.submit(vec![message(room, user(1), 10, "first")]).await.unwrap();
    world.clock.advance(5_000);
    commands.submit(vec![message(room, user(1), 11, "just in time")]).await.unwrap();
    world.clock.advance(1);
    let late = message(room, user(1), 12, "too late");
    for refused in
        [commands.submit(vec![late.clone()]).await, commands.execute(late.clone()).await.map(|_| ())]
    {
        let error = refused.unwrap_err();
        assert_eq!((error.kind, error.retry), (ErrorKind::Overloaded, Retry::AfterMs(1_000)));
    }
    assert_eq!(world.persist_all().await.len(), 2, "what was refused is not in the queue");
    commands.submit(vec![late]).await.unwrap();
}
