//! Files of messages, thumbnails and pictures of people: from one object store into another, compared with checksums.
//! Knows how they are named in every home, and that none ever changes under its name. Invariant: no more than a part of
//! each is in memory, and what does not match its checksum never gets its name in the target.

use bytes::Bytes;
use chat::{AttachmentId, AvatarId, Upload, UserId, account::SecretHash};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::{GetResult, ObjectStore, ObjectStoreExt as _, PutPayload, WriteMultipart, path::Path};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    block::hex,
    error::MovingError,
    limits::{PART_BYTES, PARTS_AT_ONCE, PATH_BYTES_MAX},
};

/// Folders of a home's object store.
pub(crate) const FOLDERS: [&str; 3] = ["files", "thumbnails", "avatars"];

/// A file that belongs to what is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) path: Path,
    /// What the home knows of its bytes.
    pub(crate) checksum: Option<SecretHash>,
}

/// A line of the list of files. Written to folders that outlive programs: variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Listed {
    /// It is in the folder.
    Here { path: String, bytes: u64, checksum: SecretHash },
    /// The home knew it and did not have it, or not unharmed.
    Missing { path: String, why: String },
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) bytes: u64,
    pub(crate) checksum: SecretHash,
    /// It was in the target before.
    pub(crate) was_there: bool,
}

/// What a copy came to.
pub(crate) enum Outcome {
    Copied(Copied),
    /// It is not in the source.
    Absent,
    /// Its bytes are not those it should have.
    Wrong {
        found: SecretHash,
    },
}

impl Wanted {
    pub(crate) fn file(upload: &Upload) -> Wanted {
        let path = Path::from(format!("files/{}", upload.file.attachment));
        Wanted { path, checksum: Some(upload.checksum) }
    }

    pub(crate) fn thumbnail(id: AttachmentId) -> Wanted {
        Wanted { path: Path::from(format!("thumbnails/{id}")), checksum: None }
    }

    pub(crate) fn avatar(user: UserId, avatar: AvatarId) -> Wanted {
        Wanted { path: Path::from(format!("avatars/{user}/{avatar}")), checksum: None }
    }
}

/// Whether a path from a list is one of a file.
pub(crate) fn is_ours(path: &str) -> bool {
    let mut parts = path.split('/');
    path.len() <= PATH_BYTES_MAX
        && parts.next().is_some_and(|folder| FOLDERS.contains(&folder))
        && parts.clone().count() > 0
        && parts
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))
}

/// Copies one file. One that is in the target with the same size is read there instead, or, where its checksum is
/// known from a list that was compared before, believed.
pub(crate) async fn copy(
    from: &dyn ObjectStore,
    to: &dyn ObjectStore,
    path: &Path,
    expected: Option<SecretHash>,
    reads_again: bool,
) -> Result<Outcome, MovingError> {
    let Some(source) = found(from.get(path).await)? else { return Ok(Outcome::Absent) };
    let bytes = source.meta.size;
    let is_there = found(to.head(path).await)?.is_some_and(|meta| meta.size == bytes);
    if is_there && let (false, Some(checksum)) = (reads_again, expected) {
        return Ok(Outcome::Copied(Copied { bytes, checksum, was_there: true }));
    }
    if is_there {
        let checksum = checksum_of(to.get(path).await?).await?;
        if expected.is_none_or(|expected| expected == checksum) {
            return Ok(Outcome::Copied(Copied { bytes, checksum, was_there: true }));
        }
    }
    let copied = if bytes <= PART_BYTES as u64 {
        whole(source, to, path, expected).await?
    } else {
        in_parts(source, to, path, expected).await?
    };
    Ok(match copied {
        Ok(checksum) => Outcome::Copied(Copied { bytes, checksum, was_there: false }),
        Err(found) => Outcome::Wrong { found },
    })
}

