//! What an orchestrator and a metrics collector ask a worker: `/healthz`, `/readyz`, `/metrics`, where it has a port.
//! Knows no message: a worker's health is its pulse. Metrics are for loopback and the operator's token (D7).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use api::{RemoteAddress, hash_of};
use axum::{
    Extension, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use chat::account::SecretHash;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use tokio::{net::TcpListener, sync::Semaphore};

use super::pulse::Pulse;
use crate::limits::{PORT_CONNECTIONS_MAX, PORT_HEAD_MS, PORT_RETRY_MS};

/// What the answers are made from.
pub(super) struct Port {
    pub(super) pulse: Arc<Pulse>,
    pub(super) metrics: PrometheusHandle,
    /// Good for metrics from elsewhere.
    pub(super) operator: Option<SecretHash>,
}

impl Port {
    /// Binds, then serves beside everything else.
    pub(super) async fn open(self, listen: SocketAddr) -> Result<()> {
        let listener = TcpListener::bind(listen).await;
        let listener = listener.with_context(|| format!("node.health: cannot listen on {listen}"))?;
        tracing::info!(address = %listener.local_addr()?, "health and metrics");
        let router = Router::new()
            .route("/healthz", get(alive))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(Arc::new(self));
        tokio::spawn(serve(listener, router));
        Ok(())
    }
}

async fn serve(listener: TcpListener, router: Router) {
    let permits = Arc::new(Semaphore::new(PORT_CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a request for health cannot be accepted");
                tokio::time::sleep(Duration::from_millis(PORT_RETRY_MS)).await;
                continue;
            }
        };
        let service = router.clone().layer(Extension(RemoteAddress(peer.ip())));
        tokio::spawn(async move {
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_millis(PORT_HEAD_MS))
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "a request for health came to nothing");
            }
            drop(permit);
        });
    }
}

async fn alive(State(port): State<Arc<Port>>) -> Response {
    if port.pulse.verdict().alive {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "it does not ask its queue any more\n").into_response()
    }
}

async fn ready(State(port): State<Arc<Port>>) -> Response {
    let verdict = port.pulse.verdict();
    let status = if verdict.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let answer = json!({"ready": verdict.ready, "draining": verdict.draining,
        "queueAnsweredAgeMs": verdict.answered_age_ms});
    (status, Json(answer)).into_response()
}

async fn metrics(
    State(port): State<Arc<Port>>,
    Extension(RemoteAddress(address)): Extension<RemoteAddress>,
    headers: HeaderMap,
) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = bearer.and_then(|value| value.strip_prefix("Bearer ")).map(hash_of);
    if !address.is_loopback() && (given.is_none() || given != port.operator) {
        return (StatusCode::UNAUTHORIZED, "metrics need the operator's token\n").into_response();
    }
    port.metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], port.metrics.render()).into_response()
}
