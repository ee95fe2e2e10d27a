//! Other people: who there is and who is there. Only for people who are logged in themselves.
//! Shows of an account what its owner shows to everybody: names and role, never logins or sessions.

use std::sync::Arc;

use axum::extract::State;
use chat::{Account, TimestampMs, UserId};
use protocol::{
    Code,
    frame::server::{PresenceFrame, UserPresence},
    http::{Page, account::UserItem},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    App, Problem,
    auth::Person,
    endpoint::{Endpoint, get},
    extract::{Query, Segments},
    limits::USERS_BY_ID_MAX,
    page,
    people::{profile_of, with_profiles},
    view,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "users";
    vec![
        get("/v1/users", list)
            .is(TAG, "listUsers", "People by the beginning of their username, or by id.")
            .query::<UsersQuery>()
            .answers::<Page<UserItem>>(
                200,
                "Enabled accounts in the order of their names; by id also disabled ones.",
            ),
        get("/v1/users/{user}", show)
            .is(TAG, "getUser", "One person.")
            .answers::<UserItem>(200, "The person.")
            .refuses(&[Code::UserNotFound]),
        get("/v1/presence", presence)
            .is(TAG, "getPresence", "Who is there.")
            .query::<PresenceQuery>()
            .answers::<PresenceFrame>(200, "The presence of those asked for that exist."),
    ]
}

/// `GET /v1/users`.
#[derive(Debug, Deserialize, JsonSchema)]
struct UsersQuery {
    /// The beginning of the usernames, whatever its case.
    prefix: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows, 1 to 500; 50 when absent.
    limit: Option<u64>,
    /// Instead of a prefix: up to 200 user ids, separated by commas.
    ids: Option<String>,
}

/// `GET /v1/presence`.
#[derive(Debug, Deserialize, JsonSchema)]
struct PresenceQuery {
    /// Up to 200 user ids, separated by commas.
    ids: String,
}

async fn list(
    State(app): State<Arc<App>>,
    _: Person,
    Query(query): Query<UsersQuery>,
) -> Result<axum::Json<Page<UserItem>>, Problem> {
    if let Some(ids) = &query.ids {
        let accounts = with_profiles(&app, by_ids(&app, &parse_ids(ids)?).await?).await?;
        let items = accounts.iter().map(|(account, profile)| view::user(account, profile)).collect();
        return Ok(axum::Json(Page { items, next: None }));
    }
    let limit = page::limit(query.limit)?;
    let prefix = query.prefix.as_deref().unwrap_or_default();
    let accounts = app.store.accounts(prefix, query.after.as_deref(), limit).await?;
    let next = page::next(&accounts, limit, |last| last.username.clone());
    let enabled = accounts.into_iter().filter(|account| account.disabled_at.is_none()).collect();
    let enabled = with_profiles(&app, enabled).await?;
    let items = enabled.iter().map(|(account, profile)| view::user(account, profile)).collect();
    Ok(axum::Json(Page { items, next }))
}

async fn show(
    State(app): State<Arc<App>>,
    _: Person,
    segments: Segments,
) -> Result<axum::Json<UserItem>, Problem> {
    let user = segments.user()?;
    let account = app.store.account(user).await?.ok_or(chat::Refusal::UserNotFound)?;
    Ok(axum::Json(view::user(&account, &profile_of(&app, user).await?)))
}

async fn presence(
    State(app): State<Arc<App>>,
    _: Person,
    Query(query): Query<PresenceQuery>,
) -> Result<axum::Json<PresenceFrame>, Problem> {
    let users = parse_ids(&query.ids)?;
    let now_ms: TimestampMs = app.now_ms();
    let found = app.directory.presence(&users, now_ms).await?;
    let users = found.iter().map(|(user, presence)| UserPresence::of(*user, *presence)).collect();
    Ok(axum::Json(PresenceFrame { users }))
}

async fn by_ids(app: &App, users: &[UserId]) -> Result<Vec<Account>, Problem> {
    let mut accounts = Vec::with_capacity(users.len());
    for user in users {
        accounts.extend(app.store.account(*user).await?);
    }
    Ok(accounts)
}

fn parse_ids(text: &str) -> Result<Vec<UserId>, Problem> {
    let wrong = || {
        let detail = format!("ids: name 1 to {USERS_BY_ID_MAX} user ids, separated by commas.");
        Problem::new(Code::BadRequest, detail).in_field("ids")
    };
    let ids: Vec<UserId> =
        text.split(',').map(|id| id.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
    if (1..=USERS_BY_ID_MAX).contains(&ids.len()) { Ok(ids) } else { Err(wrong()) }
}
