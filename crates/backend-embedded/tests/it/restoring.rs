//! Restoring (D4, D8): the copy holds what the source held at that moment, under another epoch.

use std::{fs, path::Path, sync::Arc};

use backend_embedded::{Config, History, RestoreError, RestoreUntil, Restored, restore};
use chat::ports::{Clock, Randomness};

use crate::support::{NOW, Row, World, clock_at, dump, message, open, randomness, small, user};

const GENESIS: &[u8] = b"\x01genesis";

fn restored(from: &Path, to: &Config, until: RestoreUntil) -> Result<Restored, RestoreError> {
    let clock: Arc<dyn Clock> = clock_at(NOW + 1_000_000_000);
    let randomness: Arc<dyn Randomness> = randomness(99);
    restore(from, to, until, &clock, &randomness)
}

fn without_genesis(rows: Vec<Row>) -> Vec<Row> {
    rows.into_iter().filter(|(key, _)| key != GENESIS).collect()
}

async fn talk(world: &World, room: chat::ConversationId, ids: std::ops::Range<u128>) {
    for id in ids {
        world.send(vec![message(room, user(1), id, &"word ".repeat(400))]).await;
        world.persist_all().await;
        world.clock.advance(10);
    }
}

#[tokio::test]
async fn d8_a_restored_folder_holds_what_was_there_then() {
    let folder = tempfile::tempdir().unwrap();
    let world = open(small(&folder.path().join("data")));
    let room = world.create(9, chat::ConversationKind::Group, user(1), &[user(2)]).await;
    talk(&world, room, 100..150).await;
    let then = world.clock.now_ms();
    world.clock.advance(1);
    let early = world.killed();
    talk(&world, room, 150..400).await;
    let (config, epoch) = (world.config.clone(), world.backend.epoch());
    drop(world);
    // What a start makes of the folder as it was then.
    let early = Config { data: early.path().to_path_buf(), ..config.clone() };
    drop(open(early.clone()));

    let to = small(&folder.path().join("to"));
    let restored_then = restored(&config.data, &to, RestoreUntil::TimeMs(then)).unwrap();
    assert!(restored_then.epoch != epoch && restored_then.last_time_ms <= then);
    assert_eq!(without_genesis(dump(&to)), without_genesis(dump(&early)));
    let world = open(to);
    assert_eq!(world.backend.epoch(), restored_then.epoch);
    assert_eq!(world.store.heads(&[room]).await.unwrap(), [51]);
    talk(&world, room, 500..510).await;
    let config_to = world.config.clone();
    drop(world);
    let before = dump(&config_to);
    fs::remove_dir_all(config_to.data.join("store")).unwrap();
    drop(open(config_to.clone()));
    assert_eq!(dump(&config_to), before, "the restored journal makes the restored store, its epoch too");

    let whole = small(&folder.path().join("whole"));
    restored(&config.data, &whole, RestoreUntil::End).unwrap();
    assert_eq!(without_genesis(dump(&whole)), without_genesis(dump(&config)));
    let again = restored(&config.data, &whole, RestoreUntil::End);
    assert!(matches!(again, Err(RestoreError::Exists(_))), "{again:?}");
}

#[tokio::test]
async fn d4_without_an_archive_the_whole_folder_is_restored_and_no_part_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { history: History::Recycle, ..small(&folder.path().join("data")) };
    let world = open(config.clone());
    let room = world.create(9, chat::ConversationKind::Group, user(1), &[user(2)]).await;
    let mut first = 0;
    for batch in 0.. {
        let ids = (0..500).map(|n| 1_000 + batch * 500 + n);
        world.send(ids.map(|id| message(room, user(1), id, &"word ".repeat(400))).collect()).await;
        world.persist_all().await;
        first = world.backend.gauges().journal_first;
        if first > 1 || batch > 40 {
            break;
        }
    }
    assert!(first > 1, "the beginning of the journal is overwritten");
    let epoch = world.backend.epoch();
    let heads = world.store.heads(&[room]).await.unwrap();
    drop(world);

    let to = Config { history: History::Recycle, ..small(&folder.path().join("to")) };
    let part = restored(&config.data, &to, RestoreUntil::Position(first + 10));
    assert!(matches!(part, Err(RestoreError::NoBeginning { .. })), "{part:?}");
    fs::remove_dir_all(&to.data).unwrap();
    let whole = restored(&config.data, &to, RestoreUntil::End).unwrap();
    assert_ne!(whole.epoch, epoch);
    let world = open(to);
    assert_eq!(world.backend.epoch(), whole.epoch);
    assert_eq!(world.store.heads(&[room]).await.unwrap(), heads);
}
