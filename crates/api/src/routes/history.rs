//! The log of a conversation, a page at a time, as it is now.
//! Invariant: a page is contiguous; what the reader holds already is not read again (ETag by epoch and head).

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use chat::{
    Row, Seq,
    limits::PAGE_BYTES_MAX,
    ports::{EventsPage, EventsQuery},
};
use protocol::{
    Code,
    frame::event::ChatEvent,
    http::Page,
    http::conversation::{EventsBody, ReactionItem, VersionItem},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    App, Problem,
    endpoint::{Access, Endpoint, get},
    etag,
    extract::{Member, Query, Segments},
    page,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "history";
    vec![
        get("/v1/conversations/{conversation}/events", events)
            .is(
                TAG,
                "listEvents",
                "A page of the log: upwards from `after`, or the last ones before `before`.",
            )
            .access(Access::Member)
            .takes_etag()
            .query::<HistoryQuery>()
            .answers::<EventsBody<'static>>(200, "The events, ascending and without gaps."),
        get("/v1/conversations/{conversation}/messages/{seq}", message)
            .is(TAG, "getMessage", "One message as it is now.")
            .access(Access::Member)
            .answers::<ChatEvent<'static>>(200, "The message; a tombstone when it was deleted.")
            .refuses(&[Code::MessageNotFound]),
        get("/v1/conversations/{conversation}/messages/{seq}/versions", versions)
            .is(TAG, "listVersions", "Bodies that edits replaced, oldest first.")
            .access(Access::Member)
            .answers::<Page<VersionItem>>(200, "The versions; none when it was deleted.")
            .refuses(&[Code::MessageNotFound]),
        get("/v1/conversations/{conversation}/messages/{seq}/reactions", reactions)
            .is(TAG, "listReactions", "Who reacted how.")
            .access(Access::Member)
            .query::<ReactionsQuery>()
            .answers::<Page<ReactionItem>>(200, "A page of them.")
            .refuses(&[Code::MessageNotFound, Code::BadCursor]),
    ]
}

/// `GET /v1/conversations/{conversation}/events`.
#[derive(Debug, Deserialize, JsonSchema)]
struct HistoryQuery {
    /// Upwards from the event after this `seq`; 0 is the beginning.
    after: Option<Seq>,
    /// The last events below this `seq`. Without `after` and `before`: the last events there are.
    before: Option<Seq>,
    /// Rows, 1 to 500; 50 when absent. A page of long messages may end earlier.
    limit: Option<u64>,
}

/// `GET …/messages/{seq}/reactions`.
#[derive(Debug, Deserialize, JsonSchema)]
struct ReactionsQuery {
    /// `next` of the page before.
    after: Option<String>,
    /// Rows, 1 to 500; 50 when absent.
    limit: Option<u64>,
}

async fn events(
    State(app): State<Arc<App>>,
    member: Member,
    headers: HeaderMap,
    Query(query): Query<HistoryQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let direction = match (query.after, query.before) {
        (Some(_), Some(_)) => {
            let detail = "before: give either after or before, not both.";
            return Err(Problem::new(Code::BadRequest, detail).in_field("before"));
        }
        (Some(after), None) => EventsQuery::After(after),
        (None, before) => EventsQuery::Before(before.unwrap_or(Seq::MAX)),
    };
    if headers.contains_key(axum::http::header::IF_NONE_MATCH) {
        let heads = app.store.heads(&[member.conversation]).await?;
        let held = etag_of(&app, &member, heads.first().copied().unwrap_or_default());
        if let Some(unchanged) = etag::unchanged(&headers, &held) {
            return Ok(unchanged);
        }
    }
    let page = app.store.events(member.conversation, direction, limit, PAGE_BYTES_MAX).await?;
    let etag = etag_of(&app, &member, page.head);
    Ok(etag::tagged(body(&app, &member, &page).await?, &etag))
}

/// Everything a page shows comes from events, so head and epoch tell whether it can have changed; the reader's own
/// reactions are marked, so it is also the reader's own.
fn etag_of(app: &App, member: &Member, head: Seq) -> String {
    let (epoch, user) = (app.store.epoch().to_bytes(), member.user().to_bytes());
    etag::of_parts(&[&epoch, &head.to_be_bytes(), &member.conversation.to_bytes(), &user])
}

async fn body(app: &App, member: &Member, page: &EventsPage) -> Result<Response, Problem> {
    let mine = own_reactions(app, member, &page.rows).await?;
    let none = Vec::new();
    let events = page
        .rows
        .iter()
        .map(|row| ChatEvent::of_row(row, mine.get(&row.event.seq).unwrap_or(&none)))
        .collect();
    let body = EventsBody { events, head_seq: page.head, epoch: app.store.epoch(), more: page.more };
    Ok(axum::Json(body).into_response())
}

async fn own_reactions(
    app: &App,
    member: &Member,
    rows: &[Row],
) -> Result<BTreeMap<Seq, Vec<String>>, Problem> {
    let has_reactions = |row: &&Row| row.message.as_ref().is_some_and(|state| !state.reactions.is_empty());
    let targets: Vec<Seq> = rows.iter().filter(has_reactions).map(|row| row.event.seq).collect();
    let mut mine: BTreeMap<Seq, Vec<String>> = BTreeMap::new();
    if !targets.is_empty() {
        let found = app.store.own_reactions(member.conversation, member.user(), &targets).await?;
        for (seq, emoji) in found {
            mine.entry(seq).or_default().push(emoji);
        }
    }
    Ok(mine)
}

async fn message(
    State(app): State<Arc<App>>,
    member: Member,
    segments: Segments,
) -> Result<Response, Problem> {
    let row = existing(&app, &member, &segments).await?;
    let mine = own_reactions(&app, &member, std::slice::from_ref(&row)).await?;
    let mine = mine.into_values().next().unwrap_or_default();
    Ok(axum::Json(ChatEvent::of_row(&row, &mine)).into_response())
}

async fn versions(
    State(app): State<Arc<App>>,
    member: Member,
    segments: Segments,
) -> Result<axum::Json<Page<VersionItem>>, Problem> {
    let row = existing(&app, &member, &segments).await?;
    let versions = app.store.versions(member.conversation, row.event.seq).await?;
    let items = versions
        .into_iter()
        .map(|version| VersionItem { number: version.number, at: version.at.into(), body: version.body })
        .collect();
    Ok(axum::Json(Page { items, next: None }))
}

async fn reactions(
    State(app): State<Arc<App>>,
    member: Member,
    segments: Segments,
    Query(query): Query<ReactionsQuery>,
) -> Result<axum::Json<Page<ReactionItem>>, Problem> {
    let row = existing(&app, &member, &segments).await?;
    let limit = page::limit(query.limit)?;
    let after = query.after.as_deref().map(page::parse_reaction).transpose()?;
    let found = app.store.reactions(member.conversation, row.event.seq, after, limit).await?;
    let next = page::next(&found, limit, page::reaction);
    let items = found.into_iter().map(|(user_id, emoji)| ReactionItem { user_id, emoji }).collect();
    Ok(axum::Json(Page { items, next }))
}

/// The message in the path. What is in the log but is no message is none here.
async fn existing(app: &App, member: &Member, segments: &Segments) -> Result<Row, Problem> {
    let row = app.store.row(member.conversation, segments.seq()?).await?;
    row.filter(|row| row.message.is_some()).ok_or_else(|| chat::Refusal::MessageNotFound.into())
}
