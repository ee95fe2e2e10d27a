//! What is not what was written is refused by its name, before anything of it is taken in.

use std::{fs, path::PathBuf, sync::Arc};

use moving::{MovingError, Unwatched};

use crate::support::{export, import, inhabited, open_to_take_in};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_of_any_kind_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let export_folder = folder.path().join("export");
    let (old, _) = inhabited(&folder.path().join("old")).await;
    let manifest = export(&old, &export_folder).await.unwrap();
    let an_object = fs::read_dir(export_folder.join("objects/files")).unwrap().next().unwrap().unwrap();
    let object = PathBuf::from("files").join(an_object.file_name());
    let data = folder.path().join("new");
    let new = open_to_take_in(&data, old.house.store.epoch());
    for (path, name) in [
        (export_folder.join("manifest.json"), "manifest.json".to_owned()),
        (export_folder.join(&manifest.records[0].path), manifest.records[0].path.clone()),
        (export_folder.join(&manifest.file_lists[0].path), manifest.file_lists[0].path.clone()),
        (export_folder.join("objects").join(&object), object.display().to_string()),
    ] {
        let right = fs::read(&path).unwrap();
        let mut wrong = right.clone();
        let middle = wrong.len() / 2;
        wrong[middle] ^= 1;
        fs::write(&path, wrong).unwrap();
        let checked = moving::check(&export_folder, Arc::new(Unwatched)).await.unwrap_err();
        let refused = import(&new, &export_folder).await.unwrap_err();
        for error in [checked, refused] {
            let MovingError::Damaged { file, .. } = &error else { panic!("{error}") };
            assert_eq!(file.replace("manifest.new", ""), name, "{error}");
        }
        fs::write(&path, right).unwrap();
    }
    // Put right, it goes in.
    import(&new, &export_folder).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_export_and_a_folder_that_is_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let new = open_to_take_in(&folder.path().join("new"), chat::Epoch::from_u128(1));
    assert!(matches!(import(&new, folder.path()).await, Err(MovingError::NoExport(_))));
    fs::write(folder.path().join("manifest.json"), r#"{"format": 99}"#).unwrap();
    let refused = import(&new, folder.path()).await.unwrap_err();
    assert!(matches!(refused, MovingError::Newer { found: 99, supported: 1 }), "{refused}");
    assert!(new.house.moving.arrival().await.unwrap().is_none(), "nothing has begun");
}
