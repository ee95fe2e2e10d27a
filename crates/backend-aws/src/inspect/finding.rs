//! What was found: one sentence each, with what to do about it.
//! Knows no service; turns what a service answers into told, missing, denied or failed, so that nobody matches codes.

use std::error::Error;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not looked at, and why.
    Skip,
    /// It works, and somebody will regret it.
    Warn,
    /// It does not work, or will not keep what it promises.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it stands.
    pub verdict: Verdict,
    /// What kind of check, like `table.expiry`.
    pub check: &'static str,
    /// Of what: the name of a table, a queue, a bucket.
    pub subject: String,
    /// What is there.
    pub detail: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// What came of a question.
pub(super) enum Asked<T> {
    Told(T),
    /// It is not there.
    Missing,
    /// This identity may not ask.
    Denied(String),
    /// No answer, or one that says nothing.
    Failed(String),
}

impl Verdict {
    /// The word that is printed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Skip => "skip",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        }
    }
}

impl Finding {
    pub(super) fn ok(check: &'static str, subject: &str, detail: impl Into<String>) -> Finding {
        let (subject, detail) = (subject.to_owned(), detail.into());
        Finding { verdict: Verdict::Ok, check, subject, detail, advice: None }
    }

    pub(super) fn skip(check: &'static str, subject: &str, why: impl std::fmt::Display) -> Finding {
        let detail = format!("not checked: {why}");
        Finding { verdict: Verdict::Skip, ..Finding::ok(check, subject, detail) }
    }

    pub(super) fn warn(
        check: &'static str,
        subject: &str,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        let advice = Some(advice.into());
        Finding { verdict: Verdict::Warn, advice, ..Finding::ok(check, subject, detail) }
    }

    pub(super) fn fail(
        check: &'static str,
        subject: &str,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding { verdict: Verdict::Fail, ..Finding::warn(check, subject, detail, advice) }
    }
}

impl<T> Asked<T> {
    pub(super) fn of<E>(result: Result<T, SdkError<E, HttpResponse>>) -> Asked<T>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let error = match result {
            Ok(answer) => return Asked::Told(answer),
            Err(error) => error,
        };
        let Some(service) = error.as_service_error() else { return Asked::Failed(causes(&error)) };
        let code = service.code().unwrap_or("unknown");
        // Queues answer some codes with their old name before it.
        let last = code.rsplit('.').next().unwrap_or(code);
        let message = service.message().map_or_else(|| service.to_string(), str::to_owned);
        if is_denial(last) {
            Asked::Denied(message)
        } else if matches!(
            last,
            "ResourceNotFoundException" | "QueueDoesNotExist" | "NonExistentQueue" | "TableNotFoundException"
        ) {
            Asked::Missing
        } else {
            Asked::Failed(format!("{code}: {message}"))
        }
    }
}

/// Whether a code says that this identity may not.
pub(super) fn is_denial(code: &str) -> bool {
    matches!(
        code,
        "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "AuthorizationError"
            | "KMSAccessDeniedException"
            | "KmsAccessDenied"
    )
}

fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
