//! Carries out what a session asks for: replies, commands, marks, typing, watching, syncs, closing.
//! Waits for nothing; what has to wait becomes a task or goes to the part of the shard that waits.

use std::{rc::Rc, time::Instant};

use chat::{Announcement, ConversationId, Refusal, UserId, admission};
use protocol::{
    Code, Ref,
    frame::{ServerFrame, presence_frames},
    session::{Marking, Output, Step, Submission, done},
};

use crate::{
    claiming,
    connection::Connection,
    limits::{TYPING_CONVERSATIONS_MAX, TYPING_EVERY_MS},
    metrics::Dropped,
    outbox::Weight,
    outgoing::text_frame,
    shard::Shard,
    sync,
};

/// Does what a step of the session asks for, in its order.
pub(crate) fn carry_out(shard: &Rc<Shard>, connection: &Rc<Connection>, step: Step) {
    // Going live needs no act: the session says so itself, and rooms ask it.
    if let Some(output) = step.output {
        carry_out_one(shard, connection, output);
    }
    if let Some(code) = step.close {
        connection.close(code, &shard.out);
    }
}

fn carry_out_one(shard: &Rc<Shard>, connection: &Rc<Connection>, output: Output) {
    match output {
        Output::Reply(frame) => shard.reply(connection, &frame),
        Output::Submit(submission) => submit(shard, connection, submission),
        Output::StartSync(request) => sync::start(shard, connection, request),
        Output::Mark(marking) => mark(shard, connection, marking),
        Output::Typing { conversation, reference } => typing(shard, connection, conversation, reference),
        Output::WatchPresence { users, reference } => watch_presence(shard, connection, users, reference),
        Output::WatchMarks { conversations, reference } => {
            shard.hub.borrow_mut().watch_marks(connection, conversations);
            finished(shard, connection, reference);
        }
        Output::SetActive { active, reference } => {
            if connection.active.replace(active) != active {
                shard.roll.changed(shard, connection);
            }
            finished(shard, connection, reference);
        }
    }
}

/// Step 4: admission with what the hub knows, so that no command needs a read.
fn submit(shard: &Rc<Shard>, connection: &Rc<Connection>, submission: Submission) {
    let standing = shard.hub.borrow().standing(connection.user, submission.conversation);
    let admitted = match standing {
        Some(standing) => admission::admit(standing.kind, Some(standing.role), &submission.command),
        None => Err(Refusal::ConversationNotFound),
    };
    let refused = match admitted {
        Err(refusal) => {
            ServerFrame::refused(submission.reference.clone(), Some(submission.command_id), refusal)
        }
        Ok(()) => match shard.app.limits.send(connection.user) {
            Err(slow_down) => {
                connection.flood.refused();
                ServerFrame::rejected(
                    submission.reference.clone(),
                    Some(submission.command_id),
                    Code::SlowDown,
                    "You are sending too fast: wait for retryAfterMs, then send it again with the same id.",
                    Some(slow_down.retry_after_ms),
                )
            }
            Ok(()) => match claiming::queue(shard, connection, submission) {
                Ok(()) => return,
                Err(refused) => *refused,
            },
        },
    };
    shard.out.stats.rejected.add(1);
    shard.reply(connection, &refused);
}

fn mark(shard: &Rc<Shard>, connection: &Rc<Connection>, marking: Marking) {
    let Some(head) = shard.hub.borrow().head_for(connection.user, marking.conversation) else {
        return not_found(shard, connection, marking.reference, marking.conversation);
    };
    if let Err(frame) = shard.marks.add(connection, marking, head) {
        shard.reply(connection, &frame);
    }
}

fn typing(
    shard: &Rc<Shard>,
    connection: &Rc<Connection>,
    conversation: ConversationId,
    reference: Option<Ref>,
) {
    if shard.hub.borrow().head_for(connection.user, conversation).is_none() {
        return not_found(shard, connection, reference, conversation);
    }
    if may_type(connection, conversation, Instant::now()) {
        shard.news.add(Announcement::Typing { conversation, user: connection.user }, &shard.out.stats);
    } else {
        shard.out.stats.dropped(Dropped::TypingRate);
    }
    finished(shard, connection, reference);
}

/// Notices of one connection are spaced in each conversation.
fn may_type(connection: &Connection, conversation: ConversationId, now: Instant) -> bool {
    connection.with_typing(|typing| {
        typing.retain(|(_, at)| now.saturating_duration_since(*at).as_millis() < u128::from(TYPING_EVERY_MS));
        let free = typing.len() < TYPING_CONVERSATIONS_MAX;
        let may = free && typing.iter().all(|(other, _)| *other != conversation);
        if may {
            typing.push((conversation, now));
        }
        may
    })
}

fn watch_presence(
    shard: &Rc<Shard>,
    connection: &Rc<Connection>,
    mut users: Vec<UserId>,
    reference: Option<Ref>,
) {
    users.sort_unstable();
    users.dedup();
    // Watch first, then ask, so that no change falls between.
    shard.hub.borrow_mut().watch_presence(connection, users.clone());
    let (shard, connection) = (Rc::clone(shard), Rc::clone(connection));
    tokio::task::spawn_local(async move {
        let now_ms = shard.app.clock.now_ms();
        match shard.app.directory.presence(&users, now_ms).await {
            Ok(states) => {
                for frame in presence_frames(&states) {
                    connection.push(text_frame(&frame), Weight::Durable, &shard.out);
                }
                finished(&shard, &connection, reference);
            }
            Err(error) => {
                tracing::warn!(%error, "presence cannot be read");
                let frame = ServerFrame::error(
                    reference,
                    Code::from(&error),
                    "Presence cannot be read at the moment.",
                    None,
                );
                shard.reply(&connection, &frame);
            }
        }
    });
}

/// The answer to a frame that asked for one.
pub(crate) fn finished(shard: &Shard, connection: &Connection, reference: Option<Ref>) {
    if let Some(frame) = done(reference) {
        shard.reply(connection, &frame);
    }
}

fn not_found(shard: &Shard, connection: &Connection, reference: Option<Ref>, conversation: ConversationId) {
    shard.reply(connection, &ServerFrame::not_in_sync(reference, conversation));
}
