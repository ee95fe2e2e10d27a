//! A frame's request → what is asked of the rest of the server: commands of `chat`, syncs, marks.
//! Written by hand, field by field: the wire's types and the chat's are free to differ.

use chat::{
    Attachment, Command, CommandId, ConversationId, Envelope, Epoch, Refusal, Seq, TimestampMs, UserId,
};

use super::Output;
use crate::{
    frame::{
        ClientFrame, Request, ServerFrame,
        client::{EditMessage, Mark, Reaction, SendMessage, Sync, Target},
        server::Pong,
    },
    scalar::{Ref, Time},
};

/// A command, ready for admission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// To answer by.
    pub reference: Option<Ref>,
    /// Where.
    pub conversation: ConversationId,
    /// The client's name for it, or the new one it got.
    pub command_id: CommandId,
    /// What is asked.
    pub command: Command,
}

/// A sync to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRequest {
    /// To answer by.
    pub reference: Option<Ref>,
    /// The generation of the history that the cursors belong to.
    pub epoch: Option<Epoch>,
    /// What the client holds, by conversation; each conversation once.
    pub cursors: Vec<(ConversationId, Seq)>,
    /// The token of the client's last `synced`.
    pub token: Option<String>,
}

/// A mark to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marking {
    /// To answer by.
    pub reference: Option<Ref>,
    /// Where.
    pub conversation: ConversationId,
    /// Read up to here.
    pub read: Option<Seq>,
    /// Delivered up to here.
    pub delivered: Option<Seq>,
}

impl Submission {
    /// The envelope for the queue, and the `ref` to answer by.
    #[must_use]
    pub fn into_envelope(self, actor: UserId, accepted_at: TimestampMs) -> (Envelope, Option<Ref>) {
        let Submission { reference, conversation, command_id, command } = self;
        (Envelope { conversation, actor, command_id, accepted_at, command }, reference)
    }
}

impl Marking {
    /// The mark of this user.
    #[must_use]
    pub const fn of(&self, user: UserId) -> chat::Mark {
        chat::Mark { conversation: self.conversation, user, read: self.read, delivered: self.delivered }
    }
}

impl SyncRequest {
    pub(super) fn new(sync: Sync, reference: Option<Ref>) -> SyncRequest {
        let Sync { epoch, cursors, token } = sync;
        SyncRequest { reference, epoch, cursors: cursors.into_iter().collect(), token }
    }
}

/// The client's own id of a command: `None` when the frame is no command, `Some(None)` when it names none.
pub(super) fn command_id(frame: &ClientFrame) -> Option<Option<CommandId>> {
    match frame {
        ClientFrame::SendMessage(it) => Some(it.client_message_id),
        ClientFrame::EditMessage(it) => Some(it.client_message_id),
        ClientFrame::DeleteMessage(it) => Some(it.client_message_id),
        ClientFrame::React(it) | ClientFrame::Unreact(it) => Some(it.client_message_id),
        _ => None,
    }
}

/// What a frame asks for. `new_id` is asked when a command names no id of its own.
pub(super) fn output(request: Request, now: Time, new_id: impl FnOnce() -> CommandId) -> Output {
    let Request { frame, reference } = request;
    let id = command_id(&frame).flatten();
    let mark = |it: Mark, read, delivered| {
        Output::Mark(Marking {
            reference: reference.clone(),
            conversation: it.conversation_id,
            read,
            delivered,
        })
    };
    let asked = match frame {
        ClientFrame::Sync(it) => return Output::StartSync(SyncRequest::new(it, reference)),
        ClientFrame::SendMessage(it) => send(it),
        ClientFrame::EditMessage(it) => edit(it),
        ClientFrame::DeleteMessage(it) => {
            about(it.conversation_id, it.target, |target| Command::Delete { target })
        }
        ClientFrame::React(Reaction { conversation_id, target, emoji, .. }) => {
            about(conversation_id, target, |target| Command::React { target, emoji })
        }
        ClientFrame::Unreact(Reaction { conversation_id, target, emoji, .. }) => {
            about(conversation_id, target, |target| Command::Unreact { target, emoji })
        }
        ClientFrame::MarkRead(it) => return mark(it, Some(it.seq), None),
        ClientFrame::MarkDelivered(it) => return mark(it, None, Some(it.seq)),
        ClientFrame::Typing(it) => return Output::Typing { conversation: it.conversation_id, reference },
        ClientFrame::WatchPresence(it) => return Output::WatchPresence { users: it.user_ids, reference },
        ClientFrame::WatchMarks(it) => {
            return Output::WatchMarks { conversations: it.conversation_ids, reference };
        }
        ClientFrame::SetActive(it) => return Output::SetActive { active: it.active, reference },
        ClientFrame::Ping(_) => {
            return Output::Reply(ServerFrame::Pong(Pong { reference, server_time: now }));
        }
    };
    match asked {
        Ok((conversation, command)) => Output::Submit(Submission {
            reference,
            conversation,
            command_id: id.unwrap_or_else(new_id),
            command,
        }),
        Err(refusal) => Output::Reply(ServerFrame::refused(reference, id, refusal)),
    }
}

type Asked = Result<(ConversationId, Command), Refusal>;

fn send(frame: SendMessage) -> Asked {
    let SendMessage { conversation_id, body, reply_to, mentions, attachment_ids, .. } = frame;
    let reply_to = match reply_to {
        Some(name) => Some(name.seq_in(conversation_id).ok_or(Refusal::MessageNotFound)?),
        None => None,
    };
    let attachments = attachment_ids.into_iter().map(Attachment::named).collect();
    Ok((conversation_id, Command::Send { body, reply_to, mentions, attachments }))
}

fn edit(frame: EditMessage) -> Asked {
    let EditMessage { conversation_id, target, body, mentions, .. } = frame;
    about(conversation_id, target, |target| Command::Edit { target, body, mentions })
}

fn about(conversation: ConversationId, target: Target, make: impl FnOnce(Seq) -> Command) -> Asked {
    match target.seq_in(conversation) {
        Some(target) => Ok((conversation, make(target))),
        None => Err(Refusal::MessageNotFound),
    }
}
