//! Embedded homes in folders, with people in them, and exports of them.

use std::{path::Path, sync::Arc};

use backend_embedded::{Config, Embedded, OpenError};
use chat::{
    Epoch, NodeId, Upload,
    ports::{Clock, Randomness},
};
use conformance::{
    harness::Backend,
    household::{Contents, Household, Size, inhabit},
    suite::world::World,
};
use moving::{Exporter, House, ImportOptions, Imported, Manifest, MovingError, Unwatched};
use object_store::{
    ObjectStore, ObjectStoreExt as _, PutPayload, local::LocalFileSystem, path::Path as FilePath,
};
use sha2::{Digest as _, Sha256};

/// Enough of everything.
pub(crate) const SIZE: Size = Size { people: 12, rooms: 6, commands: 400 };
/// As an operator imports.
pub(crate) const PLAIN: ImportOptions = ImportOptions { is_history_new: false, is_verified: true };

struct System;

impl Clock for System {
    fn now_ms(&self) -> u64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        u64::try_from(now.as_millis()).unwrap()
    }
}

impl Randomness for System {
    fn fill(&self, bytes: &mut [u8]) {
        // Different for everybody, which is all that is asked here.
        for chunk in bytes.chunks_mut(16) {
            let random = uuid::Uuid::from_u128(u128::from(std::process::id()) << 64 | u128::from(next()));
            chunk.copy_from_slice(&Sha256::digest(random.as_bytes())[..chunk.len()]);
        }
    }
}

fn next() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An open home.
pub(crate) struct Open {
    pub(crate) embedded: Embedded,
    pub(crate) house: House,
}

impl Open {
    pub(crate) fn world(&self) -> World {
        let backend = Backend {
            store: self.embedded.store(),
            messages: self.embedded.messages(),
            notifications: self.embedded.notifications(),
            commands: self.embedded.commands(),
            directory: self.embedded.directory(),
            search: self.embedded.search(),
            clock: Arc::new(System),
            randomness: Arc::new(System),
            applied: Some(self.embedded.applied_hook()),
            nodes: vec![NodeId::from_u128(1)],
        };
        World::over(backend, next() * 1_000_000 + 1)
    }

    pub(crate) async fn contents(&self) -> Contents {
        Contents::read(&*self.house.store, &*self.house.messages, &*self.house.moving).await
    }
}

fn config(data: &Path) -> Config {
    Config { segment_bytes: 4 << 20, memtable_bytes: 64 << 10, ..Config::new(data) }
}

fn opened(data: &Path, embedded: Embedded) -> Open {
    std::fs::create_dir_all(data.join("files")).unwrap();
    let house = House {
        store: embedded.store(),
        moving: embedded.moving(),
        messages: embedded.messages(),
        notifications: embedded.notifications(),
        files: Arc::new(LocalFileSystem::new_with_prefix(data.join("files")).unwrap()),
    };
    Open { embedded, house }
}

pub(crate) fn try_open(data: &Path) -> Result<Open, OpenError> {
    Embedded::open(config(data), Arc::new(System), Arc::new(System)).map(|embedded| opened(data, embedded))
}

pub(crate) fn open(data: &Path) -> Open {
    try_open(data).unwrap()
}

pub(crate) fn open_to_take_in(data: &Path, epoch: Epoch) -> Open {
    let embedded = Embedded::open_to_take_in(config(data), epoch, Arc::new(System), Arc::new(System));
    opened(data, embedded.unwrap())
}

/// A home that people have lived in, with the files that they have sent.
pub(crate) async fn inhabited(data: &Path) -> (Open, Household) {
    inhabited_by(data, SIZE).await
}

pub(crate) async fn inhabited_by(data: &Path, size: Size) -> (Open, Household) {
    let home = open(data);
    let household = inhabit(&home.world(), size, |bytes| Sha256::digest(bytes).into()).await;
    put_files(&*home.house.files, &household).await;
    (home, household)
}

pub(crate) async fn put_files(files: &dyn ObjectStore, household: &Household) {
    for (upload, bytes) in &household.files {
        let id = upload.file.attachment;
        put(files, &format!("files/{id}"), bytes.clone()).await;
        if upload.file.has_thumbnail {
            put(files, &format!("thumbnails/{id}"), b"small".to_vec()).await;
        }
    }
    for (user, avatar) in &household.avatars {
        put(files, &format!("avatars/{user}/{avatar}"), b"a face".to_vec()).await;
    }
}

pub(crate) async fn put(files: &dyn ObjectStore, path: &str, bytes: Vec<u8>) {
    files.put(&FilePath::from(path), PutPayload::from(bytes)).await.unwrap();
}

/// The bytes of a file as the home has them.
pub(crate) async fn bytes_of(files: &dyn ObjectStore, upload: &Upload) -> Option<Vec<u8>> {
    let path = FilePath::from(format!("files/{}", upload.file.attachment));
    match files.get(&path).await {
        Ok(file) => Some(file.bytes().await.unwrap().to_vec()),
        Err(object_store::Error::NotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn exporter() -> Exporter {
    let export_id = Epoch::new(System.now_ms(), &random()).uuid();
    Exporter { export_id, program: "test".to_owned(), made_at_ms: System.now_ms() }
}

fn random() -> [u8; 10] {
    let mut random = [0; 10];
    System.fill(&mut random);
    random
}

pub(crate) async fn export(home: &Open, folder: &Path) -> Result<Manifest, MovingError> {
    moving::export(&home.house, folder, exporter(), Arc::new(Unwatched)).await
}

pub(crate) async fn import(home: &Open, folder: &Path) -> Result<Imported, MovingError> {
    moving::import(&home.house, folder, PLAIN, Arc::new(Unwatched)).await
}

/// Whether any file in a folder, or below it, has these bytes.
pub(crate) fn holds(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

pub(crate) fn open_with(config: Config) -> Open {
    let data = config.data.clone();
    opened(&data, Embedded::open(config, Arc::new(System), Arc::new(System)).unwrap())
}
