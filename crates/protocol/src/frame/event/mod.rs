//! Events as they are written on the wire: live, in `events` pages and over HTTP, always the same members.
//! Invariant: a fresh message looks the same whether it comes from its event or from its row.

mod attachment;
mod convert;
mod read;

use std::borrow::Cow;

use chat::{CommandId, ConversationId, MessageId, Seq, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::attachment::Attachment;
use crate::scalar::{Time, schema};

/// One entry of a conversation's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatEvent<'a> {
    /// Whose log.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Place in the log.
    #[schemars(with = "schema::Seq")]
    pub seq: Seq,
    /// Who did it.
    #[schemars(with = "schema::UserId")]
    pub sender_id: UserId,
    /// When it was accepted.
    pub sent_at: Time,
    /// The sender's name for the command that caused it.
    #[schemars(with = "schema::ClientMessageId")]
    pub client_message_id: CommandId,
    /// Messages in the log up to and including this entry: unread counts are differences of it.
    #[schemars(with = "schema::Count")]
    pub ordinal: u64,
    /// What happened.
    #[serde(flatten)]
    pub detail: Detail<'a>,
}

/// What happened, told apart by `kind`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Detail<'a> {
    /// The conversation began; always `seq` 1.
    Created(ConversationCreated<'a>),
    /// A message: as it was sent when live, as it is now in pages and over HTTP.
    Message(Message<'a>),
    /// A message's body was replaced.
    Edited(MessageEdited<'a>),
    /// A message was erased.
    Deleted(MessageDeleted),
    /// A reaction was added.
    Reacted(MessageReaction<'a>),
    /// A reaction was taken back.
    Unreacted(MessageReaction<'a>),
    /// Title or description changed.
    Described(ConversationDescribed<'a>),
    /// People became members: by themselves when `userIds` is the sender alone, else added by the sender.
    MembersAdded(MembersAdded<'a>),
    /// Somebody's membership ended: by themselves when it is the sender's, else removed by the sender.
    MemberRemoved(MemberRemoved),
    /// A member has another role.
    RoleChanged(RoleChanged),
}

/// `kind: "created"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationCreated<'a> {
    /// Direct, group or channel.
    pub conversation_kind: Kind,
    /// Its title, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Cow<'a, str>>,
    /// Its description, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Cow<'a, str>>,
    /// The first members, the sender included.
    pub members: Vec<FirstMember>,
}

/// One of the first members of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FirstMember {
    /// Who.
    #[schemars(with = "schema::UserId")]
    pub user_id: UserId,
    /// Their role.
    pub role: MemberRole,
}

/// `kind: "message"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MessageSent")]
pub struct Message<'a> {
    /// The message, for its whole life.
    #[schemars(with = "schema::MessageId")]
    pub message_id: MessageId,
    /// Markdown source; empty once deleted.
    pub body: Cow<'a, str>,
    /// The message it answers, by place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Seq>")]
    pub reply_to: Option<Seq>,
    /// Members it notifies.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(with = "Vec<schema::UserId>")]
    pub mentions: Cow<'a, [UserId]>,
    /// Files shown with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment<'a>>,
    /// `seq` of the event that changed it last: applying an event not above it changes nothing.
    #[schemars(with = "schema::Seq")]
    pub rev: Seq,
    /// When it was last edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Time>,
    /// How often it was edited; absent is never.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(with = "schema::Count")]
    pub edits: u32,
    /// When it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Time>,
    /// Who erased it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::UserId>")]
    pub deleted_by: Option<UserId>,
    /// Reactions in the order of their first appearance.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<ReactionCount<'a>>,
}

/// How many people reacted to a message in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReactionCount<'a> {
    /// The reaction.
    pub emoji: Cow<'a, str>,
    /// How many.
    #[schemars(with = "schema::Count")]
    pub count: u64,
    /// Whether the reader is one of them; absent is no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mine: bool,
}

/// `kind: "edited"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageEdited<'a> {
    /// The message, by place.
    #[schemars(with = "schema::Seq")]
    pub target: Seq,
    /// The new body when live; the body as it is now in pages and over HTTP.
    pub body: Cow<'a, str>,
    /// Members it notifies now.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(with = "Vec<schema::UserId>")]
    pub mentions: Cow<'a, [UserId]>,
}

/// `kind: "deleted"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MessageDeleted {
    /// The message, by place.
    #[schemars(with = "schema::Seq")]
    pub target: Seq,
}

/// `kind: "reacted"` and `kind: "unreacted"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MessageReaction<'a> {
    /// The message, by place.
    #[schemars(with = "schema::Seq")]
    pub target: Seq,
    /// The reaction.
    pub emoji: Cow<'a, str>,
}

/// `kind: "described"`: what is absent did not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConversationDescribed<'a> {
    /// The new title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Cow<'a, str>>,
    /// The new description; empty when it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Cow<'a, str>>,
}

/// `kind: "membersAdded"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MembersAdded<'a> {
    /// The new members.
    #[schemars(with = "Vec<schema::UserId>")]
    pub user_ids: Cow<'a, [UserId]>,
    /// Their role.
    pub role: MemberRole,
}

/// `kind: "memberRemoved"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberRemoved {
    /// Whose membership ended.
    #[schemars(with = "schema::UserId")]
    pub removed_user_id: UserId,
}

/// `kind: "roleChanged"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleChanged {
    /// Whose role.
    #[schemars(with = "schema::UserId")]
    pub member_id: UserId,
    /// The new role.
    pub role: MemberRole,
}

/// What a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ConversationKind")]
pub enum Kind {
    /// Two people.
    Direct,
    /// Members by invitation.
    Group,
    /// Listed to everybody, joined by anybody.
    Channel,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MemberRole {
    /// Reads and writes.
    Member,
    /// Also moderates.
    Admin,
    /// Also decides who has which role.
    Owner,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}
