//! Other people: who there is and who is there. Only for people who are logged in themselves.
//! Shows of an account what its owner shows to everybody: names and role, never logins or sessions.

use std::sync::Arc;

use axum::extract::State;
use chat::{Account, TimestampMs, UserId};
use protocol::{Code, http as wire};

use crate::{
    App, Problem,
    auth::Person,
    endpoint::{Endpoint, get},
    extract::{Query, Segments},
    limits::USERS_BY_ID_MAX,
    page, view,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "users";
    vec![
        get("/v1/users", list)
            .is(TAG, "listUsers", "People by the beginning of their username, or by id.")
            .query::<wire::UsersQuery>()
            .answers::<wire::UserList>(200, "Enabled accounts in the order of their names; by id also disabled ones."),
        get("/v1/users/{user}", show)
            .is(TAG, "getUser", "One person.")
            .answers::<wire::User>(200, "The person.")
            .refuses(&[Code::UserNotFound]),
        get("/v1/presence", presence)
            .is(TAG, "getPresence", "Who is there.")
            .query::<wire::PresenceQuery>()
            .answers::<wire::PresenceList>(200, "The presence of those asked for that exist."),
    ]
}

async fn list(
    State(app): State<Arc<App>>,
    _: Person,
    Query(query): Query<wire::UsersQuery>,
) -> Result<axum::Json<wire::UserList>, Problem> {
    if let Some(ids) = &query.ids {
        let accounts = by_ids(&app, &parse_ids(ids)?).await?;
        let items = accounts.iter().map(view::user).collect();
        return Ok(axum::Json(wire::UserList { items, next: None }));
    }
    let limit = page::limit(query.limit)?;
    let prefix = query.prefix.as_deref().unwrap_or_default();
    let accounts = app.store.accounts(prefix, query.after.as_deref(), limit).await?;
    let next = page::next(&accounts, limit, |last| last.username.clone());
    let items = accounts.iter().filter(|account| account.disabled_at.is_none()).map(view::user).collect();
    Ok(axum::Json(wire::UserList { items, next }))
}

async fn show(
    State(app): State<Arc<App>>,
    _: Person,
    segments: Segments,
) -> Result<axum::Json<wire::User>, Problem> {
    let user = segments.user()?;
    let account = app.store.account(user).await?.ok_or(chat::Refusal::UserNotFound)?;
    Ok(axum::Json(view::user(&account)))
}

async fn presence(
    State(app): State<Arc<App>>,
    _: Person,
    Query(query): Query<wire::PresenceQuery>,
) -> Result<axum::Json<wire::PresenceList>, Problem> {
    let users = parse_ids(&query.ids)?;
    let now_ms: TimestampMs = app.now_ms();
    let found = app.directory.presence(&users, now_ms).await?;
    let users = found.iter().map(|(user, presence)| view::presence(*user, *presence)).collect();
    Ok(axum::Json(wire::PresenceList { users }))
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
