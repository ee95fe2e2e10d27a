//! Text → frame: one pass over the JSON, then the members an action needs, each with its own sentence when wrong.
//! Never panics, never reads more than it was given, and repeats at most a few characters of what it did not know.

use std::{borrow::Cow, collections::BTreeMap, str::FromStr};

use chat::{CommandId, ConversationId, MessageId, Seq};
use thiserror::Error;

use super::{
    client::{
        ACTIONS, ClientFrame, DeleteMessage, EditMessage, Mark, MessageName, Ping, Reaction, Request,
        SendMessage, SetActive, Sync, Target, TypingNow, WatchMarks, WatchPresence,
    },
    value::Value,
};
use crate::{
    code::Code,
    limits::{
        CURSORS_PER_SYNC_MAX, FRAME_BYTES_MAX, INTEGER_MAX, QUOTED_CHARS_MAX, REF_BYTES_MAX, TOKEN_BYTES_MAX,
        WATCHED_CONVERSATIONS_MAX,
    },
    scalar::Ref,
};

/// Why a frame cannot be read. Answered by `rejected` when it was a command, else by `error`; the connection lives on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{code}: {message}")]
pub struct FrameError {
    /// `bad_json`, `bad_frame`, `unknown_action` or `frame_too_large`.
    pub code: Code,
    /// What is wrong and what would be right, for the developer of the client.
    pub message: String,
    /// The frame's `ref`, if that much could be read.
    pub reference: Option<Ref>,
    /// The command's id, if that much could be read.
    pub client_message_id: Option<CommandId>,
    /// Whether the action was one that is answered by `accepted` or `rejected`.
    pub is_command: bool,
}

/// Reads one frame.
///
/// # Errors
/// When it is too large, not one JSON object, of an unknown action, or a member is missing or of the wrong type.
pub fn decode(text: &str) -> Result<Request, FrameError> {
    if text.len() > FRAME_BYTES_MAX {
        return Err(FrameError::too_large(text.len() as u64));
    }
    let members = match serde_json::from_str(text) {
        Ok(Value::Object(members)) => members,
        Ok(other) => {
            let what = other.describe();
            return Err(plain(Code::BadJson, format!("A frame is one JSON object; this is {what}.")));
        }
        Err(error) => return Err(plain(Code::BadJson, format!("The frame is not valid JSON: {error}."))),
    };
    let mut fields = Fields { members, action: "" };
    let reference = fields.reference()?;
    let action = fields.action();
    let frame = action.and_then(|known| {
        fields.action = known;
        fields.frame()
    });
    match frame {
        Ok(frame) => Ok(Request { frame, reference }),
        Err(error) => Err(fields.complete(error, reference)),
    }
}

impl FrameError {
    /// A frame of this many bytes, more than allowed.
    #[must_use]
    pub fn too_large(bytes: u64) -> FrameError {
        plain(
            Code::FrameTooLarge,
            format!(
                "The frame has {bytes} bytes; at most {FRAME_BYTES_MAX} are allowed. Send text unescaped, shorten it, \
                 or use the HTTP API."
            ),
        )
    }
}

/// At most the first characters of something a client wrote, for repeating it in an error.
pub(super) fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

fn plain(code: Code, message: String) -> FrameError {
    FrameError { code, message, reference: None, client_message_id: None, is_command: false }
}

/// A sentence about one member.
type Wrong = (Code, String);

struct Fields<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
    /// The action, for sentences.
    action: &'static str,
}

impl<'a> Fields<'a> {
    fn frame(&mut self) -> Result<ClientFrame, Wrong> {
        Ok(match self.action {
            "sync" => ClientFrame::Sync(self.sync()?),
            "sendMessage" => ClientFrame::SendMessage(self.send_message()?),
            "editMessage" => ClientFrame::EditMessage(self.edit_message()?),
            "deleteMessage" => ClientFrame::DeleteMessage(self.delete_message()?),
            "react" => ClientFrame::React(self.reaction()?),
            "unreact" => ClientFrame::Unreact(self.reaction()?),
            "markRead" => ClientFrame::MarkRead(self.mark()?),
            "markDelivered" => ClientFrame::MarkDelivered(self.mark()?),
            "typing" => ClientFrame::Typing(TypingNow { conversation_id: self.id("conversationId")? }),
            "watchPresence" => ClientFrame::WatchPresence(WatchPresence {
                user_ids: self.required_ids("userIds", chat::limits::WATCHED_USERS_MAX)?,
            }),
            "watchMarks" => ClientFrame::WatchMarks(WatchMarks {
                conversation_ids: self.required_ids("conversationIds", WATCHED_CONVERSATIONS_MAX)?,
            }),
            "setActive" => ClientFrame::SetActive(SetActive { active: self.boolean("active")? }),
            _ => ClientFrame::Ping(Ping {}),
        })
    }

    fn sync(&mut self) -> Result<Sync, Wrong> {
        Ok(Sync { epoch: self.optional_id("epoch")?, cursors: self.cursors()?, token: self.token()? })
    }

