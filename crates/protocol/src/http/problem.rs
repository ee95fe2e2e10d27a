//! The problem document: every error over HTTP (RFC 9457), with the same code as a frame.
//! Names nothing that the reader may not know (D7) and no internals.

use std::borrow::Cow;

use chat::Refusal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{code::Code, scalar::schema};

/// `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Names the kind of problem: `urn:dynamowave:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The kind in a few words.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request, for people.
    pub detail: Cow<'static, str>,
    /// The code, as in frames.
    pub code: Code,
    /// The member or parameter that is wrong, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Cow<'static, str>>,
    /// When trying again makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub retry_after_ms: Option<u64>,
}

impl Problem {
    /// The media type of the document.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// A problem with the title and status of its code.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem {
            kind: format!("urn:dynamowave:problem:{code}").into(),
            title: code.title().into(),
            status: code.http_status(),
            detail: detail.into(),
            code,
            field: None,
            retry_after_ms: None,
        }
    }

    /// Names the member or parameter that is wrong.
    #[must_use]
    pub fn field(mut self, name: impl Into<Cow<'static, str>>) -> Problem {
        self.field = Some(name.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub const fn retry_after_ms(mut self, ms: u64) -> Problem {
        self.retry_after_ms = Some(ms);
        self
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Problem::new(refusal.into(), refusal.to_string())
    }
}
