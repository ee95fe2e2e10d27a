//! What a client sends: one JSON object a frame, told apart by `action`.
//! Knows shapes only: limits of bodies, membership and permission are checked by `chat`, legality by `session`.

use std::collections::BTreeMap;

use chat::{AttachmentId, CommandId, ConversationId, Epoch, MessageId, Seq, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalar::{Ref, schema};

/// One frame of a client: an action, and the client's name for this frame if it wants an answer to carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ClientRequest")]
pub struct Request {
    /// What is asked.
    #[serde(flatten)]
    pub frame: ClientFrame,
    /// Echoed in the answer.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
}

/// What can be asked. Members that an action does not know are ignored; `null` is the same as leaving a member out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "action", rename_all = "camelCase")]
pub enum ClientFrame {
    /// Subscribe, then send what is missing.
    Sync(Sync),
    /// Send a message.
    SendMessage(SendMessage),
    /// Replace the body of one's own message.
    EditMessage(EditMessage),
    /// Erase a message.
    DeleteMessage(DeleteMessage),
    /// Add a reaction.
    React(Reaction),
    /// Take a reaction back.
    Unreact(Reaction),
    /// Everything up to `seq` is read.
    MarkRead(Mark),
    /// Everything up to `seq` has arrived.
    MarkDelivered(Mark),
    /// I am typing.
    Typing(TypingNow),
    /// Tell me about the presence of these people, and of nobody else.
    WatchPresence(WatchPresence),
    /// Tell me about the marks in these conversations of more than 100 members, and in no others.
    WatchMarks(WatchMarks),
    /// I am, or am not, active on this device.
    SetActive(SetActive),
    /// Are you there?
    Ping(Ping),
}

/// Names a message: by its id, or by its place in the conversation. Given both, they must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Target {
    /// By id.
    #[serde(rename_all = "camelCase")]
    Id {
        /// The message.
        #[schemars(with = "schema::MessageId")]
        message_id: MessageId,
    },
    /// By place.
    Seq {
        /// The message's place.
        #[schemars(with = "schema::Seq")]
        seq: Seq,
    },
}

/// Names a message in one value: a string is its id, a number its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MessageName {
    /// By id.
    Id(#[schemars(with = "schema::MessageId")] MessageId),
    /// By place.
    Seq(#[schemars(with = "schema::Seq")] Seq),
}

/// `sync`: see `docs/protocol.md`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sync {
    /// The epoch the cursors belong to; another one than the server's is answered by `resync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Epoch>")]
    pub epoch: Option<Epoch>,
    /// What the client holds: the last `seq` of each conversation, at most 500 of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, schema::Seq>")]
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// The token of the last `synced`, if the client has been told everything up to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// `sendMessage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendMessage {
    /// Where.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// The sender's name for this message, kept for every resend. Without one the server gives one, and a resend
    /// is another message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::ClientMessageId>")]
    pub client_message_id: Option<CommandId>,
    /// Markdown source, at most 16,384 bytes of UTF-8. May be empty when there are attachments.
    pub body: String,
    /// The message it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageName>,
    /// Members to notify, at most 50.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<schema::UserId>")]
    pub mentions: Vec<UserId>,
    /// Files to show with it, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<schema::AttachmentId>")]
    pub attachment_ids: Vec<AttachmentId>,
}

/// `editMessage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditMessage {
    /// Where.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Which message.
    #[serde(flatten)]
    pub target: Target,
    /// The new body.
    pub body: String,
    /// Members to notify now, at most 50.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<schema::UserId>")]
    pub mentions: Vec<UserId>,
    /// The sender's name for this command, kept for every resend.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::ClientMessageId>")]
    pub client_message_id: Option<CommandId>,
}

/// `deleteMessage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeleteMessage {
    /// Where.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Which message.
    #[serde(flatten)]
    pub target: Target,
    /// The sender's name for this command, kept for every resend.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::ClientMessageId>")]
    pub client_message_id: Option<CommandId>,
}

/// `react` and `unreact`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reaction {
    /// Where.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Which message.
    #[serde(flatten)]
    pub target: Target,
    /// One emoji or short word, at most 64 bytes, no spaces.
    pub emoji: String,
    /// The sender's name for this command, kept for every resend.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::ClientMessageId>")]
    pub client_message_id: Option<CommandId>,
}

/// `markRead` and `markDelivered`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// Where.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Everything up to here.
    #[schemars(with = "schema::Seq")]
    pub seq: Seq,
}

/// `typing`: send it again every few seconds while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TypingRequest")]
pub struct TypingNow {
    /// Where.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
}

/// `watchPresence`: replaces what was watched before; answered at once with how they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WatchPresence {
    /// The people on screen, at most 500.
    #[schemars(with = "Vec<schema::UserId>")]
    pub user_ids: Vec<UserId>,
}

/// `watchMarks`: replaces what was watched before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WatchMarks {
    /// The conversations on screen, at most 100.
    #[schemars(with = "Vec<schema::ConversationId>")]
    pub conversation_ids: Vec<ConversationId>,
}

/// `setActive`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SetActive {
    /// Whether the person is there.
    pub active: bool,
}

/// `ping`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ping {}

/// Every action, in the order of the documentation: what an `unknown_action` error lists.
pub const ACTIONS: [&str; 13] = [
    "sync",
    "sendMessage",
    "editMessage",
    "deleteMessage",
    "react",
    "unreact",
    "markRead",
    "markDelivered",
    "typing",
    "watchPresence",
    "watchMarks",
    "setActive",
    "ping",
];

impl Request {
    /// The frame as a client sends it.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("invariant: frames have text keys and no failing members")
    }
}

impl From<ClientFrame> for Request {
    fn from(frame: ClientFrame) -> Self {
        Request { frame, reference: None }
    }
}

impl ClientFrame {
    /// The same with a name for the answer to carry.
    #[must_use]
    pub fn with_ref(self, reference: Ref) -> Request {
        Request { frame: self, reference: Some(reference) }
    }

    /// Its `action`.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Sync(_) => "sync",
            Self::SendMessage(_) => "sendMessage",
            Self::EditMessage(_) => "editMessage",
            Self::DeleteMessage(_) => "deleteMessage",
            Self::React(_) => "react",
            Self::Unreact(_) => "unreact",
            Self::MarkRead(_) => "markRead",
            Self::MarkDelivered(_) => "markDelivered",
            Self::Typing(_) => "typing",
            Self::WatchPresence(_) => "watchPresence",
            Self::WatchMarks(_) => "watchMarks",
            Self::SetActive(_) => "setActive",
            Self::Ping(_) => "ping",
        }
    }
}

impl Target {
    /// The message's place, `None` when its id is not one of this conversation's.
    #[must_use]
    pub fn seq_in(self, conversation: ConversationId) -> Option<Seq> {
        match self {
            Target::Id { message_id } => MessageName::Id(message_id).seq_in(conversation),
            Target::Seq { seq } => Some(seq),
        }
    }
}

impl MessageName {
    /// The message's place, `None` when its id is not one of this conversation's: ids carry a trace of theirs, so a
    /// client that mixes up two conversations does not hit an innocent message at the same place.
    #[must_use]
    pub fn seq_in(self, conversation: ConversationId) -> Option<Seq> {
        match self {
            MessageName::Seq(seq) => Some(seq),
            MessageName::Id(id) => {
                let mut at_ms = [0_u8; 8];
                at_ms[2..].copy_from_slice(&id.uuid().as_bytes()[..6]);
                let made = MessageId::new(conversation, id.seq(), u64::from_be_bytes(at_ms));
                (made == id).then(|| id.seq())
            }
        }
    }
}
