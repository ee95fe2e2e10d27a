//! Uploads: added, claimed by one command each, shown by its message, loose again when that is deleted.
//! What commands do to uploads is written to rows of its own, which no change but the removal looks at: so changes and
//! commands commute here as everywhere.

use chat::{
    AttachmentId, ChangeOutcome, ConversationId, Effects, Refusal, Upload, UserId,
    attachment::{Claim, Shown},
    limits::{UPLOADS_UNSENT_BYTES_MAX, UPLOADS_UNSENT_MAX},
    ports::UploadEntry,
};

use crate::{
    codec::{self, decode},
    core::Core,
    engine::Writer,
    error::Fault,
    keys::{self, Keyspace},
};

pub(crate) fn add(core: &Core, writer: &Writer<'_>, upload: &Upload) -> Result<ChangeOutcome, Fault> {
    let id = upload.file.attachment;
    if core.engine.contains(&keys::upload(id))? {
        return Ok(ChangeOutcome::Done);
    }
    let (count, bytes) = unsent(core, upload.owner)?;
    if count >= UPLOADS_UNSENT_MAX || bytes.saturating_add(upload.file.size_bytes) > UPLOADS_UNSENT_BYTES_MAX
    {
        return Ok(ChangeOutcome::Refused(Refusal::TooManyUploads));
    }
    writer.put(&keys::upload_unsent(upload.owner, id), codec::encode(&upload.file.size_bytes));
    writer.put(&keys::upload_loose(id), Vec::new());
    writer.put(&keys::upload(id), codec::encode(upload));
    Ok(ChangeOutcome::Done)
}

/// How many uploads of somebody are not sent, and their bytes.
fn unsent(core: &Core, owner: UserId) -> Result<(usize, u64), Fault> {
    let (mut count, mut bytes) = (0, 0_u64);
    for pair in core.engine.prefix(&keys::uploads_unsent(owner)) {
        let size: u64 = decode("size of an upload", &pair?.1)?;
        (count, bytes) = (count + 1, bytes.saturating_add(size));
    }
    Ok((count, bytes))
}

pub(crate) fn claim(
    core: &Core,
    writer: &Writer<'_>,
    user: UserId,
    claim: Claim,
    ids: &[AttachmentId],
) -> Result<ChangeOutcome, Fault> {
    let mut uploads = Vec::with_capacity(ids.len());
    for id in ids {
        let same = |held: Claim| (held.conversation, held.command) == (claim.conversation, claim.command);
        let upload = upload(core, *id)?;
        match upload.filter(|upload| upload.owner == user && upload.claim.is_none_or(same)) {
            Some(upload) => uploads.push(upload),
            None => return Ok(ChangeOutcome::Refused(Refusal::AttachmentNotFound)),
        }
    }
    for upload in uploads.iter_mut().filter(|upload| upload.claim.is_none()) {
        upload.claim = Some(claim);
        let id = upload.file.attachment;
        writer.put(&keys::upload(id), codec::encode(upload));
        writer.remove(&keys::upload_unsent(user, id));
    }
    Ok(ChangeOutcome::Claimed(uploads.into_iter().map(|upload| upload.file).collect()))
}

pub(crate) fn remove(core: &Core, writer: &Writer<'_>, ids: &[AttachmentId]) -> Result<ChangeOutcome, Fault> {
    for id in ids {
        if let Some(upload) = upload(core, *id)? {
            writer.remove(&keys::upload_unsent(upload.owner, *id));
        }
        writer.remove(&keys::upload(*id));
        writer.remove(&keys::upload_loose(*id));
        writer.remove(&keys::shown(*id));
    }
    Ok(ChangeOutcome::Done)
}

/// What messages sent and deleted do to their files.
pub(crate) fn show(writer: &Writer<'_>, effects: &Effects) {
    for (id, seq, is_shown) in &effects.files {
        if *is_shown {
            writer.put(&keys::shown(*id), codec::encode(&Shown::With(effects.conversation, *seq)));
            writer.remove(&keys::upload_loose(*id));
        } else {
            writer.put(&keys::shown(*id), codec::encode(&Shown::Erased));
            writer.put(&keys::upload_loose(*id), Vec::new());
        }
    }
}

fn upload(core: &Core, id: AttachmentId) -> Result<Option<Upload>, Fault> {
    core.engine.get(&keys::upload(id))?.map(|bytes| decode("upload", &bytes)).transpose()
}

impl Core {
    pub(crate) fn upload(&self, id: AttachmentId) -> Result<Option<UploadEntry>, Fault> {
        let Some(upload) = upload(self, id)? else { return Ok(None) };
        let shown = self.engine.get(&keys::shown(id))?;
        let shown = shown.map(|bytes| decode("place of a file", &bytes)).transpose()?;
        Ok(Some(UploadEntry { upload, shown }))
    }

    pub(crate) fn loose_uploads(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<UploadEntry>, Fault> {
        let all = keys::Key::new(Keyspace::UploadLoose);
        let Some(first) = after.map_or(Some(0), |after| after.as_u128().checked_add(1)) else {
            return Ok(Vec::new());
        };
        let first = keys::upload_loose(AttachmentId::from_u128(first));
        let mut entries = Vec::new();
        for pair in self.engine.range::<&[u8], _>(&first[..]..) {
            let key = pair?.0;
            if entries.len() >= limit || !key.starts_with(&all) {
                break;
            }
            entries.extend(self.upload(AttachmentId::from_bytes(keys::id(&key, all.len())))?);
        }
        Ok(entries)
    }

    pub(crate) fn conversations(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, chat::Meta)>, Fault> {
        let all = keys::Key::new(Keyspace::Conversation);
        let Some(first) = after.map_or(Some(0), |after| after.as_u128().checked_add(1)) else {
            return Ok(Vec::new());
        };
        let first = keys::conversation(ConversationId::from_u128(first));
        let mut conversations = Vec::new();
        for pair in self.engine.range::<&[u8], _>(&first[..]..) {
            let (key, value) = pair?;
            if conversations.len() >= limit || !key.starts_with(&all) {
                break;
            }
            let stored: codec::StoredConversation = decode("conversation", &value)?;
            conversations.push((ConversationId::from_bytes(keys::id(&key, all.len())), stored.meta));
        }
        Ok(conversations)
    }
}
