//! Searching over HTTP.
//! A result is the message as history gives it, and the piece of it that shows why it was found.

use schemars::JsonSchema;
use serde::Serialize;

use crate::frame::event::ChatEvent;

/// The answer to `GET /v1/search`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SearchBody")]
pub struct SearchBody<'a> {
    /// The messages, newest first.
    pub items: Vec<SearchItem<'a>>,
    /// For the next page, if there is one: opaque, passed back as `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How long the server searched, milliseconds.
    #[schemars(with = "crate::scalar::schema::Milliseconds")]
    pub took_ms: u64,
    /// Older messages are still being indexed, so some may be missing; absent when all are there.
    #[serde(skip_serializing_if = "is_false")]
    pub partial: bool,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SearchItem")]
pub struct SearchItem<'a> {
    /// The piece that shows why: plain text, about 200 characters.
    pub snippet: Vec<SnippetPart>,
    /// The message as it is now.
    #[serde(flatten)]
    pub event: ChatEvent<'a>,
}

/// A stretch of a snippet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnippetPart {
    /// Plain text.
    pub text: String,
    /// Whether it is what was searched for.
    pub hit: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}
