//! Journal records become rows: the deterministic projection (D8).
//! Nothing here reads a clock or randomness, and nothing here depends on which commands have been applied meanwhile:
//! changes and commands commute, so that replay in journal order gives what the live order gave.

mod accounts;
mod conversations;
pub(crate) mod effects;
mod letters;
mod moving;
mod profiles;
pub(crate) mod uploads;

pub(crate) use self::{
    accounts::{account, sessions},
    moving::arrival,
};
use chat::{Change, ChangeOutcome};

use crate::{core::Core, engine::Writer, erase, error::Fault, record::Record};

/// Applies one record that takes effect at once.
pub(crate) fn change(
    core: &Core,
    writer: &Writer<'_>,
    position: u64,
    record: &Record,
) -> Result<ChangeOutcome, Fault> {
    match record {
        Record::Change(journaled) => match &journaled.change {
            Change::CreateConversation { .. } => {
                conversations::create(core, writer, position, &journaled.change)
            }
            Change::Mark(marks) => conversations::mark(core, writer, marks, &journaled.ordinals),
            Change::SetStatus { user, emoji, text } => {
                profiles::set_profile(core, writer, *user, |profile| {
                    (profile.status_emoji, profile.status_text) = (emoji.clone(), text.clone());
                })
            }
            Change::SetAvatar { user, avatar } => {
                profiles::set_profile(core, writer, *user, |profile| profile.avatar = *avatar)
            }
            Change::SetPreferences { user, patch } => profiles::set_preferences(core, writer, *user, patch),
            Change::SetConversationPreferences { user, conversation, patch } => {
                profiles::set_conversation_preferences(core, writer, (*user, *conversation), *patch)
            }
            Change::AddUpload(upload) => uploads::add(core, writer, upload),
            Change::ClaimUploads { user, claim, attachments } => {
                uploads::claim(core, writer, *user, *claim, attachments)
            }
            Change::RemoveUploads(ids) => uploads::remove(core, writer, ids),
            change => accounts::change(core, writer, change),
        },
        Record::Dead(dead) => Ok(letters::bury(writer, dead)),
        Record::Redrive(redrive) => Ok(letters::unbury(writer, &[redrive.item])),
        Record::Drop(items) => Ok(letters::unbury(writer, items)),
        Record::Failures(failures) => letters::keep_failures(core, writer, position, failures),
        Record::Import(import) => moving::import(core, writer, position, import),
        Record::Erased(erased) => {
            erase::forget(core, writer, erased)?;
            Ok(ChangeOutcome::Done)
        }
        Record::Late(late) => {
            erase::again(core, writer, late)?;
            Ok(ChangeOutcome::Done)
        }
        Record::Genesis(_)
        | Record::Command(_)
        | Record::Stray(_)
        | Record::Settled(_)
        | Record::Passed(_)
        | Record::Moved(_) => Ok(ChangeOutcome::Done),
    }
}

/// Whether a record takes effect at once, and so counts in the changes' watermark.
pub(crate) fn is_change(record: &Record) -> bool {
    matches!(
        record,
        Record::Change(_)
            | Record::Dead(_)
            | Record::Redrive(_)
            | Record::Drop(_)
            | Record::Failures(_)
            | Record::Erased(_)
            | Record::Late(_)
            | Record::Import(_)
    )
}
