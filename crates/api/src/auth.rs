//! Who makes a request: by bearer token, session cookie or single-use ticket; or the operator, by a token of the server.
//! Invariant: a cookie alone authenticates nothing that changes state or opens a socket; the page must be ours (CSRF).

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};
use chat::{AccountRole, Refusal, SessionId, UserId, account::SecretHash};
use protocol::Code;

use crate::{
    App, Problem, address, origin,
    secret::{hash_of, hash_of_presented},
    session_cache::KnownSession,
};

/// Name of the session cookie.
pub const SESSION_COOKIE: &str = "dynamowave_session";

/// Somebody with a valid login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    /// Who.
    pub user: UserId,
    /// By which login.
    pub session: SessionId,
    /// Their role on this server.
    pub role: AccountRole,
    /// How they showed it.
    pub by: By,
}

/// How a login was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// `Authorization: Bearer`.
    Bearer,
    /// The session cookie, the page's origin checked.
    Cookie,
    /// `?ticket=`, now used up.
    Ticket,
}

/// Authenticates the opening of a socket: a ticket in the query, else a bearer token, else the session cookie of one of
/// our own pages. `address` is the client's ([`crate::client_address`]); it is only counted.
///
/// # Errors
/// `unauthorized`, `bad_origin`, `account_disabled`, `slow_down`, or what the store says.
pub async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    query: Option<&str>,
    address: IpAddr,
) -> Result<Authenticated, Problem> {
    let found = match query.and_then(ticket_in) {
        Some(ticket) => by_ticket(app, ticket).await,
        None => by_headers(app, headers, true).await,
    };
    count_strangers(app, address, found)
}

/// An extractor: any request of somebody logged in. Requests of one user are counted here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person(pub(crate) Authenticated);

impl Person {
    pub(crate) fn user(&self) -> UserId {
        self.0.user
    }
}

/// An extractor: a request of an admin, an owner, or the operator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Administrator {
    /// `None` for the operator, who has no account.
    pub(crate) user: Option<UserId>,
    /// The operator ranks as an owner.
    pub(crate) role: AccountRole,
}

impl FromRequestParts<Arc<App>> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Person, Problem> {
        let address = client_of(app, parts);
        let changes_state = !matches!(parts.method, Method::GET | Method::HEAD);
        let found = by_headers(app, &parts.headers, changes_state).await;
        let person = count_strangers(app, address, found)?;
        app.limits.request(person.user)?;
        Ok(Person(person))
    }
}

impl FromRequestParts<Arc<App>> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Administrator, Problem> {
        if is_operator(app, &parts.headers) {
            return Ok(Administrator { user: None, role: AccountRole::Owner });
        }
        let Person(person) = Person::from_request_parts(parts, app).await?;
        if person.role < AccountRole::Admin {
            return Err(Problem::new(Code::Forbidden, "Only admins and owners of this server may do that."));
        }
        Ok(Administrator { user: Some(person.user), role: person.role })
    }
}

/// The address of the client that sent a request.
pub(crate) fn client_of(app: &App, parts: &Parts) -> IpAddr {
    address::of_request(&parts.extensions, &parts.headers, &app.options.trusted_proxies)
}

/// Whoever guesses tokens is slowed down; who has one is not affected by others behind the same address.
fn count_strangers(
    app: &App,
    address: IpAddr,
    found: Result<Authenticated, Problem>,
) -> Result<Authenticated, Problem> {
    if let Err(problem) = &found
        && problem.code() == Code::Unauthorized
    {
        app.limits.stranger(address)?;
    }
    found
}

async fn by_headers(app: &App, headers: &HeaderMap, origin_matters: bool) -> Result<Authenticated, Problem> {
    if headers.contains_key(header::AUTHORIZATION) {
        let token = bearer(headers).ok_or_else(Problem::unauthorized)?;
        return by_token(app, token, By::Bearer).await;
    }
    let token = cookie(headers).ok_or_else(Problem::unauthorized)?;
    if origin_matters {
        origin::require_own(app, headers)?;
    }
    by_token(app, token, By::Cookie).await
}

async fn by_token(app: &App, token: &str, by: By) -> Result<Authenticated, Problem> {
    let hash = hash_of_presented(token).ok_or_else(Problem::unauthorized)?;
    let now_ms = app.now_ms();
    let known = match app.sessions.get(&hash, now_ms) {
        Some(known) => known,
        None => read_session(app, hash, now_ms).await?,
    };
    if known.expires_at <= now_ms {
        return Err(Problem::unauthorized());
    }
    Ok(Authenticated { user: known.user, session: known.session, role: known.role, by })
}

async fn read_session(app: &App, hash: SecretHash, now_ms: u64) -> Result<KnownSession, Problem> {
    let generation = app.sessions.generation();
    let session = app.store.session_by_token(&hash).await?.ok_or_else(Problem::unauthorized)?;
    let role = enabled_role(app, session.user).await?;
    let known = KnownSession {
        user: session.user,
        session: session.session,
        role,
        expires_at: session.expires_at,
        read_at: now_ms,
    };
    app.sessions.put(generation, hash, known);
    Ok(known)
}

async fn by_ticket(app: &App, ticket: &str) -> Result<Authenticated, Problem> {
    let refused = || {
        Problem::new(
            Code::Unauthorized,
            "The ticket is unknown, used or too old. Get a new one from POST /v1/tickets.",
        )
    };
    let hash = hash_of_presented(ticket).ok_or_else(refused)?;
    let now_ms = app.now_ms();
    let ticket = app.directory.take_ticket(&hash, now_ms).await?.ok_or_else(refused)?;
    if ticket.expires_at <= now_ms {
        return Err(refused());
    }
    // The login may have ended since the ticket was made.
    let sessions = app.store.sessions(ticket.user).await?;
    let alive = sessions.iter().any(|one| one.session == ticket.session && one.expires_at > now_ms);
    if !alive {
        return Err(refused());
    }
    let role = enabled_role(app, ticket.user).await?;
    Ok(Authenticated { user: ticket.user, session: ticket.session, role, by: By::Ticket })
}

async fn enabled_role(app: &App, user: UserId) -> Result<AccountRole, Problem> {
    let account = app.store.account(user).await?.ok_or_else(Problem::unauthorized)?;
    match account.disabled_at {
        Some(_) => Err(Refusal::AccountDisabled.into()),
        None => Ok(account.role),
    }
}

fn is_operator(app: &App, headers: &HeaderMap) -> bool {
    // Hashes are compared, so that how far they agree says nothing about the token.
    app.options
        .operator
        .is_some_and(|operator| bearer(headers).is_some_and(|token| hash_of(token) == operator))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == SESSION_COOKIE).then_some(value))
}

/// Tickets are made of characters that no query escapes.
fn ticket_in(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("ticket="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn tokens_are_found_where_clients_put_them() {
        assert_eq!(bearer(&headers(&[("authorization", "Bearer dw_x")])), Some("dw_x"));
        assert_eq!(bearer(&headers(&[("authorization", "bearer  dw_x ")])), Some("dw_x"));
        assert_eq!(bearer(&headers(&[("authorization", "Basic dw_x")])), None);
        assert_eq!(cookie(&headers(&[("cookie", "a=b; dynamowave_session=dw_y; c=d")])), Some("dw_y"));
        assert_eq!(cookie(&headers(&[("cookie", "xdynamowave_session=dw_y")])), None);
        assert_eq!(ticket_in("a=b&ticket=dw_z"), Some("dw_z"));
        assert_eq!(ticket_in("myticket=dw_z"), None);
    }
}
