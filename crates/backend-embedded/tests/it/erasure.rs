//! Deleted text is nowhere: not in the rows, not in the journal, not in old tables; and the store still equals its
//! replay (D8).
//! Looks for the text in the bytes of every file.

use std::{fs, ops::ControlFlow, path::Path};

use backend_embedded::Config;
use chat::{Command, ConversationKind};

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
