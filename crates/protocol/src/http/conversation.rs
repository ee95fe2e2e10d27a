//! Conversations, members, history, messages and marks over HTTP.
//! History is the same `ChatEvent` as on the socket; a message is as it is now.

use chat::{AttachmentId, CommandId, ConversationId, Epoch, Seq, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preferences::ConversationPreferencesBody;
use crate::{
    frame::event::{ChatEvent, Kind, MemberRole},
    scalar::{Time, schema},
};

/// `POST /v1/conversations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationRequest {
    /// Direct, group or channel.
    pub kind: Kind,
    /// 1 to 80 characters; a channel needs one, a direct conversation has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// At most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The other members, at most 500; exactly one for a direct conversation.
    #[serde(default)]
    #[schemars(with = "Vec<schema::UserId>")]
    pub member_ids: Vec<UserId>,
}

/// The answer to `POST /v1/conversations`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ConversationMade")]
pub struct ConversationMade {
    /// The conversation, new or the one there was.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
}

/// One of the reader's conversations, in `GET /v1/conversations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationItem {
    /// Which.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Direct, group or channel.
    pub kind: Kind,
    /// Title, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Description, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `seq` of the last event.
    #[schemars(with = "schema::Seq")]
    pub head_seq: Seq,
    /// The reader has read everything up to here.
    #[schemars(with = "schema::Seq")]
    pub read_seq: Seq,
    /// Everything up to here has arrived on one of the reader's devices.
    #[schemars(with = "schema::Seq")]
    pub delivered_seq: Seq,
    /// Messages after the reader's mark.
    #[schemars(with = "schema::Count")]
    pub unread: u64,
    /// Those of them that mention the reader, counted up to 100.
    #[schemars(with = "schema::Count")]
    pub mentions: u64,
    /// The last message as it is now, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<ChatEvent<'static>>,
    /// The reader's role.
    pub role: MemberRole,
    /// How many members there are.
    #[schemars(with = "schema::Count")]
    pub member_count: u64,
    /// The two members of a direct conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<schema::UserId>>")]
    pub member_ids: Option<Vec<UserId>>,
    /// When it began.
    pub created_at: Time,
    /// Time of the last event.
    pub active_at: Time,
    /// How the reader wants it to be.
    pub preferences: ConversationPreferencesBody,
}

/// `PATCH /v1/conversations/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationPatch {
    /// The new title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The new description; empty removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A public channel, in `GET /v1/channels`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelItem {
    /// Which.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Title.
    pub title: String,
    /// Description, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many members there are.
    #[schemars(with = "schema::Count")]
    pub member_count: u64,
    /// Whether the reader is one of them.
    pub joined: bool,
    /// When it began.
    pub created_at: Time,
    /// Time of the last event.
    pub active_at: Time,
}

/// A member, in `GET /v1/conversations/{id}/members`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberItem {
    /// Who.
    #[schemars(with = "schema::UserId")]
    pub user_id: UserId,
    /// Their role.
    pub role: MemberRole,
    /// When they became one.
    pub joined_at: Time,
    /// They have read everything up to here.
    #[schemars(with = "schema::Seq")]
    pub read_seq: Seq,
    /// Everything up to here has arrived on one of their devices.
    #[schemars(with = "schema::Seq")]
    pub delivered_seq: Seq,
}

/// `POST /v1/conversations/{id}/members`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MembersRequest {
    /// The new members, at most 500.
    #[schemars(with = "Vec<schema::UserId>")]
    pub user_ids: Vec<UserId>,
}

/// `PATCH /v1/conversations/{id}/members/{user}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolePatch {
    /// The new role.
    pub role: MemberRole,
}

/// `GET /v1/conversations/{id}/events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventsBody<'a> {
    /// The events, ascending and without gaps.
    pub events: Vec<ChatEvent<'a>>,
    /// The conversation's last `seq` when the page was read.
    #[schemars(with = "schema::Seq")]
    pub head_seq: Seq,
    /// The generation of the history.
    #[schemars(with = "schema::Epoch")]
    pub epoch: Epoch,
    /// Whether there are more events in the direction asked.
    pub more: bool,
}

/// `POST /v1/conversations/{id}/messages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageRequest {
    /// The sender's name for this message, kept for every resend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::ClientMessageId>")]
    pub client_message_id: Option<CommandId>,
    /// Markdown source, at most 16,384 bytes of UTF-8. May be empty when there are attachments.
    pub body: String,
    /// The message it answers: its id, or its `seq` as a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<crate::frame::client::MessageName>,
    /// Members to notify, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<schema::UserId>")]
    pub mentions: Vec<UserId>,
    /// Files to show with it, at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<schema::AttachmentId>")]
    pub attachment_ids: Vec<AttachmentId>,
}

/// The answer to `POST /v1/conversations/{id}/messages`: the message is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageAccepted {
    /// The message's name: the sender's, or the one it was given.
    #[schemars(with = "schema::ClientMessageId")]
    pub client_message_id: CommandId,
}

/// `PATCH /v1/conversations/{id}/messages/{seq}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessagePatch {
    /// The new body.
    pub body: String,
    /// Members to notify now, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<schema::UserId>")]
    pub mentions: Vec<UserId>,
    /// The sender's name for this command, kept for every resend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::ClientMessageId>")]
    pub client_message_id: Option<CommandId>,
}

/// What became of a command over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandApplied {
    /// The event it became; absent when nothing had to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Seq>")]
    pub seq: Option<Seq>,
}

/// A body that an edit replaced, in `GET /v1/conversations/{id}/messages/{seq}/versions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionItem {
    /// 0 is the body as first sent, 1 the first edit, …
    #[schemars(with = "schema::Count")]
    pub number: u32,
    /// When the message got this body.
    pub at: Time,
    /// The body.
    pub body: String,
}

/// Who reacted how, in `GET /v1/conversations/{id}/messages/{seq}/reactions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReactionItem {
    /// Who.
    #[schemars(with = "schema::UserId")]
    pub user_id: UserId,
    /// How.
    pub emoji: String,
}

/// `PUT /v1/conversations/{id}/marks`: marks only move forward.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MarksRequest {
    /// Everything up to here is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Seq>")]
    pub read_seq: Option<Seq>,
    /// Everything up to here has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Seq>")]
    pub delivered_seq: Option<Seq>,
}

/// The reader's marks as they are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MarksBody {
    /// Everything up to here is read.
    #[schemars(with = "schema::Seq")]
    pub read_seq: Seq,
    /// Everything up to here has arrived.
    #[schemars(with = "schema::Seq")]
    pub delivered_seq: Seq,
}