    fn send_message(&mut self) -> Result<SendMessage, Wrong> {
        Ok(SendMessage {
            conversation_id: self.id("conversationId")?,
            client_message_id: self.optional_id("clientMessageId")?,
            body: self.text("body")?,
            reply_to: self.reply_to()?,
            mentions: self.ids("mentions")?,
            attachment_ids: self.ids("attachmentIds")?,
        })
    }

    fn edit_message(&mut self) -> Result<EditMessage, Wrong> {
        Ok(EditMessage {
            conversation_id: self.id("conversationId")?,
            target: self.target()?,
            body: self.text("body")?,
            mentions: self.ids("mentions")?,
            client_message_id: self.optional_id("clientMessageId")?,
        })
    }

    fn delete_message(&mut self) -> Result<DeleteMessage, Wrong> {
        Ok(DeleteMessage {
            conversation_id: self.id("conversationId")?,
            target: self.target()?,
            client_message_id: self.optional_id("clientMessageId")?,
        })
    }

    fn reaction(&mut self) -> Result<Reaction, Wrong> {
        Ok(Reaction {
            conversation_id: self.id("conversationId")?,
            target: self.target()?,
            emoji: self.text("emoji")?,
            client_message_id: self.optional_id("clientMessageId")?,
        })
    }

    fn mark(&self) -> Result<Mark, Wrong> {
        Ok(Mark { conversation_id: self.id("conversationId")?, seq: self.required("seq", Self::integer)? })
    }

