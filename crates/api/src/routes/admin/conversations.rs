//! Conversations as admins see them: that they are there, how large, how active.
//! Invariant: nothing of what is said in them, and no member by name (D7).

use std::sync::Arc;

use axum::extract::State;
use protocol::{
    Code,
    http::{Page, admin::AdminConversationItem},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    App, Problem,
    auth::Administrator,
    endpoint::{Access, Endpoint, get},
    extract::Query,
    page, view,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/v1/admin/conversations", list)
            .is("admin", "adminListConversations", "All conversations in the order they began.")
            .access(Access::Administrator)
            .query::<ConversationsQuery>()
            .answers::<Page<AdminConversationItem>>(200, "A page of them.")
            .refuses(&[Code::BadCursor]),
    ]
}

/// `GET /v1/admin/conversations`.
#[derive(Debug, Deserialize, JsonSchema)]
struct ConversationsQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500; 50 when absent.
    limit: Option<u64>,
}

async fn list(
    State(app): State<Arc<App>>,
    _: Administrator,
    Query(query): Query<ConversationsQuery>,
) -> Result<axum::Json<Page<AdminConversationItem>>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = query.cursor.as_deref().map(page::parse_cursor).transpose()?;
    let conversations = app.store.conversations(after, limit).await?;
    let next = page::next(&conversations, limit, |(last, _)| last.to_string());
    let items = conversations.iter().map(|(id, meta)| view::admin_conversation(*id, meta)).collect();
    Ok(axum::Json(Page { items, next }))
}
