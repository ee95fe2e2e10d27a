//! Accounts as admins see and change them.
//! Invariant: nobody changes their own role or disables themselves, so a server never loses its last owner by this.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use chat::{
    Account, AccountRole, Change, Refusal,
    account::{check_password, may_change_account},
};
use protocol::{
    Code,
    http::{
        Page,
        admin::{AdminUserItem, AdminUserPatch},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    App, Problem,
    auth::Administrator,
    endpoint::{Access, Endpoint, get, patch, put},
    extract::{Json, Query, Segments},
    page,
    people::{profile_of, with_profiles},
    view,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "admin";
    vec![
        get("/v1/admin/users", list)
            .is(TAG, "adminListUsers", "Accounts by the beginning of their username, disabled ones included.")
            .access(Access::Administrator)
            .query::<AccountsQuery>()
            .answers::<Page<AdminUserItem>>(200, "A page of them, in the order of their names."),
        get("/v1/admin/users/{user}", show)
            .is(TAG, "adminGetUser", "One account.")
            .access(Access::Administrator)
            .answers::<AdminUserItem>(200, "The account.")
            .refuses(&[Code::UserNotFound]),
        patch("/v1/admin/users/{user}", change)
            .is(TAG, "adminChangeUser", "Give an account another role; disable or enable it.")
            .access(Access::Administrator)
            .body::<AdminUserPatch>()
            .answers::<AdminUserItem>(200, "The account as it is now.")
            .refuses(&[Code::UserNotFound, Code::NothingToChange]),
        put("/v1/admin/users/{user}/password", set_password)
            .is(
                TAG,
                "adminSetPassword",
                "Give somebody who forgot it a new password. All their sessions end.",
            )
            .access(Access::Administrator)
            .body::<NewPassword>()
            .answers_empty(204, "It is set.")
            .refuses(&[Code::UserNotFound, Code::BadPassword]),
    ]
}

/// `GET /v1/admin/users`.
#[derive(Debug, Deserialize, JsonSchema)]
struct AccountsQuery {
    /// The beginning of the usernames, whatever its case.
    prefix: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows, 1 to 500; 50 when absent.
    limit: Option<u64>,
}

/// `PUT /v1/admin/users/{user}/password`. Has no `Debug`, so that it cannot be logged (D7).
#[derive(Deserialize, JsonSchema)]
struct NewPassword {
    /// At least 8 characters, at most 256 bytes.
    password: String,
}

async fn list(
    State(app): State<Arc<App>>,
    _: Administrator,
    Query(query): Query<AccountsQuery>,
) -> Result<axum::Json<Page<AdminUserItem>>, Problem> {
    let limit = page::limit(query.limit)?;
    let prefix = query.prefix.as_deref().unwrap_or_default();
    let accounts = app.store.accounts(prefix, query.after.as_deref(), limit).await?;
    let next = page::next(&accounts, limit, |last| last.username.clone());
    let accounts = with_profiles(&app, accounts).await?;
    let items = accounts.iter().map(|(account, profile)| view::admin_user(account, profile)).collect();
    Ok(axum::Json(Page { items, next }))
}

async fn show(
    State(app): State<Arc<App>>,
    _: Administrator,
    segments: Segments,
) -> Result<axum::Json<AdminUserItem>, Problem> {
    let account = existing(&app, &segments).await?;
    let profile = profile_of(&app, account.user).await?;
    Ok(axum::Json(view::admin_user(&account, &profile)))
}

async fn change(
    State(app): State<Arc<App>>,
    admin: Administrator,
    segments: Segments,
    Json(patch): Json<AdminUserPatch>,
) -> Result<axum::Json<AdminUserItem>, Problem> {
    let account = existing(&app, &segments).await?;
    let role = patch.role.map_or(account.role, AccountRole::from);
    permit(&admin, &account, role)?;
    if patch.role.is_none() && patch.disabled.is_none() {
        return Err(Problem::new(Code::NothingToChange, "Give role, disabled or both."));
    }
    let user = account.user;
    if role != account.role {
        app.change_of_account(user, Change::SetAccountRole { user, role }).await?;
    }
    let wanted = patch.disabled.unwrap_or(account.disabled_at.is_some());
    if wanted != account.disabled_at.is_some() {
        let at = wanted.then(|| app.now_ms());
        app.change_of_account(user, Change::SetDisabled { user, at }).await?;
    }
    let by = admin.user.map_or_else(|| "operator".to_owned(), |user| user.to_string());
    tracing::info!(%user, by, ?role, disabled = wanted, "an account was changed");
    show(State(app), admin, segments).await
}

async fn set_password(
    State(app): State<Arc<App>>,
    admin: Administrator,
    segments: Segments,
    Json(new): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    check_password(&new.password)?;
    let account = existing(&app, &segments).await?;
    permit(&admin, &account, account.role)?;
    let password_hash = app.passwords.hash(&new.password, &*app.randomness).await?;
    let user = account.user;
    app.change_of_account(user, Change::SetPassword { user, password_hash, keep: None }).await?;
    let by = admin.user.map_or_else(|| "operator".to_owned(), |user| user.to_string());
    tracing::info!(%user, by, "a password was set");
    Ok(StatusCode::NO_CONTENT)
}

fn permit(admin: &Administrator, account: &Account, role: AccountRole) -> Result<(), Problem> {
    if admin.user == Some(account.user) {
        let detail = "Nobody changes their own account here. Ask another owner, or use the operator's token.";
        return Err(Problem::new(Code::Forbidden, detail));
    }
    if may_change_account(admin.role, account.role, role) {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, "Admins manage members; only owners manage admins and owners."))
}

async fn existing(app: &App, segments: &Segments) -> Result<Account, Problem> {
    Ok(app.store.account(segments.user()?).await?.ok_or(Refusal::UserNotFound)?)
}
