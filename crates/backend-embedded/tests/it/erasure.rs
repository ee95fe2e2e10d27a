//! Deleted text is nowhere: not in the rows, not in the journal, not in old tables; and the store still equals its
//! replay (D8).
//! Looks for the text in the bytes of every file.

use std::{fs, ops::ControlFlow, path::Path, time::Duration};

use backend_embedded::Config;
use chat::{
    Command, ConversationKind,
    ports::{Lease, Settlement},
};

use crate::support::{World, dump, envelope, message, open, small, user};

/// Whether any file under the folder holds these bytes.
fn stands_in(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().flatten().any(|entry| {
        if entry.path().is_dir() {
            return stands_in(&entry.path(), text);
        }
        let bytes = fs::read(entry.path()).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

async fn secrets(world: &World) -> chat::ConversationId {
    let room = world.create(9, ConversationKind::Group, user(1), &[]).await;
    let edit = |id, target, body: &str| {
        envelope(room, user(1), id, Command::Edit { target, body: body.to_owned(), mentions: vec![] })
    };
    world
        .send(vec![
            message(room, user(1), 10, "SECRET-ONE"),
            message(room, user(1), 11, "kept-text"),
            message(room, user(1), 10, "SECRET-ONE"),
            edit(12, 2, "SECRET-TWO"),
            edit(13, 2, "SECRET-TWO"),
            edit(14, 2, "SECRET-ONE"),
            edit(15, 2, "x"),
            edit(16, 2, "y"),
        ])
        .await;
    world.persist_all().await;
    room
}

/// Names the first rows in which two dumps differ.
fn same(before: &[(Vec<u8>, Vec<u8>)], after: &[(Vec<u8>, Vec<u8>)]) {
    let missing: Vec<_> = before.iter().filter(|row| !after.contains(row)).take(3).collect();
    let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).take(3).collect();
    assert!(missing.is_empty() && new.is_empty(), "before: {missing:?}, after replay: {new:?}");
}

#[tokio::test]
async fn d8_a_deleted_text_is_nowhere_on_disk_and_replay_still_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { erase_after_ms: 1_000, ..small(folder.path()) };
    let world = open(config.clone());
    let room = secrets(&world).await;
    assert!(stands_in(folder.path(), "SECRET-ONE"), "or the search is wrong");
    world.send(vec![envelope(room, user(1), 20, Command::Delete { target: 2 })]).await;
    world.persist_all().await;
    assert!(world.store.versions(room, 2).await.unwrap().is_empty());
    assert_eq!(world.backend.erase_due().unwrap(), 0, "its time has not come");
    world.clock.advance(60_000);
    assert_eq!(world.backend.erase_due().unwrap(), 1);
    let world = world.reopen();
    assert_eq!(world.backend.erase_due().unwrap(), 0, "it is done once");
    drop(world);
    for text in ["SECRET-ONE", "SECRET-TWO"] {
        assert!(!stands_in(folder.path(), text), "{text}");
    }
    assert!(stands_in(folder.path(), "kept-text"));
    let before = dump(&config);
    fs::remove_dir_all(config.data.join("store")).unwrap();
    let world = open(config.clone());
    assert!(world.persist_all().await.is_empty());
    drop(world);
    same(&before, &dump(&config));
}

#[tokio::test]
async fn d8_text_that_came_and_went_in_one_batch_is_erased_too() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { erase_after_ms: 0, ..small(folder.path()) };
    let world = open(config.clone());
    let room = world.create(9, ConversationKind::Group, user(1), &[]).await;
    let edit = Command::Edit { target: 2, body: "SECRET-TWO".to_owned(), mentions: vec![] };
    world
        .send(vec![
            message(room, user(1), 10, "SECRET-ONE"),
            envelope(room, user(1), 11, edit),
            envelope(room, user(1), 12, Command::Delete { target: 2 }),
        ])
        .await;
    world.persist_all().await;
    world.clock.advance(60_000);
    assert_eq!(world.backend.erase_due().unwrap(), 1);
    drop(world);
    for text in ["SECRET-ONE", "SECRET-TWO"] {
        assert!(!stands_in(folder.path(), text), "{text}");
    }
    let before = dump(&config);
    fs::remove_dir_all(config.data.join("store")).unwrap();
    drop(open(config.clone()));
    same(&before, &dump(&config));
}

