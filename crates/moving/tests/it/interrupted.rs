//! Moves that end anywhere go on where they were, and nobody serves a home that is half there.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use backend_embedded::OpenError;
use chat::{
    ConversationId, Epoch, Kept, Portable, PortableMember, UserId,
    ports::{Arrival, ErrorKind, Moving, PortError},
};
use moving::{House, MovingError};

use crate::support::{export, import, inhabited, inhabited_by, open, open_to_take_in, try_open};

/// A home that fails for good after some batches, and sometimes for a moment before.
struct Breaking {
    inner: Arc<dyn Moving>,
    left: AtomicI64,
}

#[async_trait]
impl Moving for Breaking {
    async fn kept(&self, user: UserId) -> Result<Kept, PortError> {
        self.inner.kept(user).await
    }
    async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<PortableMember>, PortError> {
        self.inner.members(conversation, after, limit).await
    }
    async fn arrival(&self) -> Result<Option<Arrival>, PortError> {
        self.inner.arrival().await
    }
    async fn is_vacant(&self) -> Result<bool, PortError> {
        self.inner.is_vacant().await
    }
    async fn begin(&self, export: u128, epoch: Epoch) -> Result<(), PortError> {
        self.inner.begin(export, epoch).await
    }
    async fn take_in(&self, records: Vec<Portable>) -> Result<(), PortError> {
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            left if left <= 0 => Err(PortError::new(ErrorKind::Internal, "broken")),
            // It is in, and the answer is lost: it comes again.
            2 => {
                self.inner.take_in(records).await?;
                Err(PortError::new(ErrorKind::Unavailable, "for a moment"))
            }
            _ => self.inner.take_in(records).await,
        }
    }
    async fn reached(&self, batches: u64) -> Result<(), PortError> {
        self.inner.reached(batches).await
    }
    async fn finish(&self) -> Result<(), PortError> {
        self.inner.finish().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_ends_anywhere_goes_on_and_gives_the_same_home() {
    let folder = tempfile::tempdir().unwrap();
    let export_folder = folder.path().join("export");
    let size = conformance::household::Size { commands: 3_000, ..crate::support::SIZE };
    let (old, _) = inhabited_by(&folder.path().join("old"), size).await;
    let before = old.contents().await;
    let manifest = export(&old, &export_folder).await.unwrap();
    let blocks: u64 = manifest.records.iter().map(|file| file.blocks).sum();
    assert!(blocks > 6, "{blocks} blocks");
    let data = folder.path().join("new");
    for batches in [0, 1, 2, 7] {
        let new = open_to_take_in(&data, old.house.store.epoch());
        let breaking = Breaking { inner: new.house.moving.clone(), left: AtomicI64::new(batches) };
        let house = House { moving: Arc::new(breaking), ..new.house.clone() };
        let outcome =
            moving::import(&house, &export_folder, crate::support::PLAIN, Arc::new(moving::Unwatched)).await;
        let error = outcome.unwrap_err();
        assert!(matches!(&error, MovingError::Port(error) if error.operation == "broken"), "{error}");
        drop((house, new));
        let Err(refused) = try_open(&data) else { panic!("it is served half") };
        assert!(matches!(refused, OpenError::Unfinished { .. }), "{refused}");
        assert!(refused.to_string().contains("dynamowave import"), "{refused}");
    }
    let new = open_to_take_in(&data, old.house.store.epoch());
    let imported = import(&new, &export_folder).await.unwrap();
    assert!(imported.blocks_before >= 4, "it goes on at {}", imported.blocks_before);
    drop(new);
    let new = open(&data);
    assert_eq!(new.contents().await.differences(&before), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_ends_early_leaves_the_one_before_and_no_half_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let export_folder = folder.path().join("export");
    let (home, _) = inhabited(&folder.path().join("data")).await;
    let kept = export(&home, &export_folder).await.unwrap();
    // Somebody uses the home while it is read.
    let meddling =
        Meddling { inner: home.house.moving.clone(), world: home.world(), left: AtomicI64::new(1) };
    let house = House { moving: Arc::new(meddling), ..home.house.clone() };
    let outcome =
        moving::export(&house, &export_folder, crate::support::exporter(), Arc::new(moving::Unwatched)).await;
    assert!(matches!(outcome, Err(MovingError::InUse { kind: "people" })), "{outcome:?}");
    let found = moving::check(&export_folder, Arc::new(moving::Unwatched)).await.unwrap();
    assert_eq!(found, kept, "the one before holds");
    let again = export(&home, &export_folder).await.unwrap();
    assert_eq!(again.counts["people"].count, kept.counts["people"].count + 1);
    let left = std::fs::read_dir(&export_folder).unwrap().count();
    assert_eq!(left, 3, "manifest, records, objects");
}

/// Registers somebody as soon as members are read.
struct Meddling {
    inner: Arc<dyn Moving>,
    world: conformance::suite::world::World,
    left: AtomicI64,
}

#[async_trait]
impl Moving for Meddling {
    async fn kept(&self, user: UserId) -> Result<Kept, PortError> {
        self.inner.kept(user).await
    }
    async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<PortableMember>, PortError> {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.world.user("latecomer").await;
        }
        self.inner.members(conversation, after, limit).await
    }
    async fn arrival(&self) -> Result<Option<Arrival>, PortError> {
        self.inner.arrival().await
    }
    async fn is_vacant(&self) -> Result<bool, PortError> {
        self.inner.is_vacant().await
    }
    async fn begin(&self, export: u128, epoch: Epoch) -> Result<(), PortError> {
        self.inner.begin(export, epoch).await
    }
    async fn take_in(&self, records: Vec<Portable>) -> Result<(), PortError> {
        self.inner.take_in(records).await
    }
    async fn reached(&self, batches: u64) -> Result<(), PortError> {
        self.inner.reached(batches).await
    }
    async fn finish(&self) -> Result<(), PortError> {
        self.inner.finish().await
    }
}
