//! Messages over HTTP, for programs that hold no socket: the same commands, the same rules, the same order.
//! Sending answers once the message is durable (D1); everything else waits for its outcome.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chat::{Attachment, Command, Seq};
use protocol::{
    Code,
    frame::client::MessageName,
    http::conversation::{CommandApplied, MessageAccepted, MessagePatch, MessageRequest},
};

use crate::{
    App, Problem,
    command::{execute, submit},
    endpoint::{Access, Endpoint, delete, patch, post, put},
    extract::{Json, Member, RequestId, Segments},
};

/// Refusals of commands about a message there is.
const ABOUT_A_MESSAGE: &[Code] = &[Code::MessageNotFound, Code::MessageDeleted, Code::DeadLettered];

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "messages";
    const ONE: &str = "/v1/conversations/{conversation}/messages/{seq}";
    const REACTION: &str = "/v1/conversations/{conversation}/messages/{seq}/reactions/{emoji}";
    vec![
        post("/v1/conversations/{conversation}/messages", send)
            .is(
                TAG,
                "sendMessage",
                "Send a message. A resend with the same clientMessageId is the same message.",
            )
            .access(Access::Member)
            .takes_idempotency_key()
            .body::<MessageRequest>()
            .answers::<MessageAccepted>(202, "It is durable; its event follows.")
            .refuses(&[Code::EmptyBody, Code::BodyTooLong, Code::TooManyMentions, Code::AttachmentNotFound]),
        patch(ONE, edit)
            .is(TAG, "editMessage", "Replace the body of one's own message.")
            .access(Access::Member)
            .takes_idempotency_key()
            .body::<MessagePatch>()
            .answers::<CommandApplied>(200, "The event it became.")
            .refuses(ABOUT_A_MESSAGE)
            .refuses(&[
                Code::NotYourMessage,
                Code::TooManyEdits,
                Code::EmptyBody,
                Code::BodyTooLong,
                Code::TooManyMentions,
            ]),
        delete(ONE, erase)
            .is(TAG, "deleteMessage", "Erase a message; its place in the order stays.")
            .access(Access::Member)
            .takes_idempotency_key()
            .answers::<CommandApplied>(200, "The event it became.")
            .refuses(ABOUT_A_MESSAGE)
            .refuses(&[Code::Forbidden]),
        put(REACTION, react)
            .is(TAG, "react", "Add a reaction.")
            .access(Access::Member)
            .takes_idempotency_key()
            .answers::<CommandApplied>(200, "The event it became.")
            .refuses(ABOUT_A_MESSAGE)
            .refuses(&[Code::BadEmoji, Code::TooManyReactions]),
        delete(REACTION, unreact)
            .is(TAG, "unreact", "Take a reaction back.")
            .access(Access::Member)
            .takes_idempotency_key()
            .answers::<CommandApplied>(200, "The event it became.")
            .refuses(ABOUT_A_MESSAGE)
            .refuses(&[Code::BadEmoji]),
    ]
}

async fn send(
    State(app): State<Arc<App>>,
    member: Member,
    RequestId(id): RequestId,
    Json(new): Json<MessageRequest>,
) -> Result<Response, Problem> {
    let id = new.client_message_id.unwrap_or(id);
    let command = Command::Send {
        body: new.body,
        reply_to: new.reply_to.map(place),
        mentions: new.mentions,
        attachments: new.attachment_ids.into_iter().map(Attachment::named).collect(),
    };
    submit(&app, &member, id, command).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(MessageAccepted { client_message_id: id })).into_response())
}

fn place(name: MessageName) -> Seq {
    match name {
        MessageName::Id(id) => id.seq(),
        MessageName::Seq(seq) => seq,
    }
}

async fn edit(
    State(app): State<Arc<App>>,
    member: Member,
    segments: Segments,
    RequestId(id): RequestId,
    Json(change): Json<MessagePatch>,
) -> Result<axum::Json<CommandApplied>, Problem> {
    let id = change.client_message_id.unwrap_or(id);
    let command = Command::Edit { target: segments.seq()?, body: change.body, mentions: change.mentions };
    applied(execute(&app, &member, id, command).await?)
}

async fn erase(
    State(app): State<Arc<App>>,
    member: Member,
    segments: Segments,
    RequestId(id): RequestId,
) -> Result<axum::Json<CommandApplied>, Problem> {
    applied(execute(&app, &member, id, Command::Delete { target: segments.seq()? }).await?)
}

async fn react(
    State(app): State<Arc<App>>,
    member: Member,
    segments: Segments,
    RequestId(id): RequestId,
) -> Result<axum::Json<CommandApplied>, Problem> {
    let command = Command::React { target: segments.seq()?, emoji: segments.text("emoji").to_owned() };
    applied(execute(&app, &member, id, command).await?)
}

async fn unreact(
    State(app): State<Arc<App>>,
    member: Member,
    segments: Segments,
    RequestId(id): RequestId,
) -> Result<axum::Json<CommandApplied>, Problem> {
    let command = Command::Unreact { target: segments.seq()?, emoji: segments.text("emoji").to_owned() };
    applied(execute(&app, &member, id, command).await?)
}

#[allow(clippy::unnecessary_wraps, reason = "the last line of every handler here")]
fn applied(seq: Option<Seq>) -> Result<axum::Json<CommandApplied>, Problem> {
    Ok(axum::Json(CommandApplied { seq }))
}
