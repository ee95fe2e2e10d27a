//! Files of a message are claimed before it is sent: after that they are its own, and no other message's (D2).
//! The claim is a change like any other, durable before the command is; deciding the command needs no upload (D8).

use chat::{
    Attachment, AttachmentId, Change, ChangeOutcome, Command, CommandId, ConversationId, Refusal, UserId,
    attachment::Claim, limits::ATTACHMENTS_MAX, ports::PortError,
};

use crate::App;

/// Why files could not be claimed.
#[derive(Debug)]
pub enum Unclaimed {
    /// A rule says no: one is not there, not the sender's, or another message's.
    Refused(Refusal),
    /// The store did not do it.
    Failed(PortError),
}

/// Claims the files that a command names by id alone, and completes it with what is known of them. A command without
/// files is left alone. Claiming again for the same command gives the same (D2).
///
/// # Errors
/// As [`Unclaimed`] says; nothing is claimed then.
pub async fn claim(
    app: &App,
    user: UserId,
    conversation: ConversationId,
    id: CommandId,
    command: &mut Command,
) -> Result<(), Unclaimed> {
    let Command::Send { attachments, .. } = command else { return Ok(()) };
    if attachments.is_empty() {
        return Ok(());
    }
    let mut named: Vec<AttachmentId> = Vec::with_capacity(attachments.len());
    for file in attachments.iter().map(|file| file.attachment) {
        if !named.contains(&file) {
            named.push(file);
        }
    }
    if named.len() > ATTACHMENTS_MAX {
        return Err(Unclaimed::Refused(Refusal::AttachmentNotFound));
    }
    *attachments = claimed(app, user, Claim { conversation, command: id, at: app.now_ms() }, named).await?;
    Ok(())
}

async fn claimed(
    app: &App,
    user: UserId,
    claim: Claim,
    attachments: Vec<AttachmentId>,
) -> Result<Vec<Attachment>, Unclaimed> {
    match app.store.change(Change::ClaimUploads { user, claim, attachments }).await {
        Ok(ChangeOutcome::Claimed(files)) => Ok(files),
        Ok(ChangeOutcome::Refused(refusal)) => Err(Unclaimed::Refused(refusal)),
        Ok(_) => Err(Unclaimed::Refused(Refusal::AttachmentNotFound)),
        Err(error) => Err(Unclaimed::Failed(error)),
    }
}
