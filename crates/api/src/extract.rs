//! What handlers take from a request: JSON bodies, queries, path segments, and membership of the conversation in the
//! path. Invariant: whatever is wrong with a request is told as a problem that names the field; a non-member learns of a
//! conversation nothing, not even that the rest of the request was wrong (D7).

use std::{collections::BTreeMap, convert::Infallible, net::IpAddr, str::FromStr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, header, request::Parts},
};
use chat::{AttachmentId, CommandId, ConversationId, InviteId, Membership, Refusal, Seq, SessionId, UserId};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use protocol::Code;
use serde::de::DeserializeOwned;

use crate::{
    App, Problem, address,
    auth::{Person, client_of},
    limits::{REQUEST_BYTES_MAX, REQUEST_READ_MS},
};

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

/// The query string.
pub(crate) struct Query<T>(pub(crate) T);

/// The named segments of the path, decoded.
pub(crate) struct Segments(BTreeMap<String, String>);

/// Somebody logged in who is a member of the conversation in the path.
pub(crate) struct Member {
    pub(crate) person: Person,
    pub(crate) conversation: ConversationId,
    pub(crate) membership: Membership,
}

/// Where the client is, and whether what it sends is encrypted on the way, as far as is known.
pub(crate) struct Caller {
    pub(crate) address: IpAddr,
    pub(crate) is_https: bool,
}

/// `Idempotency-Key`, or a new id when there is none.
pub(crate) struct RequestId(pub(crate) CommandId);

impl Member {
    pub(crate) fn user(&self) -> UserId {
        self.person.user()
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Json<T>, Problem> {
        if !says_json(request.headers()) {
            return Err(Problem::new(
                Code::UnsupportedMediaType,
                "Send the body as JSON, with `Content-Type: application/json`.",
            ));
        }
        let bytes = read_body(request.into_body()).await?;
        parse_json(&bytes).map(Json)
    }
}

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Query<T>, Problem> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Query(query)),
            Err(rejection) => Err(bad_query(&rejection)),
        }
    }
}

impl FromRequestParts<Arc<App>> for Segments {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Segments, Problem> {
        let raw = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| Problem::new(Code::BadRequest, "The path is not UTF-8."))?;
        Ok(Segments(raw.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }
}

impl FromRequestParts<Arc<App>> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Member, Problem> {
        let person = Person::from_request_parts(parts, app).await?;
        let conversation = Segments::from_request_parts(parts, app).await?.conversation()?;
        // One read of one row, whether the conversation exists or not: both take the same time (D7).
        let membership = app.store.member(conversation, person.user()).await?;
        let membership = membership.ok_or_else(Problem::conversation_not_found)?;
        Ok(Member { person, conversation, membership })
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Caller, Infallible> {
        let trusted = &app.options.trusted_proxies;
        let is_https = app.options.secure_cookies
            || address::is_forwarded_https(&parts.extensions, &parts.headers, trusted);
        Ok(Caller { address: client_of(app, parts), is_https })
    }
}

impl FromRequestParts<Arc<App>> for RequestId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<RequestId, Problem> {
        let Some(key) = parts.headers.get("idempotency-key") else {
            return Ok(RequestId(CommandId::new(app.now_ms(), &app.random())));
        };
        // Some clients quote it, as the draft standard does.
        let id = key.to_str().ok().and_then(|text| text.trim_matches('"').parse().ok());
        id.map(RequestId).ok_or_else(|| {
            Problem::new(
                Code::BadIdempotencyKey,
                "Send a UUID as Idempotency-Key, the same one when you repeat a request.",
            )
        })
    }
}

impl Segments {
    pub(crate) fn conversation(&self) -> Result<ConversationId, Problem> {
        self.parse("conversation", Refusal::ConversationNotFound)
    }

    pub(crate) fn user(&self) -> Result<UserId, Problem> {
        self.parse("user", Refusal::UserNotFound)
    }

    pub(crate) fn attachment(&self) -> Result<AttachmentId, Problem> {
        self.parse("attachment", Refusal::AttachmentNotFound)
    }