#[tokio::test]
async fn d7_inspection_shows_everything_but_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let world = open(small(folder.path()));
    let account = chat::Account {
        user: user(1),
        username: "ada".to_owned(),
        display_name: "Ada".to_owned(),
        password_hash: "PASSWORD-HASH".to_owned(),
        role: chat::AccountRole::Member,
        created_at: 1,
        disabled_at: None,
        seen_at: None,
    };
    let policy = chat::RegistrationPolicy::Open;
    let change = chat::Change::CreateAccount { account, invite: Some([77; 32]), policy };
    world.store.change(change).await.unwrap();
    let session = chat::Session {
        session: chat::SessionId::from_u128(5),
        user: user(1),
        token_hash: [88; 32],
        agent: "browser".to_owned(),
        created_at: 1,
        expires_at: 2,
    };
    world.store.change(chat::Change::CreateSession(session)).await.unwrap();
    secrets(&world).await;
    let config = world.config.clone();
    drop(world);
    let inspector = backend_embedded::Inspector::open(&config).unwrap();
    let mut lines = String::new();
    let mut line = |value: serde_json::Value| {
        lines.push_str(&value.to_string());
        ControlFlow::Continue(())
    };
    inspector.rows(None, &mut line).unwrap();
    inspector.records(1, &mut line).unwrap();
    for shown in ["ada", "browser", "kept-text", "genesis"] {
        assert!(lines.contains(shown), "{shown}");
    }
    for hidden in ["PASSWORD-HASH", "77,77,77", "88,88,88"] {
        assert!(!lines.contains(hidden), "{hidden}");
    }
}

/// Everything a client may still send that holds the text: none of it stays (D7), and replay decides alike (D8).
#[tokio::test]
async fn d8_refused_edits_dead_letters_and_late_resends_are_erased_too() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { erase_after_ms: 1_000, ..small(folder.path()) };
    let world = open(config.clone());
    let room = world.create(9, ConversationKind::Group, user(1), &[user(2)]).await;
    let edit = |actor, id, body: &str| {
        let body = format!("SECRET-{body}");
        envelope(room, user(actor), id, Command::Edit { target: 2, body, mentions: vec![] })
    };
    world
        .send(vec![message(room, user(1), 10, "SECRET-ONE"), edit(1, 11, "TWO"), edit(2, 12, "THREE")])
        .await;
    world.persist_all().await;
    bury(&world, edit(1, 13, "FOUR")).await;
    world.send(vec![envelope(room, user(1), 20, Command::Delete { target: 2 }), edit(1, 21, "FIVE")]).await;
    world.persist_all().await;
    bury(&world, message(room, user(1), 10, "SECRET-ONE")).await;
    world.clock.advance(60_000);
    assert_eq!(world.backend.erase_due().unwrap(), 1);
    let letters = world.messages.dead_letters(None, 10).await.unwrap();
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().all(|letter| !format!("{letter:?}").contains("SECRET")), "{letters:?}");
    let world = world.reopen();
    nowhere_in(&world, "SECRET");

    // After the pass: a resend, an edit, and a resend that dies. Each is for the next pass.
    world
        .send(vec![message(room, user(1), 10, "SECRET-ONE"), edit(1, 30, "SIX"), edit(2, 31, "SEVEN")])
        .await;
    world.persist_all().await;
    bury(&world, edit(1, 32, "EIGHT")).await;
    assert!(stands_in(folder.path(), "SECRET-EIGHT"), "or the search is wrong");
    assert_eq!(world.backend.erase_due().unwrap(), 0, "its time has not come");
    world.clock.advance(60_000);
    assert_eq!(world.backend.erase_due().unwrap(), 1);
    let world = world.reopen();
    nowhere_in(&world, "SECRET");
    let names: Vec<String> =
        world.messages.dead_letters(None, 10).await.unwrap().into_iter().map(|letter| letter.id).collect();
    assert_eq!(world.messages.redrive(&names).await.unwrap(), 3);
    assert_eq!(world.persist_all().await.len(), 3);
    world.clock.advance(60_000);
    world.backend.erase_due().unwrap();
    drop(world);
    let before = dump(&config);
    fs::remove_dir_all(config.data.join("store")).unwrap();
    drop(open(config.clone()));
    same(&before, &dump(&config));
}

/// Sends a command that goes to the dead letters.
async fn bury(world: &World, envelope: chat::Envelope) {
    world.send(vec![envelope]).await;
    let leases = world.messages.lease(64, Duration::ZERO).await.unwrap();
    let dead =
        |lease: Lease<chat::Envelope>| (lease.id, Settlement::Dead { reason: "for the test".to_owned() });
    world.messages.settle(leases.into_iter().map(dead).collect()).await.unwrap();
}

fn nowhere_in(world: &World, text: &str) {
    assert!(!stands_in(world.killed().path(), text), "{text} stands in a file");
}
