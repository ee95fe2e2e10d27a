//! Every error of the HTTP interface as a problem document (RFC 9457) whose `code` is the one of the frames.
//! Invariant: what a client reads names no cause inside the server; that goes to the log, once, where it is caught.

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chat::{
    Refusal,
    ports::{PortError, Retry},
};
use protocol::{Code, http::Problem as Document};

use crate::{password::PasswordError, rate::SlowDown};

/// Wait proposed to clients when a backend is overloaded or away and names none, milliseconds.
const RETRY_DEFAULT_MS: u64 = 1_000;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    pub(crate) field: Option<String>,
    retry_after_ms: Option<u64>,
}

impl Problem {
    /// A problem with this code; `detail` tells the reader what to do about it.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem { code, detail: detail.into(), field: None, retry_after_ms: None }
    }

    /// Names the field of the request that is to blame.
    #[must_use]
    pub(crate) fn in_field(mut self, field: impl Into<String>) -> Problem {
        self.field = Some(field.into());
        self
    }

    /// A request without any login.
    pub(crate) fn unauthorized() -> Problem {
        Problem::new(
            Code::Unauthorized,
            "Log in with POST /v1/sessions, then send `Authorization: Bearer <token>` or the session cookie.",
        )
    }

    /// What a client may not learn more about (D7).
    pub(crate) fn conversation_not_found() -> Problem {
        Refusal::ConversationNotFound.into()
    }

    /// A fault in the server; `cause` is logged here and nowhere else.
    pub(crate) fn internal(operation: &'static str, cause: &dyn std::fmt::Display) -> Problem {
        tracing::error!(operation, error = %cause, "request failed");
        Problem::new(
            Code::Internal,
            "The server could not do that because of a fault of its own. It has been logged.",
        )
    }

    /// The code, the same as in frames.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The sentence for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// When to try again, if that makes sense.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after_ms
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The document itself.
    #[must_use]
    pub fn document(&self) -> Document {
        let mut document = Document::new(self.code, self.detail.clone());
        document.field = self.field.clone().map(Cow::Owned);
        document.retry_after_ms = self.retry_after_ms;
        document
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), axum::Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Document::MEDIA_TYPE));
        if let Some(ms) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        }
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let problem = Problem::new(Code::from(refusal), refusal.to_string());
        match field_of(refusal) {
            Some(field) => problem.in_field(field),
            None => problem,
        }
    }
}

impl From<PortError> for Problem {
    fn from(error: PortError) -> Problem {
        let code = Code::from(&error);
        let wait_ms = match error.retry {
            Retry::Never => None,
            Retry::AfterMs(ms) => Some(ms),
            Retry::Backoff => Some(RETRY_DEFAULT_MS),
        };
        match code {
            Code::SlowDown => Problem {
                retry_after_ms: wait_ms,
                ..Problem::new(code, "The server has too much to do at the moment. Try again a little later.")
            },
            Code::Unavailable => {
                tracing::warn!(%error, "a backend is not available");
                Problem {
                    retry_after_ms: wait_ms,
                    ..Problem::new(code, "The server cannot do that at the moment. Try again a little later.")
                }
            }
            _ => Problem::internal(error.operation, &error),
        }
    }
}

impl From<SlowDown> for Problem {
    fn from(slow_down: SlowDown) -> Problem {
        Problem {
            retry_after_ms: Some(slow_down.retry_after_ms),
            ..Problem::new(
                Code::SlowDown,
                "Too many requests. Wait for retryAfterMs milliseconds, then go on.",
            )
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Problem {
        match error {
            PasswordError::Busy => SlowDown { retry_after_ms: RETRY_DEFAULT_MS }.into(),
            PasswordError::Broken(_) => Problem::internal("password", &error),
        }
    }
}

/// The field of a request body that a refusal is about.
fn field_of(refusal: Refusal) -> Option<&'static str> {
    Some(match refusal {
        Refusal::EmptyBody | Refusal::BodyTooLong => "body",
        Refusal::BadTitle => "title",
        Refusal::BadDescription => "description",
        Refusal::BadEmoji => "emoji",
        Refusal::TooManyMentions => "mentions",
        Refusal::DirectNeedsOneOther => "memberIds",
        Refusal::BadUsername | Refusal::UsernameTaken => "username",
        Refusal::BadDisplayName => "displayName",
        Refusal::BadPassword => "password",
        Refusal::InviteNeeded | Refusal::InviteInvalid => "invite",
        _ => return None,
    })
}
