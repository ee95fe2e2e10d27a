//! A home that has moved is the one it was: read by its ports, lived in further, and made again from its journal.

use chat::{Command, Outcome};
use conformance::suite::world::message;

use crate::support::{bytes_of, export, holds, import, inhabited, open, open_to_take_in, put, try_open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d2_d3_d4_d8_d9_a_home_moves_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (old_data, new_data) = (folder.path().join("old"), folder.path().join("new"));
    let export_folder = folder.path().join("export");
    let (old, household) = inhabited(&old_data).await;
    let before = old.contents().await;
    for (kind, least) in [
        ("people", 12),
        ("sessions", 14),
        ("invitations", 3),
        ("events", 150),
        ("versions", 3),
        ("reactions", 3),
        ("uploads", 3),
        ("loose uploads", 2),
        ("dead letters", 3),
        ("failures", 3),
        ("entries", 20),
        ("channels", 3),
    ] {
        assert!(before.count(kind) >= least, "{}: {}", kind, before.count(kind));
    }
    let manifest = export(&old, &export_folder).await.unwrap();
    assert_eq!(manifest.counts["people"].count, 12);
    assert_eq!(manifest.counts["events"].count, before.count("events") as u64);
    assert_eq!(manifest.files_missing, 0);
    moving::check(&export_folder, std::sync::Arc::new(moving::Unwatched)).await.unwrap();

    let new = open_to_take_in(&new_data, old.house.store.epoch());
    let imported = import(&new, &export_folder).await.unwrap();
    assert_eq!((imported.blocks_before, imported.was_finished), (0, false));
    assert_eq!(imported.files_copied, manifest.files);
    assert!(import(&new, &export_folder).await.unwrap().was_finished, "a second time does nothing");
    assert_eq!(new.contents().await.differences(&before), Vec::<String>::new());
    drop(new);
    let new = open(&new_data);
    let after = new.contents().await;
    assert_eq!(after.differences(&before), Vec::<String>::new());
    for (upload, bytes) in &household.files {
        let is_seen = bytes_of(&*old.house.files, upload).await.is_some();
        let found = bytes_of(&*new.house.files, upload).await;
        assert!(found.is_none_or(|found| is_seen && found == *bytes));
    }

    // D2: what was applied in the old home is known in the new one.
    let world = new.world();
    for (envelope, seq) in &household.applied {
        assert_eq!(world.execute(envelope.clone()).await, Outcome::Applied { seq: *seq });
    }
    assert_eq!(new.contents().await.differences(&before), Vec::<String>::new());
    // D3: what is said next comes next.
    let (conversation, someone) = (household.conversations[0], household.people[0]);
    let head = new.house.store.heads(&[conversation]).await.unwrap()[0];
    if new.house.store.member(conversation, someone).await.unwrap().is_some() {
        assert_eq!(world.applied(conversation, someone, message("here now")).await, head + 1);
    }
    let letter = new.house.messages.dead_letters(None, 1).await.unwrap().remove(0);
    assert_eq!(new.house.messages.redrive(&[letter.id]).await.unwrap(), 1);
    let command = letter.body.expect("it reads");
    let key = (command.conversation, command.actor, command.command_id);
    world.settle_until(key).await;
    assert_eq!(new.house.messages.dead_letters(None, 10).await.unwrap().len(), 2);
    let lived_in = new.contents().await;
    drop((world, new));

    // D8: the journal alone gives the same home.
    std::fs::remove_dir_all(new_data.join("store")).unwrap();
    let again = open(&new_data);
    assert_eq!(again.contents().await.differences(&lived_in), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d7_what_is_deleted_after_a_move_is_erased_from_where_the_move_has_written_it() {
    let folder = tempfile::tempdir().unwrap();
    let (old_data, new_data) = (folder.path().join("old"), folder.path().join("new"));
    let export_folder = folder.path().join("export");
    let old = open(&old_data);
    let world = old.world();
    let [ada, bob] = world.users(["ada", "bob"]).await;
    let room = world.group(ada, &[bob]).await;
    let secret = "a word that nobody else has: xyzzyplugh";
    let seq = world.say(room, ada, secret).await;
    let edited = world.say(room, ada, "first it was xyzzyfirst").await;
    world.applied(room, ada, conformance::suite::world::edit(edited, "now it is harmless")).await;
    drop(world);
    let epoch = old.house.store.epoch();
    export(&old, &export_folder).await.unwrap();
    drop(old);

    let new = open_to_take_in(&new_data, epoch);
    import(&new, &export_folder).await.unwrap();
    drop(new);
    let config = backend_embedded::Config { erase_after_ms: 0, ..backend_embedded::Config::new(&new_data) };
    let new = crate::support::open_with(config);
    assert!(holds(&new_data.join("journal"), "xyzzyplugh") && holds(&new_data.join("journal"), "xyzzyfirst"));
    let world = new.world();
    for target in [seq, edited] {
        world.applied(room, ada, Command::Delete { target }).await;
    }
    assert_eq!(new.embedded.erase_due().unwrap(), 2);
    let before = new.contents().await;
    drop((world, new));
    for text in ["xyzzyplugh", "xyzzyfirst"] {
        assert!(!holds(&new_data.join("journal"), text), "{text} is still in the journal");
    }
    std::fs::remove_dir_all(new_data.join("store")).unwrap();
    let again = open(&new_data);
    assert_eq!(again.contents().await.differences(&before), Vec::<String>::new(), "D8 after erasing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_again_keeps_files_and_forgets_what_the_home_has_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let export_folder = folder.path().join("export");
    let (home, household) = inhabited(&folder.path().join("data")).await;
    moving::export_files(&*home.house.files, &export_folder, &moving::Unwatched).await.unwrap();
    let first = export(&home, &export_folder).await.unwrap();
    let stray = "files/00000000-0000-7000-8000-00000000dead";
    let objects =
        object_store::local::LocalFileSystem::new_with_prefix(export_folder.join("objects")).unwrap();
    put(&objects, stray, vec![1]).await;
    let second = export(&home, &export_folder).await.unwrap();
    assert_ne!(first.export_id, second.export_id);
    assert_eq!((&first.counts, first.files), (&second.counts, second.files));
    assert!(!export_folder.join("objects").join(stray).exists(), "no file that nothing knows");
    let folders = std::fs::read_dir(&export_folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("records-"));
    assert_eq!(folders.count(), 1, "the records of the first are gone");
    // A file that the home has lost is named and does not stop the move.
    let (lost, _) = household
        .files
        .iter()
        .find(|(upload, _)| export_folder.join(format!("objects/files/{}", upload.file.attachment)).exists())
        .unwrap();
    let name = format!("files/{}", lost.file.attachment);
    std::fs::remove_file(folder.path().join("data/files").join(&name)).unwrap();
    let third = export(&home, &export_folder).await.unwrap();
    assert_eq!((third.files, third.files_missing), (second.files - 1, 1));
    drop(home);
    assert!(try_open(&folder.path().join("data")).is_ok(), "the home is as it was");
}
