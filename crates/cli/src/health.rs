//! What a load balancer, an orchestrator and a metrics collector ask: `/healthz`, `/readyz`, `/metrics`.
//! Says no more to strangers than whether to send traffic: metrics are for loopback and the operator's token.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use api::{App, RemoteAddress, hash_of};
use axum::{
    Json, Router,
    extract::{Extension, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use crate::observe::number;

/// What the answers are made from.
pub(crate) struct Health {
    /// The ports.
    pub(crate) app: Arc<App>,
    /// Renders the metrics.
    pub(crate) metrics: PrometheusHandle,
    /// Updates the gauges that are read rather than counted.
    pub(crate) gauges: Box<dyn Fn() + Send + Sync>,
    /// Whether commands can still be made durable.
    pub(crate) writable: Box<dyn Fn() -> bool + Send + Sync>,
    /// Age of the oldest unprocessed command above which the server is not ready, milliseconds. Where the queue is not
    /// this server's own there is none, and checks do not ask it: they come often, and every question costs.
    pub(crate) ready_age_max_ms: Option<u64>,
    /// Set when the server stops taking work.
    pub(crate) draining: AtomicBool,
}

/// The three routes.
pub(crate) fn router(health: Arc<Health>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    let writable = (health.writable)();
    let draining = health.draining.load(Ordering::Relaxed);
    let (age_ms, is_young) = match health.ready_age_max_ms {
        Some(max) => {
            let age_ms = health.app.messages.depth().await.map_or(u64::MAX, |depth| depth.oldest_age_ms);
            (Some(age_ms), age_ms <= max)
        }
        None => (None, true),
    };
    let ready = writable && !draining && is_young;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let answer =
        json!({"ready": ready, "journalWritable": writable, "draining": draining, "queueAgeMs": age_ms});
    (status, Json(answer)).into_response()
}

async fn metrics(
    State(health): State<Arc<Health>>,
    address: Option<Extension<RemoteAddress>>,
    headers: HeaderMap,
) -> Response {
    let local = address.is_some_and(|Extension(RemoteAddress(address))| address.is_loopback());
    if !local && !is_operator(&health, &headers) {
        return (StatusCode::UNAUTHORIZED, "metrics need the operator's token\n").into_response();
    }
    gather(&health).await;
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], health.metrics.render()).into_response()
}

fn is_operator(health: &Health, headers: &HeaderMap) -> bool {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = bearer.and_then(|value| value.strip_prefix("Bearer ")).map(hash_of);
    given.is_some() && given == health.app.options.operator
}

/// Queue gauges are read when somebody asks: keeping them current all the time would cost more than it tells.
async fn gather(health: &Health) {
    (health.gauges)();
    let depths = [
        ("messages", health.app.messages.depth().await),
        ("notifications", health.app.notifications.depth().await),
    ];
    for (queue, depth) in depths {
        let Ok(depth) = depth else { continue };
        metrics::gauge!("dynamowave_queue_waiting", "queue" => queue).set(number(depth.waiting));
        metrics::gauge!("dynamowave_queue_in_flight", "queue" => queue).set(number(depth.in_flight));
        metrics::gauge!("dynamowave_queue_dead", "queue" => queue).set(number(depth.dead));
        metrics::gauge!("dynamowave_queue_oldest_age_seconds", "queue" => queue)
            .set(number(depth.oldest_age_ms) / 1_000.0);
    }
    health.metrics.run_upkeep();
}
