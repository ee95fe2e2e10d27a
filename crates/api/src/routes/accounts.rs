//! Registering, and one's own account.
//! Who becomes what is decided by `chat::account` where the change is applied, not here.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chat::{
    Account, AccountRole, Change, ChangeOutcome, Refusal, RegistrationPolicy, UserId,
    account::{check_display_name, check_password, check_username},
    profile::check_status,
};
use protocol::{
    Code,
    http::account::{AccountBody, AccountPatch, LoggedIn, PasswordChange, Registration},
};

use crate::{
    App, Problem,
    auth::Person,
    endpoint::{Access, Endpoint, get, patch, post, put},
    extract::{Caller, Json},
    origin,
    password::Verdict,
    people::profile_of,
    routes::sessions::begin,
    secret::hash_of,
    view,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "accounts";
    vec![
        post("/v1/accounts", register)
            .is(TAG, "register", "Register, and log in. The first account owns the server.")
            .access(Access::Public)
            .body::<Registration>()
            .answers::<LoggedIn>(201, "Registered and logged in.")
            .refuses(&[
                Code::BadUsername,
                Code::UsernameTaken,
                Code::BadPassword,
                Code::BadDisplayName,
                Code::RegistrationClosed,
                Code::InviteNeeded,
                Code::InviteInvalid,
                Code::BadOrigin,
            ]),
        get("/v1/account", show)
            .is(TAG, "getAccount", "One's own account.")
            .answers::<AccountBody>(200, "The account."),
        patch("/v1/account", change)
            .is(TAG, "changeAccount", "Change the name others see, one's status, or both.")
            .body::<AccountPatch>()
            .answers::<AccountBody>(200, "The account as it is now.")
            .refuses(&[Code::BadDisplayName, Code::BadStatus, Code::NothingToChange]),
        put("/v1/account/password", change_password)
            .is(TAG, "changePassword", "Change the password. All other sessions end.")
            .body::<PasswordChange>()
            .answers_empty(204, "Changed.")
            .refuses(&[Code::BadCredentials, Code::BadPassword]),
    ]
}

async fn register(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<Registration>,
) -> Result<Response, Problem> {
    origin::refuse_other(&app, &headers)?;
    app.limits.registration(caller.address)?;
    let display_name = new.display_name.as_deref().map_or(new.username.as_str(), str::trim).to_owned();
    check_username(&new.username)?;
    check_display_name(&display_name)?;
    check_password(&new.password)?;
    refuse_early(&app, &new).await?;
    let now_ms = app.now_ms();
    let account = Account {
        user: UserId::new(now_ms, &app.random()),
        username: new.username,
        display_name,
        password_hash: app.passwords.hash(&new.password, &*app.randomness).await?,
        role: AccountRole::Member,
        created_at: now_ms,
        disabled_at: None,
        seen_at: None,
    };
    let invite = new.invite.as_deref().map(hash_of);
    let made =
        app.change(Change::CreateAccount { account, invite, policy: app.options.registration }).await?;
    let ChangeOutcome::Account(account) = made else {
        return Err(Problem::internal("register", &"the store made no account"));
    };
    let logged_in = begin(&app, &account, &caller, &headers).await?;
    Ok((StatusCode::CREATED, logged_in).into_response())
}

/// Spares the server the work of hashing when the answer is known to be no. The store decides again.
async fn refuse_early(app: &App, new: &Registration) -> Result<(), Problem> {
    if app.options.registration != RegistrationPolicy::Open && app.store.has_accounts().await? {
        match (app.options.registration, &new.invite) {
            (RegistrationPolicy::Closed, _) => return Err(Refusal::RegistrationClosed.into()),
            (_, None) => return Err(Refusal::InviteNeeded.into()),
            (_, Some(_)) => {}
        }
    }
    match app.store.account_by_username(&new.username).await? {
        // Whoever has no invitation does not learn which names there are.
        Some(_) if app.options.registration == RegistrationPolicy::Open => Err(Refusal::UsernameTaken.into()),
        _ => Ok(()),
    }
}

async fn show(State(app): State<Arc<App>>, person: Person) -> Result<axum::Json<AccountBody>, Problem> {
    let account = own(&app, &person).await?;
    Ok(axum::Json(view::own_account(&account, &profile_of(&app, person.user()).await?)))
}

async fn change(
    State(app): State<Arc<App>>,
    person: Person,
    Json(change): Json<AccountPatch>,
) -> Result<axum::Json<AccountBody>, Problem> {
    let user = person.user();
    if change.display_name.is_none() && change.status.is_none() {
        return Err(Problem::new(Code::NothingToChange, "Give displayName, status or both."));
    }
    let display_name = change.display_name.map(|name| name.trim().to_owned());
    display_name.as_deref().map_or(Ok(()), check_display_name)?;
    let status = change.status.map(|status| (said(status.emoji), said(status.text)));
    if let Some((emoji, text)) = &status {
        check_status(emoji.as_deref(), text.as_deref())
            .map_err(|refusal| Problem::from(refusal).in_field("status"))?;
    }
    if let Some(display_name) = display_name {
        app.change(Change::SetDisplayName { user, display_name }).await?;
    }
    if let Some((emoji, text)) = status {
        app.change(Change::SetStatus { user, emoji, text }).await?;
    }
    show(State(app), person).await
}

/// A text without the space around it; nothing when nothing is left.
fn said(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

async fn change_password(
    State(app): State<Arc<App>>,
    person: Person,
    caller: Caller,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    check_password(&change.new).map_err(|refusal| Problem::from(refusal).in_field("new"))?;
    let account = own(&app, &person).await?;
    // A stolen session must not guess the password faster than a login could.
    app.limits.login(caller.address, &chat::account::username_key(&account.username))?;
    let verdict =
        app.passwords.verify(&change.current, Some(&account.password_hash), &*app.randomness).await?;
    if verdict == Verdict::Wrong {
        return Err(Problem::new(Code::BadCredentials, "The current password is wrong.").in_field("current"));
    }
    let password_hash = app.passwords.hash(&change.new, &*app.randomness).await?;
    let change = Change::SetPassword { user: person.user(), password_hash, keep: Some(person.0.session) };
    app.change_of_account(person.user(), change).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn own(app: &App, person: &Person) -> Result<Account, Problem> {
    app.store.account(person.user()).await?.ok_or_else(Problem::unauthorized)
}
