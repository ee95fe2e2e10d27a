//! Conversations: beginning one, the list of one's own, channels to join, title and description.
//! Invariant: of a conversation that somebody is not a member of, nothing is told; only channels are listed to all (D7).

use std::{cmp::Reverse, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chat::{
    Announcement, Change, ChangeOutcome, Command, ConversationId, Refusal, UserId, admission::check_creation,
};
use protocol::{
    Code,
    http::{
        Page,
        conversation::{
            ChannelItem, ConversationItem, ConversationMade, ConversationPatch, ConversationRequest,
        },
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    App, Problem,
    auth::Person,
    command::{self, execute},
    endpoint::{Access, Endpoint, get, patch, post},
    etag,
    extract::{Json, Member, Query, RequestId, Segments},
    page::{self, ActivityCursor, PageQuery},
    people::{require_accounts, require_room, require_room_for_all},
    view,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "conversations";
    vec![
        post("/v1/conversations", create)
            .is(TAG, "createConversation", "Begin a conversation. A direct one exists once per pair.")
            .takes_idempotency_key()
            .body::<ConversationRequest>()
            .answers::<ConversationMade>(201, "It has begun.")
            .answers::<ConversationMade>(200, "It existed before.")
            .refuses(&[
                Code::UserNotFound,
                Code::BadTitle,
                Code::BadDescription,
                Code::TooManyNamed,
                Code::TooManyConversations,
                Code::DirectNeedsOneOther,
                Code::DirectIsFixed,
            ]),
        get("/v1/conversations", list)
            .is(TAG, "listConversations", "One's own conversations, newest activity first.")
            .takes_etag()
            .query::<ConversationsQuery>()
            .answers::<Page<ConversationItem>>(200, "A page of the list.")
            .refuses(&[Code::BadCursor]),
        get("/v1/conversations/{conversation}", show)
            .is(TAG, "getConversation", "One conversation, as in the list.")
            .access(Access::Member)
            .answers::<ConversationItem>(200, "The conversation."),
        patch("/v1/conversations/{conversation}", describe)
            .is(TAG, "describeConversation", "Change title, description or both.")
            .access(Access::Member)
            .takes_idempotency_key()
            .body::<ConversationPatch>()
            .answers::<ConversationItem>(200, "The conversation as it is now.")
            .refuses(&[
                Code::Forbidden,
                Code::DirectIsFixed,
                Code::BadTitle,
                Code::BadDescription,
                Code::NothingToChange,
            ]),
        get("/v1/channels", channels)
            .is(TAG, "listChannels", "Channels that anybody can join.")
            .query::<PageQuery>()
            .answers::<Page<ChannelItem>>(200, "A page of them.")
            .refuses(&[Code::BadCursor]),
        post("/v1/conversations/{conversation}/join", join)
            .is(TAG, "joinChannel", "Become a member of a channel.")
            .takes_idempotency_key()
            .answers::<ConversationItem>(200, "The channel, now one of one's own.")
            .refuses(&[Code::ConversationNotFound, Code::TooManyMembers, Code::TooManyConversations]),
        post("/v1/conversations/{conversation}/leave", leave)
            .is(TAG, "leaveConversation", "Stop being a member.")
            .access(Access::Member)
            .takes_idempotency_key()
            .answers_empty(204, "No longer a member.")
            .refuses(&[Code::DirectIsFixed, Code::LastOwner]),
    ]
}

/// `GET /v1/conversations`.
#[derive(Debug, Deserialize, JsonSchema)]
struct ConversationsQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500; 50 when absent.
    limit: Option<u64>,
}

async fn create(
    State(app): State<Arc<App>>,
    person: Person,
    RequestId(request): RequestId,
    Json(new): Json<ConversationRequest>,
) -> Result<Response, Problem> {
    app.limits.send(person.user())?;
    let creator = person.user();
    let members = others(&new.member_ids, creator);
    let kind = new.kind.into();
    check_creation(kind, new.title.as_deref(), new.description.as_deref(), &members).map_err(|refusal| {
        match refusal {
            Refusal::TooManyNamed => Problem::from(refusal).in_field("memberIds"),
            other => other.into(),
        }
    })?;
    require_accounts(&app, &members, "memberIds").await?;
    require_room(&app, creator).await?;
    require_room_for_all(&app, &members, None, "memberIds").await?;
    let now_ms = app.now_ms();
    let change = Change::CreateConversation {
        conversation: ConversationId::new(now_ms, &app.random()),
        creator,
        request,
        at: now_ms,
        kind,
        title: new.title,
        description: new.description.filter(|text| !text.is_empty()),
        members,
    };
    let ChangeOutcome::Conversation { conversation, created } = app.change(change).await? else {
        return Err(Problem::internal("createConversation", &"the store made no conversation"));
    };
    let status = if created.is_some() { StatusCode::CREATED } else { StatusCode::OK };
    if let Some(event) = created {
        app.announce(Announcement::Event { event, ordinal: 0 }).await;
    }
    Ok((status, axum::Json(ConversationMade { conversation_id: conversation })).into_response())
}

/// The members besides the creator, each once.
fn others(named: &[UserId], creator: UserId) -> Vec<UserId> {
    let mut others: Vec<UserId> = named.iter().copied().filter(|user| *user != creator).collect();
    others.sort_unstable();
    others.dedup();
    others
}

async fn list(
    State(app): State<Arc<App>>,
    person: Person,
    headers: HeaderMap,
    Query(query): Query<ConversationsQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let after = query.cursor.as_deref().map(ActivityCursor::decode).transpose()?;
    let mut places: Vec<Reverse<ActivityCursor>> = app
        .store
        .memberships(person.user())
        .await?
        .into_iter()
        .map(|(conversation, meta, _)| Reverse(ActivityCursor { active_at: meta.active_at, conversation }))
        .filter(|place| after.is_none_or(|after| *place > Reverse(after)))
        .collect();
    let more = places.len() > limit;
    if more {
        // Of up to 10,000 only the page is sorted.
        places.select_nth_unstable(limit);
        places.truncate(limit);
    }
    places.sort_unstable();
    let next = if more { places.last().map(|place| place.0.encode()) } else { None };
    let ids: Vec<ConversationId> = places.iter().map(|place| place.0.conversation).collect();
    let entries = app.store.entries(person.user(), &ids).await?;
    let items = entries.iter().map(|entry| view::conversation(entry, person.user())).collect();
    Ok(etag::of_body(&headers, &Page { items, next }))
}

async fn show(State(app): State<Arc<App>>, member: Member) -> Result<Response, Problem> {
    item(&app, member.user(), member.conversation).await
}

async fn item(app: &App, user: UserId, conversation: ConversationId) -> Result<Response, Problem> {
    let entries = app.store.entries(user, &[conversation]).await?;
    let entry = entries.first().ok_or_else(Problem::conversation_not_found)?;
    Ok(axum::Json(view::conversation(entry, user)).into_response())
}

async fn describe(
    State(app): State<Arc<App>>,
    member: Member,
    RequestId(id): RequestId,
    Json(change): Json<ConversationPatch>,
) -> Result<Response, Problem> {
    let command = Command::Describe { title: change.title, description: change.description };
    execute(&app, &member, id, command).await?;
    item(&app, member.user(), member.conversation).await
}

async fn channels(
    State(app): State<Arc<App>>,
    person: Person,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<Page<ChannelItem>>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = query.after.as_deref().map(page::parse_after).transpose()?;
    let channels = app.store.channels(after, limit).await?;
    let next = page::next(&channels, limit, |(conversation, _)| conversation.to_string());
    let mut items = Vec::with_capacity(channels.len());
    for (conversation, meta) in &channels {
        let joined = app.store.member(*conversation, person.user()).await?.is_some();
        items.push(view::channel(*conversation, meta, joined));
    }
    Ok(axum::Json(Page { items, next }))
}

async fn join(
    State(app): State<Arc<App>>,
    person: Person,
    segments: Segments,
    RequestId(id): RequestId,
) -> Result<Response, Problem> {
    let conversation = segments.conversation()?;
    command::join(&app, person.user(), conversation, id).await?;
    item(&app, person.user(), conversation).await
}

async fn leave(
    State(app): State<Arc<App>>,
    member: Member,
    RequestId(id): RequestId,
) -> Result<StatusCode, Problem> {
    execute(&app, &member, id, Command::Leave).await?;
    Ok(StatusCode::NO_CONTENT)
}
