//! Uploads: added, claimed by one command each, shown by its message, loose again when that is deleted.
//! Invariant: a claim once made is never another's, and the list of unsent uploads changes in the same write.

use chat::{
    AttachmentId, Change, ChangeOutcome, ConversationId, Refusal, Seq, Upload, UserId,
    attachment::{Claim, Shown},
    limits::{UPLOADS_UNSENT_BYTES_MAX, UPLOADS_UNSENT_MAX},
    ports::{ErrorKind, PortError, UploadEntry},
};

use super::{
    core::{Changed, Core, Held},
    listing::LOOSE_UPLOADS,
};
use crate::{
    error::plain,
    item::{Attributes, Item, Write, data},
    keys,
};

/// Uploads of one person that are not sent yet, with their sizes.
pub(super) type Unsent = Vec<(AttachmentId, u64)>;

impl Core {
    pub(crate) async fn upload(&self, attachment: AttachmentId) -> Result<Option<UploadEntry>, PortError> {
        Ok(self.upload_entries(&[attachment]).await?.pop())
    }

    pub(crate) async fn loose_uploads(
        &self,
        mut after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<UploadEntry>, PortError> {
        let mut entries = Vec::new();
        while entries.len() < limit {
            let asked = limit - entries.len();
            let page = LOOSE_UPLOADS.page(&self.table, after.map(AttachmentId::as_u128), asked).await?;
            let ids: Vec<AttachmentId> = page.into_iter().map(AttachmentId::from_u128).collect();
            entries.extend(self.upload_entries(&ids).await?);
            after = ids.last().copied().or(after);
            if ids.len() < asked {
                break;
            }
        }
        Ok(entries)
    }

    /// Those that are there, in the order asked.
    async fn upload_entries(&self, ids: &[AttachmentId]) -> Result<Vec<UploadEntry>, PortError> {
        let wanted = ids.iter().flat_map(|id| [keys::upload(*id), keys::shown(*id)]);
        let found = self.table.get_many(wanted).await?;
        let mut entries = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(item) = found.get(&keys::upload(*id)) else { continue };
            let shown = found.get(&keys::shown(*id)).map(|item| data("place of a file", item)).transpose()?;
            entries.push(UploadEntry { upload: data("upload", item)?, shown });
        }
        Ok(entries)
    }

    async fn held_unsent(&self, user: UserId) -> Result<Held<Unsent>, PortError> {
        Held::or_default("unsent uploads", self.table.get(&keys::unsent_uploads(user)).await?.as_ref())
    }

    async fn held_upload(&self, id: AttachmentId) -> Result<Option<Held<Upload>>, PortError> {
        let item: Option<Attributes> = self.table.get(&keys::upload(id)).await?;
        Held::of("upload", item.as_ref())
    }

    async fn add_upload(&self, upload: Upload) -> Changed {
        let (id, size_bytes) = (upload.file.attachment, upload.file.size_bytes);
        let mut tries = 0;
        loop {
            if self.held_upload(id).await?.is_some() {
                return Ok(ChangeOutcome::Done);
            }
            let mut unsent = self.held_unsent(upload.owner).await?;
            let bytes: u64 = unsent.value.iter().map(|(_, bytes)| bytes).sum();
            if unsent.value.len() >= UPLOADS_UNSENT_MAX || bytes + size_bytes > UPLOADS_UNSENT_BYTES_MAX {
                return Err(Refusal::TooManyUploads.into());
            }
            unsent.value.push((id, size_bytes));
            let held = Held { value: upload.clone(), revision: None };
            let writes = vec![
                held.put(keys::upload(id)),
                unsent.put(keys::unsent_uploads(upload.owner)),
                LOOSE_UPLOADS.add(id.as_u128()),
            ];
            if self.written(writes).await? {
                return Ok(ChangeOutcome::Done);
            }
            tries = self.again(tries).await?;
        }
    }

    async fn claim_uploads(&self, user: UserId, claim: Claim, ids: &[AttachmentId]) -> Changed {
        let mut tries = 0;
        loop {
            let mut files = Vec::with_capacity(ids.len());
            let mut writes: Vec<Write> = Vec::new();
            for id in ids {
                let held = self.held_upload(*id).await?.filter(|held| held.value.owner == user);
                let mut held = held.ok_or(Refusal::AttachmentNotFound)?;
                files.push(held.value.file.clone());
                let is_new = held.value.claim.is_none();
                if held.value.claim.is_some_and(|other| !is_same(other, claim)) {
                    return Err(Refusal::AttachmentNotFound.into());
                }
                let key = keys::upload(*id);
                if is_new && writes.iter().all(|write| *write.key() != key) {
                    held.value.claim = Some(claim);
                    writes.push(held.put(key));
                }
            }
            if writes.is_empty() {
                return Ok(ChangeOutcome::Claimed(files));
            }
            let mut unsent = self.held_unsent(user).await?;
            unsent.value.retain(|(id, _)| !ids.contains(id));
            writes.push(unsent.put(keys::unsent_uploads(user)));
            if self.written(writes).await? {
                return Ok(ChangeOutcome::Claimed(files));
            }
            tries = self.again(tries).await?;
        }
    }

    async fn remove_upload(&self, id: AttachmentId) -> Result<(), PortError> {
        let mut tries = 0;
        loop {
            let mut writes = vec![
                Write::delete(keys::upload(id)),
                Write::delete(keys::shown(id)),
                LOOSE_UPLOADS.remove(id.as_u128()),
            ];
            if let Some(held) = self.held_upload(id).await?.filter(|held| held.value.claim.is_none()) {
                let owner = held.value.owner;
                let mut unsent = self.held_unsent(owner).await?;
                unsent.value.retain(|(other, _)| *other != id);
                writes.push(unsent.put(keys::unsent_uploads(owner)));
            }
            if self.written(writes).await? {
                return Ok(());
            }
            tries = self.again(tries).await?;
        }
    }
}

/// A change of uploads.
pub(super) async fn change(core: &Core, change: Change) -> Changed {
    match change {
        Change::AddUpload(upload) => core.add_upload(upload).await,
        Change::ClaimUploads { user, claim, attachments } => {
            core.claim_uploads(user, claim, &attachments).await
        }
        Change::RemoveUploads(ids) => {
            for id in ids {
                core.remove_upload(id).await?;
            }
            Ok(ChangeOutcome::Done)
        }
        _ => Err(plain(ErrorKind::Unsupported, "store.change").into()),
    }
}

/// What a message that shows a file, or was deleted with it, writes.
pub(super) fn show(conversation: ConversationId, file: AttachmentId, seq: Seq, is_shown: bool) -> [Write; 2] {
    let place = if is_shown { Shown::With(conversation, seq) } else { Shown::Erased };
    let id = file.as_u128();
    let listed = if is_shown { LOOSE_UPLOADS.remove(id) } else { LOOSE_UPLOADS.add(id) };
    [Item::new(keys::shown(file)).data(&place).put(), listed]
}

fn is_same(one: Claim, other: Claim) -> bool {
    (one.conversation, one.command) == (other.conversation, other.command)
}
