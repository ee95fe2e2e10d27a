//! Counts and times requests, by route.
//! Invariant: no label carries anything that a client chose; a path with ids in it is told by its template.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    middleware::Next,
    response::Response,
};
use metrics::{counter, histogram};

/// The layer around all routes.
pub(crate) async fn layer(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    histogram!("dynamowave_http_seconds", "route" => route.clone(), "method" => method)
        .record(began.elapsed());
    let status = response.status().as_u16().to_string();
    counter!("dynamowave_http_requests_total", "route" => route, "method" => method, "status" => status)
        .increment(1);
    response
}

/// Clients may invent methods.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
