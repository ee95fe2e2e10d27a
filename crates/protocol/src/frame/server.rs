//! What a server sends: one JSON object a frame, told apart by `type`, which always comes first.
//! Knows shapes only; who gets which frame is decided by the gateway.

use std::borrow::Cow;

use chat::{Announcement, CommandId, ConnectionId, ConversationId, Epoch, Refusal, Seq, SessionId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use super::news::{Marks, PreferencesChanged, PresenceFrame, PresenceStatus, Typing, UserPresence};
use super::{client::ACTIONS, decode::FrameError, event::ChatEvent};
use crate::{
    code::Code,
    scalar::{Ref, Time, schema},
};

/// One frame of a server. Clients ignore types and members they do not know.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ServerFrame<'a> {
    /// The first frame of a connection.
    Hello(Hello),
    /// A command is durable.
    Accepted(Accepted),
    /// A command was refused; nothing of it will happen.
    Rejected(Rejected<'a>),
    /// A command that had been accepted came to nothing.
    Failed(Failed<'a>),
    /// A frame that is no command was refused.
    Error(ErrorFrame<'a>),
    /// A frame with a `ref` that needs no other answer was carried out.
    Done(Done),
    /// Yes, I am here.
    Pong(Pong),
    /// Something happened in a conversation.
    Event(Box<ChatEvent<'a>>),
    /// A page of what happened, in order: the answer to `sync`.
    Events(Events<'a>),
    /// The sync is complete: from here on everything comes live.
    Synced(Synced),
    /// The history is another one than the client's: forget what is held and read it anew.
    Resync(Resync),
    /// Somebody is typing.
    Typing(Typing),
    /// How people are.
    Presence(PresenceFrame),
    /// A member's marks moved.
    Marks(Marks),
    /// The reader's preferences changed: fetch them again.
    Preferences(PreferencesChanged),
    /// The server goes away soon: connect again.
    Reconnect(Reconnect),
}

/// `hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// This socket.
    #[schemars(with = "schema::ConnectionId")]
    pub connection_id: ConnectionId,
    /// Who is logged in.
    #[schemars(with = "schema::UserId")]
    pub user_id: UserId,
    /// By which login.
    #[schemars(with = "schema::SessionId")]
    pub session_id: SessionId,
    /// The generation of the history.
    #[schemars(with = "schema::Epoch")]
    pub epoch: Epoch,
    /// Time between two pings; a connection silent for two of them is dead.
    #[schemars(with = "schema::Milliseconds")]
    pub heartbeat_ms: u64,
    /// The server's clock.
    pub server_time: Time,
    /// What the connection allows.
    pub limits: HelloLimits,
}

/// What a connection allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelloLimits {
    /// Largest frame of a client, bytes.
    #[schemars(with = "schema::Count")]
    pub frame_bytes: u64,
    /// Longest body of a message, bytes of UTF-8.
    #[schemars(with = "schema::Count")]
    pub body_bytes: u64,
    /// Whether several messages of one conversation may be unacknowledged at once.
    pub pipelining: bool,
    /// Commands a second, sustained.
    #[schemars(with = "schema::Count")]
    pub sends_per_second: u64,
    /// Commands at once.
    #[schemars(with = "schema::Count")]
    pub send_burst: u64,
    /// Conversations one `sync` can name.
    #[schemars(with = "schema::Count")]
    pub sync_conversations: u64,
}

/// `accepted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The frame's `ref`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// The command's id: the client's, or the one it was given.
    #[schemars(with = "schema::ClientMessageId")]
    pub client_message_id: CommandId,
}

/// `rejected`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rejected<'a> {
    /// The frame's `ref`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// The command's id, if it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::ClientMessageId>")]
    pub client_message_id: Option<CommandId>,
    /// Why.
    pub code: Code,
    /// Why, for people.
    pub message: Cow<'a, str>,
    /// When trying again makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub retry_after_ms: Option<u64>,
}

/// `failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failed<'a> {
    /// Where it was sent.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Which command.
    #[schemars(with = "schema::ClientMessageId")]
    pub client_message_id: CommandId,
    /// Why.
    pub code: Code,
    /// Why, for people.
    pub message: Cow<'a, str>,
}

