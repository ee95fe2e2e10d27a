//! The router: every endpoint, the document of them, and an answer for what is none of them.
//! Invariant: even what is not found is answered with a problem document and the common headers.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    body::Bytes,
    http::{Method, Uri, header},
    middleware,
    response::{IntoResponse, Response},
};
use protocol::Code;

use crate::{
    App, Problem, endpoint, endpoint::Access, endpoint::Endpoint, headers, limits::UPLOAD_MS, meters,
    openapi, routes,
};

/// Everything under `/v1` except `/v1/ws`. Cheap to clone; one is enough for all shards.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for endpoint in endpoints() {
        router = router.route(endpoint.path, endpoint.handler);
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(app.clone(), headers::layer))
        .layer(middleware::from_fn(meters::layer))
        .with_state(app)
}

/// How long a request may take when others may take `usual_ms`, milliseconds: files arrive as fast as the line is.
#[must_use]
pub fn request_ms(method: &Method, path: &str, usual_ms: u64) -> u64 {
    let is_upload = (*method == Method::POST && path == routes::UPLOAD_PATH)
        || (*method == Method::PUT && path == routes::AVATAR_PATH);
    if is_upload { UPLOAD_MS } else { usual_ms }
}

/// The OpenAPI 3.1 document of the router.
#[must_use]
pub fn openapi_document() -> serde_json::Value {
    openapi::document(&endpoints())
}

fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = routes::endpoints();
    endpoints.push(
        endpoint::get(openapi::PATH, serve_document)
            .is("meta", "getOpenApi", "This document.")
            .access(Access::Public)
            .answers::<serde_json::Value>(200, "OpenAPI 3.1."),
    );
    endpoints
}

async fn serve_document() -> Response {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let bytes = DOCUMENT.get_or_init(|| openapi_document().to_string().into()).clone();
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=3600")], bytes)
        .into_response()
}

async fn not_found(uri: Uri) -> Problem {
    let detail = format!("There is no route {}. GET {} lists them all.", shown(&uri), openapi::PATH);
    Problem::new(Code::NotFound, detail)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} has no method {method}; the Allow header names those it has.", shown(&uri));
    Problem::new(Code::MethodNotAllowed, detail)
}

/// As much of a path as an answer repeats.
fn shown(uri: &Uri) -> String {
    uri.path().chars().take(100).collect()
}
