//! Why a rule says no: a stable code for programs and a sentence for people.
//! A refusal is never a fault of the system, is never retried by it and never becomes a dead letter (D5).

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A decision by rule. The text says what to do about it; it names nothing the reader may not know (D7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant's text is its documentation")]
pub enum Refusal {
    /// Also the answer for what exists but may not be seen (D7).
    #[error("There is no such conversation, or you are not a member of it.")]
    ConversationNotFound,
    #[error("There is no such message in this conversation.")]
    MessageNotFound,
    #[error("There is no such user.")]
    UserNotFound,
    #[error("Your role in this conversation does not allow that. Ask one of its owners or admins.")]
    Forbidden,
    #[error("Only its author can edit a message.")]
    NotYourMessage,
    #[error("The message has been deleted.")]
    MessageDeleted,
    #[error("A direct conversation always has the same two members and no title.")]
    DirectIsFixed,
    #[error("You are the last owner. Make somebody else an owner first.")]
    LastOwner,
    #[error("That person is not a member of this conversation.")]
    NotAMember,
    #[error("The conversation has as many members as it can have (100,000).")]
    TooManyMembers,
    #[error("The message has been edited as often as it can be (200 times). Send a new one.")]
    TooManyEdits,
    #[error("The message has as many different reactions as it can have (50).")]
    TooManyReactions,
    #[error("You are in as many conversations as one account can be (10,000). Leave one first.")]
    TooManyConversations,
    #[error("The body is empty. A message needs some text or an attachment.")]
    EmptyBody,
    #[error("The body is too long: at most 16,384 bytes of UTF-8.")]
    BodyTooLong,
    #[error("The title must have 1 to 80 characters, without line breaks.")]
    BadTitle,
    #[error("The description can have at most 1,000 characters.")]
    BadDescription,
    #[error("A reaction is one emoji or short word: 1 to 64 bytes, no spaces.")]
    BadEmoji,
    #[error("A message can mention at most 50 people.")]
    TooManyMentions,
    #[error("One command can name at most 500 members.")]
    TooManyNamed,
    #[error("There is no such attachment, it is not yours, or there are more than 10.")]
    AttachmentNotFound,
    #[error("A direct conversation needs exactly one other member: name one user id in memberIds.")]
    DirectNeedsOneOther,
    #[error("Nothing to change: give a title, a description or both.")]
    NothingToChange,
    #[error(
        "The username must have 2 to 32 characters: letters, digits, '.', '-' and '_', starting with a letter or digit."
    )]
    BadUsername,
    #[error("The username is taken. Choose another one.")]
    UsernameTaken,
    #[error("The display name must have 1 to 64 characters, without line breaks.")]
    BadDisplayName,
    #[error("The password must have at least 8 characters and at most 256 bytes.")]
    BadPassword,
    #[error("The username or the password is wrong.")]
    BadCredentials,
    #[error("This server is not open for registration.")]
    RegistrationClosed,
    #[error("Registration here needs an invitation. Ask a member for an invite link.")]
    InviteNeeded,
    #[error("The invitation is unknown, used up or out of date. Ask for a new one.")]
    InviteInvalid,
    #[error("The account is disabled. Ask the server's owner or an admin.")]
    AccountDisabled,
    #[error("There is no such session.")]
    SessionNotFound,
    #[error(
        "The message could not be processed and was set aside for the operators. It will appear if they send it on."
    )]
    DeadLettered,
    #[error("A status is one emoji or short word, a line of at most 100 characters, or both.")]
    BadStatus,
    #[error("The locale must be a language tag such as \"en\" or \"pt-BR\".")]
    BadLocale,
    #[error("You have as many unsent uploads as you can have (100 files, 1 GiB). Send or remove some first.")]
    TooManyUploads,
}

impl Refusal {
    /// The code on the wire: stable, lower case, documented in `docs/protocol.md`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ConversationNotFound => "conversation_not_found",
            Self::MessageNotFound => "message_not_found",
            Self::UserNotFound => "user_not_found",
            Self::Forbidden => "forbidden",
            Self::NotYourMessage => "not_your_message",
            Self::MessageDeleted => "message_deleted",
            Self::DirectIsFixed => "direct_is_fixed",
            Self::LastOwner => "last_owner",
            Self::NotAMember => "not_a_member",
            Self::TooManyMembers => "too_many_members",
            Self::TooManyEdits => "too_many_edits",
            Self::TooManyReactions => "too_many_reactions",
            Self::TooManyConversations => "too_many_conversations",
            Self::EmptyBody => "empty_body",
            Self::BodyTooLong => "body_too_long",
            Self::BadTitle => "bad_title",
            Self::BadDescription => "bad_description",
            Self::BadEmoji => "bad_emoji",
            Self::TooManyMentions => "too_many_mentions",
            Self::TooManyNamed => "too_many_named",
            Self::AttachmentNotFound => "attachment_not_found",
            Self::DirectNeedsOneOther => "direct_needs_one_other",
            Self::NothingToChange => "nothing_to_change",
            Self::BadUsername => "bad_username",
            Self::UsernameTaken => "username_taken",
            Self::BadDisplayName => "bad_display_name",
            Self::BadPassword => "bad_password",
            Self::BadCredentials => "bad_credentials",
            Self::RegistrationClosed => "registration_closed",
            Self::InviteNeeded => "invite_needed",
            Self::InviteInvalid => "invite_invalid",
            Self::AccountDisabled => "account_disabled",
            Self::SessionNotFound => "session_not_found",
            Self::DeadLettered => "dead_lettered",
            Self::BadStatus => "bad_status",
            Self::BadLocale => "bad_locale",
            Self::TooManyUploads => "too_many_uploads",
        }
    }
}
