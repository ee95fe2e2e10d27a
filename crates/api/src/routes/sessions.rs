//! Logging in and out, and tickets for opening sockets.
//! Invariant: a wrong name and a wrong password look and cost the same; a token is shown once and stored as a hash.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use chat::{
    Account, Change, ChangeOutcome, Refusal, Session, SessionId,
    account::username_key,
    limits::{PASSWORD_BYTES_MAX, SESSION_LIFE_MS, TICKET_LIFE_MS, USERNAME_CHARS_MAX},
    ports::Ticket,
};
use protocol::{
    Code, Time,
    http::{
        Page,
        account::{LoggedIn, Login, SessionItem, TicketGranted},
    },
};

use crate::{
    App, Problem,
    auth::{Person, SESSION_COOKIE},
    endpoint::{Access, Endpoint, delete, get, post},
    extract::{Caller, Json, Segments},
    limits::AGENT_CHARS_MAX,
    origin,
    password::Verdict,
    secret::Secret,
    view,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "sessions";
    vec![
        post("/v1/sessions", log_in)
            .is(TAG, "logIn", "Log in.")
            .access(Access::Public)
            .body::<Login>()
            .answers::<LoggedIn>(201, "Logged in.")
            .refuses(&[Code::BadCredentials, Code::AccountDisabled, Code::BadOrigin]),
        get("/v1/sessions", list)
            .is(TAG, "listSessions", "One's own logins, newest first.")
            .answers::<Page<SessionItem>>(200, "The sessions."),
        delete("/v1/sessions/current", log_out)
            .is(TAG, "logOut", "Log out.")
            .answers_empty(204, "Logged out; the sockets of the session are closed."),
        delete("/v1/sessions/{session}", end)
            .is(TAG, "endSession", "Log out one of one's own sessions.")
            .answers_empty(204, "It has ended; its sockets are closed.")
            .refuses(&[Code::SessionNotFound]),
        post("/v1/tickets", make_ticket)
            .is(TAG, "createTicket", "A ticket for opening one socket, for where no header can be set.")
            .answers::<TicketGranted>(201, "The ticket; good for one use."),
    ]
}

/// A login that has just begun, as an answer: in the body for programs, as a cookie for our own pages.
pub(super) struct Begun {
    body: LoggedIn,
    cookie: HeaderValue,
}

impl IntoResponse for Begun {
    fn into_response(self) -> Response {
        (AppendHeaders([(header::SET_COOKIE, self.cookie)]), axum::Json(self.body)).into_response()
    }
}

async fn log_in(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Json(login): Json<Login>,
) -> Result<Response, Problem> {
    origin::refuse_other(&app, &headers)?;
    app.limits.login(caller.address, &username_key(&login.username))?;
    if login.password.len() > PASSWORD_BYTES_MAX || login.username.len() > USERNAME_CHARS_MAX {
        return Err(Refusal::BadCredentials.into());
    }
    let account = app.store.account_by_username(&login.username).await?;
    let stored = account.as_ref().map(|account| account.password_hash.as_str());
    let verdict = app.passwords.verify(&login.password, stored, &*app.randomness).await?;
    let (Some(account), Verdict::Right { rehashed }) = (account, verdict) else {
        return Err(Refusal::BadCredentials.into());
    };
    if account.disabled_at.is_some() {
        return Err(Refusal::AccountDisabled.into());
    }
    let logged_in = begin(&app, &account, &caller, &headers).await?;
    if let Some(password_hash) = rehashed {
        renew_hash(&app, account, password_hash).await;
    }
    Ok((StatusCode::CREATED, logged_in).into_response())
}

/// Makes the session of an account that has just shown who it is.
pub(super) async fn begin(
    app: &App,
    account: &Account,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Begun, Problem> {
    let secret = Secret::new(&*app.randomness);
    let now_ms = app.now_ms();
    let session = Session {
        session: SessionId::new(now_ms, &app.random()),
        user: account.user,
        token_hash: secret.hash(),
        agent: agent(headers),
        created_at: now_ms,
        expires_at: now_ms + SESSION_LIFE_MS,
    };
    let outcome = app.change(Change::CreateSession(session.clone())).await?;
    if let ChangeOutcome::Ended(sessions) = outcome {
        app.sessions_ended(account.user, sessions).await;
    }
    let cookie = cookie(caller, secret.reveal(), SESSION_LIFE_MS / 1_000);
    let body = LoggedIn {
        user_id: account.user,
        token: secret.reveal().to_owned(),
        session_id: session.session,
        role: account.role.into(),
        expires_at: Time::from_ms(session.expires_at),
    };
    Ok(Begun { body, cookie: cookie? })
}

async fn list(State(app): State<Arc<App>>, person: Person) -> Result<axum::Json<Page<SessionItem>>, Problem> {
    let now_ms = app.now_ms();
    let mut sessions = app.store.sessions(person.user()).await?;
    sessions.retain(|session| session.expires_at > now_ms);
    sessions.sort_unstable_by_key(|session| std::cmp::Reverse((session.created_at, session.session)));
    let items = sessions.iter().map(|session| view::session(session, person.0.session)).collect();
    Ok(axum::Json(Page { items, next: None }))
}

async fn log_out(State(app): State<Arc<App>>, person: Person, caller: Caller) -> Result<Response, Problem> {
    revoke(&app, &person, person.0.session).await?;
    let gone = cookie(&caller, "", 0)?;
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, gone)])).into_response())
}

async fn end(State(app): State<Arc<App>>, person: Person, segments: Segments) -> Result<StatusCode, Problem> {
    revoke(&app, &person, segments.session()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke(app: &App, person: &Person, session: SessionId) -> Result<(), Problem> {
    app.change_of_account(person.user(), Change::RevokeSession { user: person.user(), session }).await
}

async fn make_ticket(State(app): State<Arc<App>>, person: Person) -> Result<Response, Problem> {
    let secret = Secret::new(&*app.randomness);
    let ticket =
        Ticket { user: person.user(), session: person.0.session, expires_at: app.now_ms() + TICKET_LIFE_MS };
    app.directory.put_ticket(secret.hash(), ticket).await?;
    let body = TicketGranted { ticket: secret.reveal().to_owned(), expires_in_ms: TICKET_LIFE_MS };
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

/// Stores a hash with the parameters of now. Failing to is no reason to refuse a login.
async fn renew_hash(app: &App, verified: Account, password_hash: String) {
    let Account { user, password_hash: verified_hash, .. } = verified;
    let change = Change::RenewPasswordHash { user, verified_hash, password_hash };
    if let Err(error) = app.store.change(change).await {
        tracing::warn!(%error, "a password hash keeps its old parameters");
    }
}

fn agent(headers: &HeaderMap) -> String {
    let text = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.chars().take(AGENT_CHARS_MAX).collect()
}

fn cookie(caller: &Caller, value: &str, age_s: u64) -> Result<HeaderValue, Problem> {
    let secure = if caller.is_https { "; Secure" } else { "" };
    let text =
        format!("{SESSION_COOKIE}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict{secure}");
    let mut header = HeaderValue::try_from(text).map_err(|error| Problem::internal("cookie", &error))?;
    header.set_sensitive(true);
    Ok(header)
}
