//! Files in an object store: those of messages with their thumbnails, and people's pictures.
//! Knows names, bytes and bounds; who may see what is decided by the routes. Invariant: every blob is named by an id
//! that is used once, so a blob never changes, and what a crash leaves behind can be told by its name alone.

mod content;
mod picture;
mod receive;
mod serve;
mod sweep;

use std::{fmt, sync::Arc, time::Duration};

use chat::{AttachmentId, AvatarId, UserId};
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, path::Path};
use protocol::Code;
use tokio::sync::Semaphore;

pub use self::sweep::Swept;
pub(crate) use self::{
    content::is_picture,
    picture::{Picture, Shape},
    receive::{Expected, Received},
    serve::Blob,
    sweep::withdraw,
};
use crate::{
    Problem,
    limits::{
        BUCKET_PART_BYTES, FILE_BYTES_MAX_DEFAULT, PICTURE_WAIT_MS, PICTURES_AT_ONCE, PICTURES_WAITING,
        UPLOAD_PART_BYTES, UPLOADS_AT_ONCE,
    },
    rate::SlowDown,
};

/// The files of one server.
pub struct Files {
    store: Arc<dyn ObjectStore>,
    options: FileOptions,
    uploads: Semaphore,
    /// Places for those being decoded and those waiting for it.
    pictures: Semaphore,
    decoding: Arc<Semaphore>,
}

/// What an operator chooses about files.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// Largest file, bytes.
    pub size_bytes_max: u64,
    /// Bytes of an upload in memory before they are written.
    pub part_bytes: usize,
}

impl Default for FileOptions {
    fn default() -> Self {
        FileOptions { size_bytes_max: FILE_BYTES_MAX_DEFAULT, part_bytes: UPLOAD_PART_BYTES }
    }
}

impl FileOptions {
    /// Files of at most this size in a bucket of S3, which takes no small parts.
    #[must_use]
    pub fn in_bucket(size_bytes_max: u64) -> FileOptions {
        FileOptions { size_bytes_max, part_bytes: BUCKET_PART_BYTES }
    }
}

impl Files {
    /// Files in this store.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, options: FileOptions) -> Files {
        Files {
            store,
            options,
            uploads: Semaphore::new(UPLOADS_AT_ONCE),
            pictures: Semaphore::new(PICTURES_AT_ONCE + PICTURES_WAITING),
            decoding: Arc::new(Semaphore::new(PICTURES_AT_ONCE)),
        }
    }

    /// Files in memory, gone with the process: for tests and trials.
    #[must_use]
    pub fn in_memory() -> Files {
        Files::new(Arc::new(object_store::memory::InMemory::new()), FileOptions::default())
    }

    /// Largest file, bytes.
    pub(crate) fn size_bytes_max(&self) -> u64 {
        self.options.size_bytes_max
    }

    /// Puts small bytes under a name.
    pub(crate) async fn put(&self, name: &Path, bytes: Vec<u8>) -> Result<(), Problem> {
        let put = self.store.put(name, PutPayload::from(bytes)).await;
        put.map(drop).map_err(|error| unavailable("put", &error))
    }

    /// Makes a picture from bytes, off the threads that hold sockets, a few at a time.
    ///
    /// # Errors
    /// `slow_down` when too many wait, `bad_picture` when the bytes are none.
    pub(crate) async fn picture(&self, bytes: bytes::Bytes, shape: Shape) -> Result<Picture, Problem> {
        let _place = self.pictures.try_acquire().map_err(|_| busy("pictures"))?;
        let turn = tokio::time::timeout(
            Duration::from_millis(PICTURE_WAIT_MS),
            Arc::clone(&self.decoding).acquire_owned(),
        );
        let permit = turn.await.ok().and_then(Result::ok).ok_or_else(|| busy("pictures"))?;
        let made = tokio::task::spawn_blocking(move || {
            let made = picture::make(&bytes, shape);
            drop(permit);
            made
        });
        match made.await {
            Ok(Ok(picture)) => Ok(picture),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a picture could not be decoded");
                Err(Problem::new(
                    Code::BadPicture,
                    "Send a PNG, JPEG, GIF or WebP picture of at most 50 million pixels.",
                ))
            }
            // A decoder that panics has met a file made for it.
            Err(error) => Err(Problem::internal("decode a picture", &error)),
        }
    }

    /// Forgets a file and its thumbnail. What is not there is forgotten already.
    pub(crate) async fn erase(&self, id: AttachmentId) -> Result<(), Problem> {
        self.delete(&file(id)).await?;
        self.delete(&thumbnail(id)).await
    }

    pub(crate) async fn delete(&self, name: &Path) -> Result<(), Problem> {
        match self.store.delete(name).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(unavailable("delete", &error)),
        }
    }
}

/// Where the bytes of a file are.
pub(crate) fn file(id: AttachmentId) -> Path {
    Path::from(format!("files/{id}"))
}

/// Where its thumbnail is.
pub(crate) fn thumbnail(id: AttachmentId) -> Path {
    Path::from(format!("thumbnails/{id}"))
}

/// Where somebody's picture is.
pub(crate) fn avatar(user: UserId, avatar: AvatarId) -> Path {
    Path::from(format!("avatars/{user}/{avatar}"))
}

/// As many are at work as there may be.
fn busy(what: &'static str) -> Problem {
    tracing::debug!(what, "too many at once");
    SlowDown { retry_after_ms: 1_000 }.into()
}

fn unavailable(operation: &'static str, error: &object_store::Error) -> Problem {
    tracing::error!(operation, %error, "the object store failed");
    Problem::new(Code::Unavailable, "The server cannot reach its files at the moment. Try again later.")
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files")
            .field("store", &self.store)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
