//! Reading an event back: one pass into all the members there can be, then those of its kind.
//! Unknown members are skipped; an unknown `kind` is an error, which a client answers by reading the page anew.

use std::borrow::Cow;

use chat::{CommandId, ConversationId, MessageId, Seq, UserId};
use serde::{Deserialize, Deserializer, de};

use super::{
    Attachment, ChatEvent, ConversationCreated, ConversationDescribed, Detail, FirstMember, Kind,
    MemberRemoved, MemberRole, MembersAdded, Message, MessageDeleted, MessageEdited, MessageReaction,
    ReactionCount, RoleChanged,
};
use crate::scalar::Time;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Flat<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    conversation_id: ConversationId,
    seq: Seq,
    sender_id: UserId,
    sent_at: Time,
    client_message_id: CommandId,
    ordinal: u64,
    conversation_kind: Option<Kind>,
    title: Option<String>,
    description: Option<String>,
    members: Option<Vec<FirstMember>>,
    message_id: Option<MessageId>,
    body: Option<String>,
    reply_to: Option<Seq>,
    #[serde(default)]
    mentions: Vec<UserId>,
    #[serde(default)]
    attachments: Vec<Attachment<'static>>,
    rev: Option<Seq>,
    edited_at: Option<Time>,
    #[serde(default)]
    edits: u32,
    deleted_at: Option<Time>,
    deleted_by: Option<UserId>,
    #[serde(default)]
    reactions: Vec<ReactionCount<'static>>,
    target: Option<Seq>,
    emoji: Option<String>,
    user_ids: Option<Vec<UserId>>,
    role: Option<MemberRole>,
    removed_user_id: Option<UserId>,
    member_id: Option<UserId>,
}

impl<'de> Deserialize<'de> for ChatEvent<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flat = Flat::deserialize(deserializer)?;
        Ok(ChatEvent {
            conversation_id: flat.conversation_id,
            seq: flat.seq,
            sender_id: flat.sender_id,
            sent_at: flat.sent_at,
            client_message_id: flat.client_message_id,
            ordinal: flat.ordinal,
            detail: flat.detail()?,
        })
    }
}

impl Flat<'_> {
    fn detail<'a, E: de::Error>(self) -> Result<Detail<'a>, E> {
        Ok(match self.kind.as_ref() {
            "created" => Detail::Created(ConversationCreated {
                conversation_kind: need(self.conversation_kind, "conversationKind")?,
                title: self.title.map(Cow::Owned),
                description: self.description.map(Cow::Owned),
                members: need(self.members, "members")?,
            }),
            "message" => Detail::Message(Message {
                message_id: need(self.message_id, "messageId")?,
                body: need(self.body, "body")?.into(),
                reply_to: self.reply_to,
                mentions: self.mentions.into(),
                attachments: self.attachments,
                rev: need(self.rev, "rev")?,
                edited_at: self.edited_at,
                edits: self.edits,
                deleted_at: self.deleted_at,
                deleted_by: self.deleted_by,
                reactions: self.reactions,
            }),
            "edited" => Detail::Edited(MessageEdited {
                target: need(self.target, "target")?,
                body: need(self.body, "body")?.into(),
                mentions: self.mentions.into(),
            }),
            "deleted" => Detail::Deleted(MessageDeleted { target: need(self.target, "target")? }),
            "reacted" => Detail::Reacted(reaction(self.target, self.emoji)?),
            "unreacted" => Detail::Unreacted(reaction(self.target, self.emoji)?),
            "described" => Detail::Described(ConversationDescribed {
                title: self.title.map(Cow::Owned),
                description: self.description.map(Cow::Owned),
            }),
            "membersAdded" => Detail::MembersAdded(MembersAdded {
                user_ids: need(self.user_ids, "userIds")?.into(),
                role: need(self.role, "role")?,
            }),
            "memberRemoved" => Detail::MemberRemoved(MemberRemoved {
                removed_user_id: need(self.removed_user_id, "removedUserId")?,
            }),
            "roleChanged" => Detail::RoleChanged(RoleChanged {
                member_id: need(self.member_id, "memberId")?,
                role: need(self.role, "role")?,
            }),
            other => return Err(E::custom(format_args!("unknown kind of event {other:?}"))),
        })
    }
}

fn reaction<'a, E: de::Error>(target: Option<Seq>, emoji: Option<String>) -> Result<MessageReaction<'a>, E> {
    Ok(MessageReaction { target: need(target, "target")?, emoji: need(emoji, "emoji")?.into() })
}

fn need<T, E: de::Error>(value: Option<T>, name: &'static str) -> Result<T, E> {
    value.ok_or_else(|| E::missing_field(name))
}
