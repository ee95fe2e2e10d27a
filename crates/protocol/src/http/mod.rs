//! Bodies of the HTTP routes: the shapes alone, so that schemas, the TypeScript types and the server agree.
//! Routes, statuses and headers are in `api`; unknown members of requests are ignored, `null` is absent.

pub mod account;
pub mod admin;
pub mod conversation;
pub mod health;
pub mod preferences;
mod problem;
pub mod search;
pub mod server;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::problem::Problem;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// For the next page, if there is one: opaque, passed back as the query parameter of the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
