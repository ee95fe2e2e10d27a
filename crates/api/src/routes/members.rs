//! Members of a conversation, for its members.
//! Who may add, remove or promote whom is decided by `chat::permission`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use chat::{Command, admission::check};
use protocol::{
    Code,
    http::{
        Page,
        conversation::{MemberItem, MembersRequest, RolePatch},
    },
};

use crate::{
    App, Problem,
    command::execute,
    endpoint::{Access, Endpoint, delete, get, patch, post},
    extract::{Json, Member, Query, RequestId, Segments},
    page::{self, PageQuery},
    people::{require_accounts, require_room_for_all},
    view,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "members";
    vec![
        get("/v1/conversations/{conversation}/members", list)
            .is(TAG, "listMembers", "Members by id, with their marks.")
            .access(Access::Member)
            .query::<PageQuery>()
            .answers::<Page<MemberItem>>(200, "A page of them.")
            .refuses(&[Code::BadCursor]),
        post("/v1/conversations/{conversation}/members", add)
            .is(TAG, "addMembers", "Make others members.")
            .access(Access::Member)
            .takes_idempotency_key()
            .body::<MembersRequest>()
            .answers_empty(204, "They are members.")
            .refuses(&[
                Code::Forbidden,
                Code::DirectIsFixed,
                Code::UserNotFound,
                Code::TooManyNamed,
                Code::TooManyMembers,
                Code::TooManyConversations,
            ]),
        delete("/v1/conversations/{conversation}/members/{user}", remove)
            .is(TAG, "removeMember", "End somebody's membership.")
            .access(Access::Member)
            .takes_idempotency_key()
            .answers_empty(204, "They are no longer a member.")
            .refuses(&[Code::Forbidden, Code::DirectIsFixed, Code::NotAMember]),
        patch("/v1/conversations/{conversation}/members/{user}", set_role)
            .is(TAG, "setMemberRole", "Give a member another role.")
            .access(Access::Member)
            .takes_idempotency_key()
            .body::<RolePatch>()
            .answers_empty(204, "They have it.")
            .refuses(&[Code::Forbidden, Code::DirectIsFixed, Code::NotAMember, Code::LastOwner]),
    ]
}

async fn list(
    State(app): State<Arc<App>>,
    member: Member,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<Page<MemberItem>>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = query.after.as_deref().map(page::parse_after).transpose()?;
    let members = app.store.members(member.conversation, after, limit).await?;
    let next = page::next(&members, limit, |last| last.user.to_string());
    let items = members.iter().map(view::member).collect();
    Ok(axum::Json(Page { items, next }))
}

async fn add(
    State(app): State<Arc<App>>,
    member: Member,
    RequestId(id): RequestId,
    Json(new): Json<MembersRequest>,
) -> Result<StatusCode, Problem> {
    let command = Command::AddMembers { users: new.user_ids };
    check(&command).map_err(|refusal| Problem::from(refusal).in_field("userIds"))?;
    if let Command::AddMembers { users } = &command {
        require_accounts(&app, users, "userIds").await?;
        require_room_for_all(&app, users, Some(member.conversation), "userIds").await?;
    }
    execute(&app, &member, id, command).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(app): State<Arc<App>>,
    member: Member,
    segments: Segments,
    RequestId(id): RequestId,
) -> Result<StatusCode, Problem> {
    execute(&app, &member, id, Command::RemoveMember { user: segments.user()? }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_role(
    State(app): State<Arc<App>>,
    member: Member,
    segments: Segments,
    RequestId(id): RequestId,
    Json(change): Json<RolePatch>,
) -> Result<StatusCode, Problem> {
    let command = Command::SetRole { user: segments.user()?, role: change.role.into() };
    execute(&app, &member, id, command).await?;
    Ok(StatusCode::NO_CONTENT)
}
