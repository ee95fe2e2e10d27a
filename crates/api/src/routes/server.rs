//! What a client may know before anybody has logged in: enough to show the right first page.
//! Says nothing of who is here, except whether anybody is (D7).

use std::sync::Arc;

use axum::extract::State;
use chat::limits::{ATTACHMENTS_MAX, BODY_BYTES_MAX};
use protocol::http::server::{AttachmentLimits, ServerBody};

use crate::{
    App, Problem,
    endpoint::{Access, Endpoint, get},
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/v1/server", show)
            .is("meta", "getServer", "What the server is called, who may register, and its bounds.")
            .access(Access::Public)
            .answers::<ServerBody>(200, "The server."),
    ]
}

async fn show(State(app): State<Arc<App>>) -> Result<axum::Json<ServerBody>, Problem> {
    Ok(axum::Json(ServerBody {
        name: app.options.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        registration: app.options.registration.into(),
        needs_owner: !app.store.has_accounts().await?,
        attachments: AttachmentLimits {
            size_max_bytes: app.files.size_bytes_max(),
            per_message_max: ATTACHMENTS_MAX as u64,
            types: None,
        },
        body_max_bytes: BODY_BYTES_MAX as u64,
    }))
}
