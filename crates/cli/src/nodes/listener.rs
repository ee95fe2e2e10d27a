//! Where a node takes what other nodes and notifiers have for its sockets: HTTP/2, mutually authenticated.
//! Knows no socket of a client; hands every batch to the hub, and says so when the hub is behind (D6).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    routing::post,
};
use chat::{NodeId, ports::Announcer};
use gateway::{HubHandle, Shed};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;

use super::{
    identity::Identity,
    wire::{self, ROUTE},
};
use crate::limits::{ANNOUNCED_BODY_BYTES_MAX, NODE_CONNECTIONS_MAX, NODE_HANDSHAKE_MS, NODE_TELL_MS};

/// What the listener tells, and whom.
struct Here {
    node: NodeId,
    hub: Arc<HubHandle>,
}

/// A bound port for other nodes.
pub(crate) struct Listener {
    listener: TcpListener,
    identity: Option<Identity>,
}

impl Listener {
    /// Binds. Without an identity only loopback is listened on.
    pub(crate) async fn bind(listen: SocketAddr, identity: Option<Identity>) -> Result<Listener> {
        let cannot = || format!("cannot listen for other nodes on {listen}");
        Ok(Listener { listener: TcpListener::bind(listen).await.with_context(cannot)?, identity })
    }

    /// Where, with the port that was free when 0 was asked.
    pub(crate) fn local_address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves for ever.
    pub(crate) async fn run(self, node: NodeId, hub: Arc<HubHandle>) {
        let router = Router::new()
            .route(ROUTE, post(announce))
            .layer(DefaultBodyLimit::max(ANNOUNCED_BODY_BYTES_MAX))
            .with_state(Arc::new(Here { node, hub }));
        let acceptor = self.identity.map(|identity| TlsAcceptor::from(identity.server));
        let permits = Arc::new(Semaphore::new(NODE_CONNECTIONS_MAX));
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let Some(stream) = accepted(&self.listener).await else { continue };
            let (acceptor, router) = (acceptor.clone(), router.clone());
            tokio::spawn(async move {
                serve(stream, acceptor, router).await;
                drop(permit);
            });
        }
    }
}

async fn accepted(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            tracing::warn!(%error, "a connection of another node could not be accepted");
            // Too many open files, most likely: give those that are open time to close.
            tokio::time::sleep(Duration::from_millis(NODE_HANDSHAKE_MS)).await;
            None
        }
    }
}

async fn serve(stream: TcpStream, acceptor: Option<TlsAcceptor>, router: Router) {
    // Delay costs more than packets here.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = acceptor else { return speak(stream, router).await };
    let limit = Duration::from_millis(NODE_HANDSHAKE_MS);
    match tokio::time::timeout(limit, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => speak(stream, router).await,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a node was refused: its certificate is not of our authority");
        }
        Err(_) => tracing::debug!("a node did not finish its handshake"),
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "the connection of another node ended");
    }
}

/// `POST` [`ROUTE`]: 204 when the hub has all of it; 410 when another process listens here now; 503 when the hub is
/// behind.
async fn announce(State(here): State<Arc<Here>>, Path(node): Path<NodeId>, body: Bytes) -> StatusCode {
    if node != here.node {
        return StatusCode::GONE;
    }
    let Some(batch) = wire::read(&body) else { return StatusCode::BAD_REQUEST };
    if batch.is_empty() {
        tracing::warn!("announcements were lost on their way here; clients are told to come back and sync");
        here.hub.shed(Shed::All).await;
        return StatusCode::NO_CONTENT;
    }
    let telling = here.hub.announce(node, batch.into_iter().map(Arc::new).collect());
    match tokio::time::timeout(Duration::from_millis(NODE_TELL_MS), telling).await {
        Ok(Ok(())) => StatusCode::NO_CONTENT,
        Ok(Err(_)) | Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
