//! Moves that would mix two homes, or leave something behind, do not begin.

use std::{sync::Arc, time::Duration};

use chat::Epoch;
use moving::{ImportOptions, MovingError, Unwatched};

use crate::support::{PLAIN, export, import, inhabited, open, open_to_take_in};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_that_somebody_lives_in_takes_nothing_in() {
    let folder = tempfile::tempdir().unwrap();
    let export_folder = folder.path().join("export");
    let (old, _) = inhabited(&folder.path().join("old")).await;
    let epoch = old.house.store.epoch();
    export(&old, &export_folder).await.unwrap();
    let lived_in = open(&folder.path().join("lived-in"));
    lived_in.world().user("somebody").await;
    assert!(matches!(import(&lived_in, &export_folder).await, Err(MovingError::NotVacant)));
    let started = open(&folder.path().join("started"));
    assert!(matches!(import(&started, &export_folder).await, Err(MovingError::WrongEpoch)));
    // One that has begun with another export goes on with that alone.
    let begun = open_to_take_in(&folder.path().join("begun"), epoch);
    begun.house.moving.begin(7, epoch).await.unwrap();
    assert!(matches!(import(&begun, &export_folder).await, Err(MovingError::TakenByAnother)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_a_home_with_something_on_its_way_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let home = open(&folder.path().join("data"));
    let world = home.world();
    let [ada, bob] = world.users(["ada", "bob"]).await;
    let room = world.group(ada, &[bob]).await;
    let envelope = world.envelope(room, ada, conformance::suite::world::message("on its way"));
    home.embedded.commands().submit(vec![envelope.clone()]).await.unwrap();
    let refused = export(&home, &folder.path().join("export")).await.unwrap_err();
    assert!(matches!(refused, MovingError::Busy { commands: 1, .. }), "{refused}");
    world.settle_until((room, ada, envelope.command_id)).await;
    export(&home, &folder.path().join("export")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d4_a_history_of_which_something_is_given_up_gets_an_epoch_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let export_folder = folder.path().join("export");
    let (old, _) = inhabited(&folder.path().join("old")).await;
    let manifest = export(&old, &export_folder).await.unwrap();
    let new_history = ImportOptions { is_history_new: true, ..PLAIN };
    assert_eq!(manifest.epoch_for(PLAIN), old.house.store.epoch());
    let epoch: Epoch = manifest.epoch_for(new_history);
    assert_ne!(epoch, old.house.store.epoch());
    assert_eq!(epoch, manifest.epoch_for(new_history), "the same for every try");
    let data = folder.path().join("new");
    let new = open_to_take_in(&data, epoch);
    moving::import(&new.house, &export_folder, new_history, Arc::new(Unwatched)).await.unwrap();
    drop(new);
    assert_eq!(open(&data).house.store.epoch(), epoch);
    let waited = old.house.messages.lease(1, Duration::ZERO).await.unwrap();
    assert!(waited.is_empty());
}
