//! Uploads: added, claimed by one command each, shown by its message, loose again when that is deleted.
//! Invariant: a claim once made is never another's.

use chat::{
    AttachmentId, ChangeOutcome, Refusal, Upload, UserId,
    attachment::{Claim, Shown},
    limits::{UPLOADS_UNSENT_BYTES_MAX, UPLOADS_UNSENT_MAX},
    ports::UploadEntry,
};

use super::state::State;

type Outcome = Result<ChangeOutcome, Refusal>;

pub(super) fn add(state: &mut State, upload: Upload) -> Outcome {
    let id = upload.file.attachment;
    if !state.uploads.contains_key(&id) {
        let unsent =
            state.uploads.values().filter(|other| other.owner == upload.owner && other.claim.is_none());
        let (count, bytes) =
            unsent.fold((0, 0), |(count, bytes), other| (count + 1, bytes + other.file.size_bytes));
        if count >= UPLOADS_UNSENT_MAX || bytes + upload.file.size_bytes > UPLOADS_UNSENT_BYTES_MAX {
            return Err(Refusal::TooManyUploads);
        }
        state.uploads.insert(id, upload);
    }
    Ok(ChangeOutcome::Done)
}

pub(super) fn claim(state: &mut State, user: UserId, claim: Claim, ids: &[AttachmentId]) -> Outcome {
    let mut files = Vec::with_capacity(ids.len());
    for id in ids {
        let upload = state.uploads.get(id).filter(|upload| upload.owner == user);
        let upload = upload.ok_or(Refusal::AttachmentNotFound)?;
        let same = |held: Claim| (held.conversation, held.command) == (claim.conversation, claim.command);
        if !upload.claim.is_none_or(same) {
            return Err(Refusal::AttachmentNotFound);
        }
        files.push(upload.file.clone());
    }
    for id in ids {
        if let Some(upload) = state.uploads.get_mut(id) {
            upload.claim = upload.claim.or(Some(claim));
        }
    }
    Ok(ChangeOutcome::Claimed(files))
}

pub(super) fn remove(state: &mut State, ids: &[AttachmentId]) -> ChangeOutcome {
    for id in ids {
        state.uploads.remove(id);
        state.shown.remove(id);
    }
    ChangeOutcome::Done
}

pub(super) fn entry(state: &State, id: AttachmentId) -> Option<UploadEntry> {
    let upload = state.uploads.get(&id)?.clone();
    Some(UploadEntry { upload, shown: state.shown.get(&id).copied() })
}

pub(super) fn loose(state: &State, after: Option<AttachmentId>, limit: usize) -> Vec<UploadEntry> {
    let ids = state.uploads.keys().filter(|id| after.is_none_or(|after| **id > after));
    let entries = ids.filter_map(|id| entry(state, *id));
    entries.filter(|entry| !matches!(entry.shown, Some(Shown::With(..)))).take(limit).collect()
}
