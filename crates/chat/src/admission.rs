//! Step 4: whether a command may enter the queue. Checks its shape and the sender's standing as known now.
//! A yes here promises nothing: the decision is made again, on the conversation itself, when the command is applied.

use crate::{
    command::Command,
    conversation::{ConversationKind, Role},
    ids::UserId,
    limits::{
        ATTACHMENTS_MAX, BODY_BYTES_MAX, DESCRIPTION_CHARS_MAX, EMOJI_BYTES_MAX, MEMBERS_PER_COMMAND_MAX,
        MENTIONS_MAX, TITLE_CHARS_MAX,
    },
    permission::{Action, allowed},
    refusal::Refusal,
};

/// Checks a command of somebody with `role` (`None`: not a member) in a conversation of this kind.
///
/// # Errors
/// What the sender is told; non-members learn nothing but `ConversationNotFound` (D7).
pub fn admit(kind: ConversationKind, role: Option<Role>, command: &Command) -> Result<(), Refusal> {
    let action = Action::of(command);
    if role.is_none() && !(action == Action::Join && kind == ConversationKind::Channel) {
        return Err(Refusal::ConversationNotFound);
    }
    // Joining twice is answered when applied: it changes nothing.
    if action != Action::Join && !allowed(kind, role, action) {
        let fixed = kind == ConversationKind::Direct && action.changes_membership_or_title();
        return Err(if fixed { Refusal::DirectIsFixed } else { Refusal::Forbidden });
    }
    check(command)
}

/// Checks the shape of a command against the limits.
///
/// # Errors
/// The first bound it breaks.
pub fn check(command: &Command) -> Result<(), Refusal> {
    match command {
        Command::Send { body, mentions, attachments, .. } => {
            if attachments.len() > ATTACHMENTS_MAX {
                return Err(Refusal::AttachmentNotFound);
            }
            if !attachments.is_empty() && body.is_empty() {
                return check_mentions(mentions);
            }
            check_body(body).and_then(|()| check_mentions(mentions))
        }
        Command::Edit { body, mentions, .. } => check_body(body).and_then(|()| check_mentions(mentions)),
        Command::React { emoji, .. } | Command::Unreact { emoji, .. } => check_emoji(emoji),
        Command::Describe { title: None, description: None } => Err(Refusal::NothingToChange),
        Command::Describe { title, description } => {
            title.as_deref().map_or(Ok(()), check_title)?;
            description.as_deref().map_or(Ok(()), check_description)
        }
        Command::AddMembers { users } => check_named(users),
        Command::Delete { .. }
        | Command::Join
        | Command::Leave
        | Command::RemoveMember { .. }
        | Command::SetRole { .. } => Ok(()),
    }
}

/// Checks what a new conversation is asked to be. `members` are the others, without the creator.
///
/// # Errors
/// The first rule it breaks.
pub fn check_creation(
    kind: ConversationKind,
    title: Option<&str>,
    description: Option<&str>,
    members: &[UserId],
) -> Result<(), Refusal> {
    check_named(members)?;
    title.map_or(Ok(()), check_title)?;
    description.map_or(Ok(()), check_description)?;
    match kind {
        ConversationKind::Direct if members.len() != 1 => Err(Refusal::DirectNeedsOneOther),
        ConversationKind::Direct if title.is_some() || description.is_some() => Err(Refusal::DirectIsFixed),
        ConversationKind::Channel if title.is_none() => Err(Refusal::BadTitle),
        _ => Ok(()),
    }
}

/// # Errors
/// `BadTitle`.
pub fn check_title(title: &str) -> Result<(), Refusal> {
    let fits = title.chars().count() <= TITLE_CHARS_MAX;
    if fits && !title.trim().is_empty() && !title.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Refusal::BadTitle)
    }
}

fn check_description(text: &str) -> Result<(), Refusal> {
    if text.chars().count() <= DESCRIPTION_CHARS_MAX { Ok(()) } else { Err(Refusal::BadDescription) }
}

fn check_body(body: &str) -> Result<(), Refusal> {
    if body.len() > BODY_BYTES_MAX {
        Err(Refusal::BodyTooLong)
    } else if body.trim().is_empty() {
        Err(Refusal::EmptyBody)
    } else {
        Ok(())
    }
}

fn check_emoji(emoji: &str) -> Result<(), Refusal> {
    let fits = (1..=EMOJI_BYTES_MAX).contains(&emoji.len());
    if fits && !emoji.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Ok(())
    } else {
        Err(Refusal::BadEmoji)
    }
}

fn check_mentions(mentions: &[UserId]) -> Result<(), Refusal> {
    if mentions.len() <= MENTIONS_MAX { Ok(()) } else { Err(Refusal::TooManyMentions) }
}

fn check_named(users: &[UserId]) -> Result<(), Refusal> {
    if users.len() <= MEMBERS_PER_COMMAND_MAX { Ok(()) } else { Err(Refusal::TooManyNamed) }
}