/// `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorFrame<'a> {
    /// The frame's `ref`, if it could be read.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// Why.
    pub code: Code,
    /// Why, for people.
    pub message: Cow<'a, str>,
    /// The conversation it is about: a `sync` may name one that the reader is not a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::ConversationId>")]
    pub conversation_id: Option<ConversationId>,
    /// When trying again makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub retry_after_ms: Option<u64>,
    /// The actions there are, where the frame's was not one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_actions: Option<Vec<Cow<'a, str>>>,
}

/// `done`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// The frame's `ref`.
    #[serde(rename = "ref")]
    pub reference: Ref,
}

/// `pong`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pong {
    /// The frame's `ref`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// The server's clock.
    pub server_time: Time,
}

/// `events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Events<'a> {
    /// Whose log.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// The events, ascending and without gaps.
    pub events: Vec<ChatEvent<'a>>,
    /// The conversation's last `seq` when the page was read.
    #[schemars(with = "schema::Seq")]
    pub head_seq: Seq,
    /// Whether another page of this conversation follows.
    pub more: bool,
}

/// `synced`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Synced {
    /// The `ref` of the `sync`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// For the next `sync`: opaque, to be kept with the cursors.
    pub token: String,
    /// Conversations of the reader that the `sync` did not name, at most 350.
    pub unlisted: Vec<Unlisted>,
    /// Whether there are more of those than listed; `GET /v1/conversations` has them all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// A conversation that a `sync` did not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unlisted {
    /// Which.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Its last `seq`: it is live from there.
    #[schemars(with = "schema::Seq")]
    pub head_seq: Seq,
}

/// `resync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resync {
    /// The generation of the history now.
    #[schemars(with = "schema::Epoch")]
    pub epoch: Epoch,
}

/// `reconnect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconnect {
    /// When to connect again; spread over the node's clients so that they do not come all at once.
    #[schemars(with = "schema::Milliseconds")]
    pub after_ms: u64,
}