    /// A member; `null` counts as absent.
    fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.members
            .iter()
            .find(|(member, _)| member == name)
            .map(|(_, value)| value)
            .filter(|value| **value != Value::Null)
    }

    /// Takes a member out, to keep it without a copy.
    fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let (_, value) = self.members.iter_mut().find(|(member, _)| member == name)?;
        match std::mem::replace(value, Value::Null) {
            Value::Null => None,
            value => Some(value),
        }
    }

    fn required<T>(
        &self,
        name: &'static str,
        read: fn(&Self, &'static str) -> Result<Option<T>, Wrong>,
    ) -> Result<T, Wrong> {
        read(self, name)?.ok_or_else(|| self.missing(name))
    }

    fn id<I: FromStr>(&self, name: &'static str) -> Result<I, Wrong> {
        self.required(name, Self::optional_id)
    }

    fn optional_id<I: FromStr>(&self, name: &'static str) -> Result<Option<I>, Wrong> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match id(value) {
            Some(id) => Ok(Some(id)),
            None => Err(self.wrong(name, "a UUID like \"0190a6a3-7d2c-7c4e-9d5b-3f1e8a9b0c1d\"", value)),
        }
    }

    fn integer(&self, name: &'static str) -> Result<Option<u64>, Wrong> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Unsigned(number)) if *number <= INTEGER_MAX => Ok(Some(*number)),
            Some(other) => Err(self.wrong(name, "an integer from 0 to 2^53 - 1", other)),
        }
    }

    fn boolean(&self, name: &'static str) -> Result<bool, Wrong> {
        match self.get(name) {
            None => Err(self.missing(name)),
            Some(Value::Bool(value)) => Ok(*value),
            Some(other) => Err(self.wrong(name, "true or false", other)),
        }
    }

    fn text(&mut self, name: &'static str) -> Result<String, Wrong> {
        match self.take(name) {
            None => Err(self.missing(name)),
            Some(Value::Text(text)) => Ok(text.into_owned()),
            Some(other) => Err(self.wrong(name, "a string", &other)),
        }
    }

    /// A list of ids that may be left out. How many are allowed is a rule of the chat.
    fn ids<I: FromStr>(&self, name: &'static str) -> Result<Vec<I>, Wrong> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let Value::List(items) = value else { return Err(self.wrong(name, "an array of UUIDs", value)) };
        items
            .iter()
            .map(|item| id(item).ok_or_else(|| self.wrong(name, "an array of UUIDs only", item)))
            .collect()
    }

    fn required_ids<I: FromStr>(&self, name: &'static str, max: usize) -> Result<Vec<I>, Wrong> {
        if self.get(name).is_none() {
            return Err(self.missing(name));
        }
        let ids = self.ids(name)?;
        if ids.len() > max {
            let action = self.action;
            return Err((Code::BadFrame, format!("{action}: \"{name}\" can name at most {max} at a time.")));
        }
        Ok(ids)
    }

    fn target(&self) -> Result<Target, Wrong> {
        let id: Option<MessageId> = self.optional_id("messageId")?;
        match (id, self.integer("seq")?) {
            (Some(id), Some(seq)) if id.seq() != seq => Err((
                Code::BadFrame,
                format!(
                    "{}: \"messageId\" and \"seq\" name different messages; give one of them.",
                    self.action
                ),
            )),
            (Some(message_id), _) => Ok(Target::Id { message_id }),
            (None, Some(seq)) => Ok(Target::Seq { seq }),
            (None, None) => Err((
                Code::BadFrame,
                format!("{} needs \"messageId\" or \"seq\", to say which message.", self.action),
            )),
        }
    }

    fn reply_to(&self) -> Result<Option<MessageName>, Wrong> {
        let Some(value) = self.get("replyTo") else { return Ok(None) };
        match (value, id(value)) {
            (_, Some(id)) => Ok(Some(MessageName::Id(id))),
            (Value::Unsigned(seq), _) if *seq <= INTEGER_MAX => Ok(Some(MessageName::Seq(*seq))),
            _ => Err(self.wrong("replyTo", "a message's id, or its seq as a number", value)),
        }
    }

    fn cursors(&self) -> Result<BTreeMap<ConversationId, Seq>, Wrong> {
        let expected = "an object of conversation ids with the last seq the client holds of each";
        let Some(value) = self.get("cursors") else { return Ok(BTreeMap::new()) };
        let Value::Object(members) = value else { return Err(self.wrong("cursors", expected, value)) };
        if members.len() > CURSORS_PER_SYNC_MAX {
            return Err((
                Code::BadFrame,
                format!(
                    "sync: \"cursors\" names {} conversations; at most {CURSORS_PER_SYNC_MAX} at a time. Wait for \
                     \"synced\", then sync the others.",
                    members.len()
                ),
            ));
        }
        members
            .iter()
            .map(|(name, seq)| match (parse_id(name), seq) {
                (Some(id), Value::Unsigned(seq)) if *seq <= INTEGER_MAX => Ok((id, *seq)),
                (None, _) => Err((
                    Code::BadFrame,
                    format!("sync: \"cursors\" is {expected}; {:?} is no conversation id.", quoted(name)),
                )),
                (Some(_), other) => Err(self.wrong("cursors", expected, other)),
            })
            .collect()
    }

    fn token(&mut self) -> Result<Option<String>, Wrong> {
        match self.take("token") {
            None => Ok(None),
            Some(Value::Text(token)) if token.len() <= TOKEN_BYTES_MAX => Ok(Some(token.into_owned())),
            Some(other) => Err(self.wrong("token", "the string from the last \"synced\"", &other)),
        }
    }

    fn reference(&self) -> Result<Option<Ref>, FrameError> {
        let reference = match self.get("ref") {
            None => return Ok(None),
            Some(Value::Text(text)) => Ref::text(text),
            Some(Value::Unsigned(number)) => i64::try_from(*number).ok().and_then(Ref::number),
            Some(Value::Negative(number)) => Ref::number(*number),
            Some(_) => None,
        };
        match reference {
            Some(reference) => Ok(Some(reference)),
            None => Err(self.complete(
                (
                    Code::BadFrame,
                    format!(
                        "\"ref\" must be a string of at most {REF_BYTES_MAX} bytes or an integer below 2^53."
                    ),
                ),
                None,
            )),
        }
    }

    fn action(&self) -> Result<&'static str, Wrong> {
        match self.get("action") {
            Some(Value::Text(action)) => known_action(action).ok_or_else(|| {
                (
                    Code::UnknownAction,
                    format!("There is no action {:?}. Known are: {}.", quoted(action), ACTIONS.join(", ")),
                )
            }),
            other => {
                let what = other.map_or("missing", Value::describe);
                Err((
                    Code::UnknownAction,
                    format!("\"action\" must be a string and is {what}. Known are: {}.", ACTIONS.join(", ")),
                ))
            }
        }
    }

    /// An error with what else could be read of the frame, so that the client can tell which one was wrong.
    fn complete(&self, (code, message): Wrong, reference: Option<Ref>) -> FrameError {
        let client_message_id = self.get("clientMessageId").and_then(id::<CommandId>);
        let action = self.action().unwrap_or_default();
        FrameError { code, message, reference, client_message_id, is_command: is_command(action) }
    }

    fn missing(&self, name: &str) -> Wrong {
        (Code::BadFrame, format!("{} needs \"{name}\".", self.action))
    }

    fn wrong(&self, name: &str, expected: &str, found: &Value<'_>) -> Wrong {
        let found = match found {
            Value::Text(text) => format!("the string {:?}", quoted(text)),
            other => other.describe().to_owned(),
        };
        (Code::BadFrame, format!("{}: \"{name}\" must be {expected}, not {found}.", self.action))
    }
}

fn known_action(name: &str) -> Option<&'static str> {
    ACTIONS.iter().find(|action| **action == name).copied()
}

fn is_command(action: &str) -> bool {
    matches!(action, "sendMessage" | "editMessage" | "deleteMessage" | "react" | "unreact")
}

fn id<I: FromStr>(value: &Value<'_>) -> Option<I> {
    if let Value::Text(text) = value { parse_id(text) } else { None }
}

/// The hyphenated form only, so that one id has one spelling but for the case of its letters.
fn parse_id<I: FromStr>(text: &str) -> Option<I> {
    const HYPHENATED: usize = 36;
    if text.len() == HYPHENATED { text.parse().ok() } else { None }
}
