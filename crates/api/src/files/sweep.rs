//! What nothing shows any more goes away: files of deleted messages, uploads never sent, halves left by a crash.
//! Invariant: a blob is deleted before the row that knows it, so a crash between leaves a row that is swept again.

use chat::{
    AttachmentId, AvatarId, Change, ChangeOutcome, CommandId, ConversationId, Refusal, UserId,
    attachment::{Claim, Shown},
    ports::{PortError, UploadEntry},
};
use futures_util::TryStreamExt as _;
use object_store::{ObjectMeta, ObjectStore as _, path::Path};

use super::Files;
use crate::{
    App,
    limits::{ORPHAN_AGE_MS, SWEEP_PAGE_ROWS},
};

/// Claimed for this conversation, an upload belongs to no message.
const NOWHERE: ConversationId = ConversationId::from_u128(0);

/// What a sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Uploads forgotten with their blobs.
    pub uploads: u64,
    /// Blobs deleted that nothing knew.
    pub orphans: u64,
}

impl Files {
    /// Forgets uploads that no message shows: at once those of deleted messages, after a while those never sent.
    ///
    /// # Errors
    /// What the store says; what was not swept is swept the next time.
    pub async fn sweep(&self, app: &App) -> Result<Swept, PortError> {
        let mut swept = Swept::default();
        let mut after = None;
        loop {
            let page = app.store.loose_uploads(after, SWEEP_PAGE_ROWS).await?;
            after = page.last().map(|entry| entry.upload.file.attachment);
            let full = page.len() == SWEEP_PAGE_ROWS;
            let mut gone = Vec::new();
            for entry in page {
                let id = entry.upload.file.attachment;
                if self.is_over(app, &entry).await? && self.erase(id).await.is_ok() {
                    gone.push(id);
                }
            }
            if !gone.is_empty() {
                swept.uploads += gone.len() as u64;
                app.store.change(Change::RemoveUploads(gone)).await?;
            }
            if !full {
                return Ok(swept);
            }
        }
    }

    /// Whether nothing will ever show an upload. One that was never sent is claimed first, so that nothing can.
    async fn is_over(&self, app: &App, entry: &UploadEntry) -> Result<bool, PortError> {
        let now_ms = app.now_ms();
        match entry.shown {
            Some(Shown::Erased) => Ok(true),
            Some(Shown::With(..)) => Ok(false),
            None if entry.upload.claim.is_some_and(|claim| claim.conversation == NOWHERE) => Ok(true),
            None if !entry.upload.is_stale(now_ms) => Ok(false),
            None if entry.upload.claim.is_some() => Ok(true),
            None => withdraw(app, entry.upload.owner, entry.upload.file.attachment).await,
        }
    }

    /// Deletes blobs that no row knows: halves of uploads and pictures left by a crash. Reads the whole store.
    ///
    /// # Errors
    /// As `sweep`.
    pub async fn sweep_orphans(&self, app: &App) -> Result<Swept, PortError> {
        let mut swept = Swept::default();
        for folder in ["files", "thumbnails", "avatars"] {
            let mut blobs = self.store.list(Some(&Path::from(folder)));
            loop {
                let blob = match blobs.try_next().await {
                    Ok(Some(blob)) => blob,
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(%error, folder, "files cannot be listed");
                        break;
                    }
                };
                if is_old(app, &blob)
                    && !is_known(app, &blob.location).await?
                    && self.delete(&blob.location).await.is_ok()
                {
                    swept.orphans += 1;
                }
            }
        }
        Ok(swept)
    }
}

/// Takes an unsent upload out of reach of every message. False when one has it already.
pub(crate) async fn withdraw(app: &App, owner: UserId, id: AttachmentId) -> Result<bool, PortError> {
    let now_ms = app.now_ms();
    let claim = Claim { conversation: NOWHERE, command: CommandId::new(now_ms, &app.random()), at: now_ms };
    let change = Change::ClaimUploads { user: owner, claim, attachments: vec![id] };
    let outcome = app.store.change(change).await?;
    Ok(!matches!(outcome, ChangeOutcome::Refused(Refusal::AttachmentNotFound)))
}

fn is_old(app: &App, blob: &ObjectMeta) -> bool {
    let written_ms = u64::try_from(blob.last_modified.timestamp_millis()).unwrap_or_default();
    written_ms.saturating_add(ORPHAN_AGE_MS) < app.now_ms()
}

async fn is_known(app: &App, path: &Path) -> Result<bool, PortError> {
    let parts: Vec<String> = path.parts().map(|part| part.as_ref().to_owned()).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts[..] {
        ["files" | "thumbnails", id] => match id.parse::<AttachmentId>() {
            Ok(id) => Ok(app.store.upload(id).await?.is_some()),
            Err(_) => Ok(true),
        },
        ["avatars", user, avatar] => match (user.parse::<UserId>(), avatar.parse::<AvatarId>()) {
            (Ok(user), Ok(avatar)) => {
                let profiles = app.store.profiles(&[user]).await?;
                Ok(profiles.first().is_some_and(|profile| profile.avatar == Some(avatar)))
            }
            _ => Ok(true),
        },
        // Somebody else's: leave it alone.
        _ => Ok(true),
    }
}
