//! What operators see and do: dead letters, accounts, conversations.
//! Shows no message text and no secret (D7).

use chat::{CommandId, ConversationId, Seq, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{account::ServerRole, preferences::UserStatus};
use crate::{
    frame::event::Kind,
    scalar::{Time, schema},
};

/// Which queue a dead letter came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QueueName {
    /// Commands on their way to being applied.
    Messages,
    /// Events on their way to the nodes.
    Notifications,
}

/// Something that could not be processed, in `GET /v1/admin/dead-letters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterItem {
    /// For redriving and dropping.
    pub id: String,
    /// Its queue.
    pub queue: QueueName,
    /// What it is: an action, or a kind of announcement; `unreadable` when what it carries does not read.
    pub name: String,
    /// The conversation it belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::ConversationId>")]
    pub conversation_id: Option<ConversationId>,
    /// Who sent it, if anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::UserId>")]
    pub sender_id: Option<UserId>,
    /// The sender's name for it, if it is a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::ClientMessageId>")]
    pub client_message_id: Option<CommandId>,
    /// Why it was given up.
    pub reason: String,
    /// How often it was tried.
    #[schemars(with = "schema::Count")]
    pub attempts: u32,
    /// When it failed first.
    pub first_failed_at: Time,
    /// When it was given up.
    pub last_failed_at: Time,
}

/// `POST /v1/admin/dead-letters/redrive` and `…/drop`: these ids, or all of the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetterSelection {
    /// Which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// All there are; then `ids` is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Of which queue; `messages` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueName>,
}

/// How many dead letters were redriven or dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetterCount {
    /// How many.
    #[schemars(with = "schema::Count")]
    pub count: u64,
}

/// An account as its server's admins see it, in `GET /v1/admin/users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminUserItem {
    /// Who.
    #[schemars(with = "schema::UserId")]
    pub user_id: UserId,
    /// Login name.
    pub username: String,
    /// The name others see.
    pub display_name: String,
    /// Role on this server.
    pub role: ServerRole,
    /// When it was made.
    pub created_at: Time,
    /// Since when it is disabled, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Time>,
    /// When the person was last connected, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Time>,
    /// How they say they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<UserStatus>,
    /// Version of their picture, if they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

/// A conversation as its server's admins see it, in `GET /v1/admin/conversations`: nothing of what is said in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminConversationItem {
    /// Which.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Direct, group or channel.
    pub kind: Kind,
    /// Title, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many members there are.
    #[schemars(with = "schema::Count")]
    pub member_count: u64,
    /// `seq` of the last event.
    #[schemars(with = "schema::Seq")]
    pub head_seq: Seq,
    /// When it began.
    pub created_at: Time,
    /// Time of the last event.
    pub active_at: Time,
}

/// `PATCH /v1/admin/users/{id}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdminUserPatch {
    /// The new role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ServerRole>,
    /// Disable the account and end its logins, or enable it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}
