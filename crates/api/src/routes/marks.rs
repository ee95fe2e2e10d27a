//! Read and delivered marks: one watermark each per member.
//! Invariant: a mark only moves forward and never beyond the head.

use std::sync::Arc;

use axum::extract::State;
use chat::{Announcement, Change, ChangeOutcome, Mark, limits::MARKS_BROADCAST_MEMBERS_MAX};
use protocol::{
    Code,
    http::conversation::{MarksBody, MarksRequest},
};

use crate::{
    App, Problem,
    endpoint::{Access, Endpoint, put},
    extract::{Json, Member},
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        put("/v1/conversations/{conversation}/marks", set)
            .is("marks", "setMarks", "Move one's read mark, delivered mark or both forward.")
            .access(Access::Member)
            .body::<MarksRequest>()
            .answers::<MarksBody>(200, "The marks as they are now.")
            .refuses(&[Code::NothingToChange]),
    ]
}

async fn set(
    State(app): State<Arc<App>>,
    member: Member,
    Json(marks): Json<MarksRequest>,
) -> Result<axum::Json<MarksBody>, Problem> {
    if marks.read_seq.is_none() && marks.delivered_seq.is_none() {
        return Err(Problem::new(Code::NothingToChange, "Give readSeq, deliveredSeq or both."));
    }
    let meta = app.store.conversation(member.conversation).await?;
    let meta = meta.ok_or_else(Problem::conversation_not_found)?;
    let mark = Mark {
        conversation: member.conversation,
        user: member.user(),
        read: marks.read_seq.map(|seq| seq.min(meta.head)),
        delivered: marks.delivered_seq.map(|seq| seq.min(meta.head)),
    };
    let ChangeOutcome::Marks(outcomes) = app.change(Change::Mark(vec![mark])).await? else {
        return Err(Problem::internal("setMarks", &"the store moved no mark"));
    };
    // A member no longer, or the store would have answered for the mark.
    let (mark, state, moved) = outcomes.into_iter().next().ok_or_else(Problem::conversation_not_found)?;
    if moved {
        let to_all = meta.members <= MARKS_BROADCAST_MEMBERS_MAX;
        let (conversation, user) = (mark.conversation, mark.user);
        app.announce(Announcement::Marks { conversation, user, state, to_all }).await;
    }
    Ok(axum::Json(MarksBody { read_seq: state.read, delivered_seq: state.delivered.max(state.read) }))
}