    pub(crate) fn session(&self) -> Result<SessionId, Problem> {
        self.parse("session", Refusal::SessionNotFound)
    }

    /// A message's place.
    pub(crate) fn seq(&self) -> Result<Seq, Problem> {
        self.parse("seq", Refusal::MessageNotFound)
    }

    pub(crate) fn invite(&self) -> Option<InviteId> {
        self.text("invite").parse().ok()
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn parse<T: FromStr>(&self, name: &str, otherwise: Refusal) -> Result<T, Problem> {
        self.text(name).parse().map_err(|_| otherwise.into())
    }
}

fn says_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") || essence.to_ascii_lowercase().ends_with("+json")
}

async fn read_body(body: Body) -> Result<axum::body::Bytes, Problem> {
    let reading = Limited::new(body, REQUEST_BYTES_MAX).collect();
    match tokio::time::timeout(Duration::from_millis(REQUEST_READ_MS), reading).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new(Code::RequestTooLarge, "The body of a request has at most 65,536 bytes."))
        }
        Ok(Err(_)) => Err(Problem::new(Code::BadRequest, "The body ended before it was complete.")),
        Err(_) => Err(Problem::new(Code::BadRequest, "The body did not arrive within 15 seconds.")),
    }
}

/// Reads JSON; an error names the field.
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| b"[\"-0123456789tfn".contains(first)) {
        return Err(Problem::new(Code::BadRequest, "The body must be a JSON object."));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        bad_json(&path, error.inner())
    })?;
    reader.end().map_err(|error| bad_json(".", &error))?;
    Ok(value)
}

fn bad_json(path: &str, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    if !error.is_data() {
        return Problem::new(Code::BadJson, format!("The body is not JSON: {text}."));
    }
    // `missing field` is told of the object around it; its name stands between backticks.
    let missing = what.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let field = match (path, missing) {
        ("." | "?", Some(name)) => Some(name.to_owned()),
        ("." | "?", None) => None,
        (path, Some(name)) => Some(format!("{path}.{name}")),
        (path, None) => Some(path.to_owned()),
    };
    match field {
        Some(field) => Problem::new(Code::BadRequest, format!("{field}: {what}.")).in_field(field),
        None => Problem::new(Code::BadRequest, format!("The body is not as expected: {what}.")),
    }
}

fn bad_query(rejection: &axum::extract::rejection::QueryRejection) -> Problem {
    let text = rejection.body_text();
    let what = text.rsplit("query string: ").next().unwrap_or_default().to_owned();
    let name = what.split(':').next().unwrap_or_default().trim().to_owned();
    let problem = Problem::new(Code::BadRequest, format!("The query is not as expected: {what}."));
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
    if is_name { problem.in_field(name) } else { problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only its errors are looked at")]
    struct Outer {
        inner: Inner,
        names: Vec<String>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only its errors are looked at")]
    struct Inner {
        count: u32,
    }

    fn problem_of(text: &str) -> (Code, Option<String>) {
        let problem = parse_json::<Outer>(text.as_bytes()).unwrap_err();
        (problem.code(), problem.field)
    }

    #[test]
    fn errors_name_the_field() {
        let field = |text| problem_of(text).1.unwrap_or_default();
        assert_eq!(field(r#"{"names":[]}"#), "inner");
        assert_eq!(field(r#"{"inner":{},"names":[]}"#), "inner.count");
        assert_eq!(field(r#"{"inner":{"count":-1},"names":[]}"#), "inner.count");
        assert_eq!(field(r#"{"inner":{"count":1},"names":["a",2]}"#), "names[1]");
    }

    #[test]
    fn what_is_not_json_is_told_apart() {
        assert_eq!(problem_of("{").0, Code::BadJson);
        assert_eq!(problem_of(r#"{"inner":{"count":1},"names":[]} x"#).0, Code::BadJson);
        assert_eq!(problem_of("[]").0, Code::BadRequest);
    }
}