/// Why a server's frame cannot be read by a client.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// A type that this build does not know: to be ignored.
    #[error("unknown type of frame {0:?}")]
    UnknownType(String),
    /// Not a frame.
    #[error("not a server's frame: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl ServerFrame<'_> {
    /// The frame as bytes of JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: frames have text keys and no failing members")
    }

    /// The frame as JSON text.
    #[must_use]
    pub fn encode_text(&self) -> String {
        serde_json::to_string(self).expect("invariant: frames have text keys and no failing members")
    }

    /// Reads a frame, for clients written in Rust.
    ///
    /// # Errors
    /// `UnknownType`, which a client ignores, or `Malformed`.
    pub fn decode(text: &str) -> Result<ServerFrame<'static>, DecodeError> {
        let tag = match peek_type(text) {
            Some(tag) => Cow::Borrowed(tag),
            None => read_type(text)?,
        };
        Ok(match tag.as_ref() {
            "hello" => ServerFrame::Hello(serde_json::from_str(text)?),
            "accepted" => ServerFrame::Accepted(serde_json::from_str(text)?),
            "rejected" => ServerFrame::Rejected(serde_json::from_str(text)?),
            "failed" => ServerFrame::Failed(serde_json::from_str(text)?),
            "error" => ServerFrame::Error(serde_json::from_str(text)?),
            "done" => ServerFrame::Done(serde_json::from_str(text)?),
            "pong" => ServerFrame::Pong(serde_json::from_str(text)?),
            "event" => ServerFrame::Event(Box::new(serde_json::from_str(text)?)),
            "events" => ServerFrame::Events(serde_json::from_str(text)?),
            "synced" => ServerFrame::Synced(serde_json::from_str(text)?),
            "resync" => ServerFrame::Resync(serde_json::from_str(text)?),
            "typing" => ServerFrame::Typing(serde_json::from_str(text)?),
            "presence" => ServerFrame::Presence(serde_json::from_str(text)?),
            "marks" => ServerFrame::Marks(serde_json::from_str(text)?),
            "preferences" => ServerFrame::Preferences(serde_json::from_str(text)?),
            "reconnect" => ServerFrame::Reconnect(serde_json::from_str(text)?),
            other => return Err(DecodeError::UnknownType(other.to_owned())),
        })
    }

    /// The `accepted` of a command.
    #[must_use]
    pub fn accepted(reference: Option<Ref>, client_message_id: CommandId) -> ServerFrame<'static> {
        ServerFrame::Accepted(Accepted { reference, client_message_id })
    }

    /// The `rejected` of a command that a rule refused.
    #[must_use]
    pub fn refused(reference: Option<Ref>, id: Option<CommandId>, refusal: Refusal) -> ServerFrame<'static> {
        Self::rejected(reference, id, refusal.into(), refusal.to_string(), None)
    }

    /// The `rejected` of a command.
    #[must_use]
    pub fn rejected(
        reference: Option<Ref>,
        client_message_id: Option<CommandId>,
        code: Code,
        message: impl Into<Cow<'static, str>>,
        retry_after_ms: Option<u64>,
    ) -> ServerFrame<'static> {
        let message = message.into();
        ServerFrame::Rejected(Rejected { reference, client_message_id, code, message, retry_after_ms })
    }

    /// The `error` about a frame that is no command.
    #[must_use]
    pub fn error(
        reference: Option<Ref>,
        code: Code,
        message: impl Into<Cow<'static, str>>,
        retry_after_ms: Option<u64>,
    ) -> ServerFrame<'static> {
        ServerFrame::Error(ErrorFrame {
            reference,
            code,
            message: message.into(),
            conversation_id: None,
            retry_after_ms,
            known_actions: (code == Code::UnknownAction).then(|| ACTIONS.map(Cow::Borrowed).to_vec()),
        })
    }

    /// The `error` about a conversation in a `sync` that is not there for who asks (D7).
    #[must_use]
    pub fn not_in_sync(reference: Option<Ref>, conversation: ConversationId) -> ServerFrame<'static> {
        let refusal = Refusal::ConversationNotFound;
        ServerFrame::Error(ErrorFrame {
            reference,
            code: refusal.into(),
            message: refusal.to_string().into(),
            conversation_id: Some(conversation),
            retry_after_ms: None,
            known_actions: None,
        })
    }

    /// What an announcement looks like to who is told it; `None` for sessions that ended, which close sockets.
    #[must_use]
    pub fn of(announcement: &Announcement) -> Option<ServerFrame<'_>> {
        Some(match announcement {
            Announcement::Event { event, ordinal } => {
                ServerFrame::Event(Box::new(ChatEvent::of_event(event, *ordinal)))
            }
            Announcement::Failed { conversation, command_id, refusal, .. } => ServerFrame::Failed(Failed {
                conversation_id: *conversation,
                client_message_id: *command_id,
                code: (*refusal).into(),
                message: refusal.to_string().into(),
            }),
            Announcement::Marks { conversation, user, state, .. } => ServerFrame::Marks(Marks {
                conversation_id: *conversation,
                user_id: *user,
                read_seq: state.read,
                delivered_seq: state.delivered,
            }),
            Announcement::Typing { conversation, user } => {
                ServerFrame::Typing(Typing { conversation_id: *conversation, user_id: *user })
            }
            Announcement::Presence { user, presence } => {
                ServerFrame::Presence(PresenceFrame { users: vec![UserPresence::of(*user, *presence)] })
            }
            Announcement::Preferences { conversation, .. } => {
                ServerFrame::Preferences(PreferencesChanged { conversation_id: *conversation })
            }
            Announcement::SessionsEnded { .. } | Announcement::AccountDisabled { .. } => return None,
        })
    }
}

impl From<FrameError> for ServerFrame<'static> {
    fn from(error: FrameError) -> Self {
        if error.is_command {
            Self::rejected(error.reference, error.client_message_id, error.code, error.message, None)
        } else {
            Self::error(error.reference, error.code, error.message, None)
        }
    }
}

/// The `type` of a frame written by this server: always its first member, written without spaces.
#[must_use]
pub fn peek_type(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("{\"type\":\"")?;
    let end = rest.find(['"', '\\'])?;
    rest[end..].starts_with('"').then(|| &rest[..end])
}

/// The `type` wherever it stands.
fn read_type(text: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Tagged<'a> {
        #[serde(rename = "type", borrow)]
        tag: Cow<'a, str>,
    }
    serde_json::from_str::<Tagged<'_>>(text).map(|tagged| tagged.tag)
}
