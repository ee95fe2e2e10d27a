//! Searching in one's messages.
//! Invariant: a name in a filter is looked for among what the reader may see, and the answer is the same for what does
//! not exist and for what is not theirs (D7).

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chat::{
    ConversationId, Row, Seq, UserId,
    limits::{SEARCH_ROWS_DEFAULT, SEARCH_ROWS_MAX},
    search::{Asked, Part, Phrase, Place, SearchError, SearchQuery, folded, parse, snippet},
};
use protocol::{
    Code,
    frame::event::ChatEvent,
    http::search::{SearchBody, SearchItem, SnippetPart},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    App, Problem,
    auth::Person,
    endpoint::{Endpoint, get},
    extract::Query,
    page::SearchCursor,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/v1/search", search)
            .is("search", "searchMessages", "Messages of one's conversations, newest first.")
            .query::<WhatQuery>()
            .answers::<SearchBody<'static>>(200, "A page of them.")
            .refuses(&[Code::BadSearch, Code::BadCursor]),
    ]
}

/// `GET /v1/search`.
#[derive(Debug, Deserialize, JsonSchema)]
struct WhatQuery {
    /// Words that all have to stand in the message, "phrases", beginnings*, and the filters `from:name`, `in:title-or-id`,
    /// `before:2026-01-31`, `after:2026-01-31`, `has:file`. At most 500 characters.
    q: String,
    /// Rows, 1 to 100; 20 when absent.
    limit: Option<u64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

async fn search(
    State(app): State<Arc<App>>,
    person: Person,
    Query(what): Query<WhatQuery>,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let reader = person.user();
    app.limits.search(reader)?;
    let rows_max = limit(what.limit)?;
    let after = what.cursor.as_deref().map(SearchCursor::decode).transpose()?;
    let asked = parse(&what.q).map_err(|error| bad_search(error.to_string()))?;
    let (from, within) = (senders(&app, reader, &asked).await?, rooms(&app, reader, &asked).await?);
    let Asked { phrases, before, since, has_file, .. } = asked;
    let query = SearchQuery {
        reader,
        phrases: phrases.clone(),
        from,
        within,
        before,
        since,
        has_file,
        after: after.map(|SearchCursor(place)| place),
        rows_max,
    };
    let page = app.search.search(query).await?;
    let mine = own_reactions(&app, reader, &page.rows).await?;
    let none = Vec::new();
    let items = page.rows.iter().map(|row| SearchItem {
        snippet: shown(row, &phrases),
        event: ChatEvent::of_row(row, mine.get(&key(row)).unwrap_or(&none)),
    });
    let body = SearchBody {
        items: items.collect(),
        next: page.next.map(|place: Place| SearchCursor(place).encode()),
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        partial: page.is_partial,
    };
    Ok(axum::Json(body).into_response())
}

fn limit(asked: Option<u64>) -> Result<usize, Problem> {
    let Some(asked) = asked else { return Ok(SEARCH_ROWS_DEFAULT) };
    let rows = usize::try_from(asked).unwrap_or(usize::MAX);
    if (1..=SEARCH_ROWS_MAX).contains(&rows) {
        Ok(rows)
    } else {
        Err(Problem::new(Code::BadRequest, format!("limit: 1 to {SEARCH_ROWS_MAX}.")).in_field("limit"))
    }
}

fn bad_search(detail: impl Into<String>) -> Problem {
    Problem::new(Code::BadSearch, detail.into()).in_field("q")
}

fn bad_filter(filter: &'static str, value: &str, wanted: &'static str) -> Problem {
    bad_search(SearchError::BadFilter { filter, value: value.to_owned(), wanted }.to_string())
}

/// Who the senders are that the filter names.
async fn senders(app: &App, reader: UserId, asked: &Asked) -> Result<Vec<UserId>, Problem> {
    let mut users = Vec::with_capacity(asked.from.len());
    for name in &asked.from {
        if name.eq_ignore_ascii_case("me") {
            users.push(reader);
            continue;
        }
        let account = match name.parse() {
            Ok(user) => app.store.account(user).await?,
            Err(_) => app.store.account_by_username(name).await?,
        };
        let account = account.ok_or_else(|| bad_filter("from", name, "nobody here has this username."))?;
        users.push(account.user);
    }
    Ok(users)
}

/// Which of the reader's conversations the filter names, by id or by title.
async fn rooms(app: &App, reader: UserId, asked: &Asked) -> Result<Option<Vec<ConversationId>>, Problem> {
    if asked.within.is_empty() {
        return Ok(None);
    }
    let own = app.store.memberships(reader).await?;
    let mut rooms = Vec::new();
    for name in &asked.within {
        let (id, title) = (name.parse::<ConversationId>().ok(), folded(name));
        let is_named = |meta: &chat::Meta| meta.title.as_deref().is_some_and(|own| folded(own) == title);
        let mut named: Vec<ConversationId> = own
            .iter()
            .filter(|(conversation, meta, _)| Some(*conversation) == id || is_named(meta))
            .map(|(conversation, ..)| *conversation)
            .collect();
        if named.is_empty()
            && let Some(other) = app.store.account_by_username(name).await?
        {
            // The direct conversation with somebody is named by them.
            let pair = Some((reader.min(other.user), reader.max(other.user)));
            named.extend(own.iter().filter(|(_, meta, _)| meta.pair == pair).map(|(id, ..)| *id));
        }
        if named.is_empty() {
            return Err(bad_filter("in", name, "you are in no conversation with this title or id."));
        }
        rooms.extend(named);
    }
    Ok(Some(rooms))
}

fn shown(row: &Row, phrases: &[Phrase]) -> Vec<SnippetPart> {
    let chat::EventKind::Message { body, .. } = &row.event.kind else { return Vec::new() };
    let part = |Part { text, hit }| SnippetPart { text, hit };
    snippet(body, phrases).into_iter().map(part).collect()
}

fn key(row: &Row) -> (ConversationId, Seq) {
    (row.event.conversation, row.event.seq)
}

async fn own_reactions(
    app: &App,
    reader: UserId,
    rows: &[Row],
) -> Result<BTreeMap<(ConversationId, Seq), Vec<String>>, Problem> {
    let has_reactions = |row: &&Row| row.message.as_ref().is_some_and(|state| !state.reactions.is_empty());
    let mut targets: BTreeMap<ConversationId, Vec<Seq>> = BTreeMap::new();
    for row in rows.iter().filter(has_reactions) {
        targets.entry(row.event.conversation).or_default().push(row.event.seq);
    }
    let mut mine: BTreeMap<(ConversationId, Seq), Vec<String>> = BTreeMap::new();
    for (conversation, targets) in targets {
        for (seq, emoji) in app.store.own_reactions(conversation, reader, &targets).await? {
            mine.entry((conversation, seq)).or_default().push(emoji);
        }
    }
    Ok(mine)
}