/// The file, or nothing where there is none.
fn found<T>(answer: Result<T, object_store::Error>) -> Result<Option<T>, MovingError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn whole(
    source: GetResult,
    to: &dyn ObjectStore,
    path: &Path,
    expected: Option<SecretHash>,
) -> Result<Result<SecretHash, SecretHash>, MovingError> {
    let bytes: Bytes = source.bytes().await?;
    let checksum: SecretHash = Sha256::digest(&bytes).into();
    if expected.is_some_and(|expected| expected != checksum) {
        return Ok(Err(checksum));
    }
    to.put(path, PutPayload::from_bytes(bytes)).await?;
    Ok(Ok(checksum))
}

async fn in_parts(
    source: GetResult,
    to: &dyn ObjectStore,
    path: &Path,
    expected: Option<SecretHash>,
) -> Result<Result<SecretHash, SecretHash>, MovingError> {
    let upload = to.put_multipart(path).await?;
    let mut writer = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
    let (mut hash, mut bytes) = (Sha256::new(), source.into_stream());
    loop {
        match bytes.next().await {
            Some(Ok(chunk)) => {
                hash.update(&chunk);
                writer.wait_for_capacity(PARTS_AT_ONCE).await?;
                writer.put(chunk);
            }
            Some(Err(error)) => {
                writer.abort().await?;
                return Err(error.into());
            }
            None => break,
        }
    }
    let checksum: SecretHash = hash.finalize().into();
    if expected.is_some_and(|expected| expected != checksum) {
        writer.abort().await?;
        return Ok(Err(checksum));
    }
    writer.finish().await?;
    Ok(Ok(checksum))
}

/// The checksum of a file, read piece by piece.
pub(crate) async fn checksum_of(file: GetResult) -> Result<SecretHash, MovingError> {
    let hash = file.into_stream().try_fold(Sha256::new(), |mut hash, chunk| async move {
        hash.update(&chunk);
        Ok(hash)
    });
    Ok(hash.await?.finalize().into())
}

/// Why a file counts as missing.
pub(crate) fn why_wrong(expected: Option<SecretHash>, found: SecretHash) -> String {
    let expected = expected.map_or_else(String::new, |expected| hex(&expected));
    format!("its SHA-256 is {} and should be {expected}", hex(&found))
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[test]
    fn only_files_of_a_home_are_ours() {
        let id = AttachmentId::from_u128(7);
        for good in [format!("files/{id}"), format!("thumbnails/{id}"), format!("avatars/{id}/{id}")] {
            assert!(is_ours(&good), "{good}");
        }
        for bad in ["", "files", "files/", "other/00", "files/../x", "files//0", "/files/0", "files/x y"] {
            assert!(!is_ours(bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn large_and_small_files_arrive_whole_and_wrong_ones_do_not() {
        let (from, to) = (InMemory::new(), InMemory::new());
        for (name, bytes) in [
            ("files/1", vec![7; 10]),
            ("files/2", (0..PART_BYTES * 2 + 5).map(|n| u8::try_from(n % 251).unwrap()).collect()),
        ] {
            let (path, checksum): (Path, SecretHash) = (name.into(), Sha256::digest(&bytes).into());
            assert!(matches!(copy(&from, &to, &path, None, true).await.unwrap(), Outcome::Absent));
            from.put(&path, PutPayload::from(bytes.clone())).await.unwrap();
            let wrong = copy(&from, &to, &path, Some([0; 32]), true).await.unwrap();
            assert!(matches!(wrong, Outcome::Wrong { found } if found == checksum));
            assert!(to.head(&path).await.is_err(), "what is wrong gets no name");
            for was_there in [false, true] {
                let outcome = copy(&from, &to, &path, Some(checksum), true).await.unwrap();
                let copied = Copied { bytes: bytes.len() as u64, checksum, was_there };
                assert!(matches!(outcome, Outcome::Copied(found) if found == copied));
            }
            assert_eq!(to.get(&path).await.unwrap().bytes().await.unwrap(), bytes);
            to.put(&path, PutPayload::from(vec![0; bytes.len()])).await.unwrap();
            let outcome = copy(&from, &to, &path, Some(checksum), true).await.unwrap();
            assert!(matches!(outcome, Outcome::Copied(found) if !found.was_there), "a wrong one is replaced");
        }
    }
}
