//! Telling other nodes: one HTTP/2 connection to each, opened when there is something to tell.
//! Invariant: a node that cannot be told delays nobody for long, and once it can be told again it learns that something
//! was lost, so that its clients come back and sync (D4).

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use backend_aws::AwsDirectory;
use bytes::Bytes;
use chat::{
    Announcement, NodeId,
    ports::{Announcer, Clock, ErrorKind, PortError},
};
use gateway::HubHandle;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Mutex,
};
use tokio_rustls::TlsConnector;

use super::{
    identity::{Identity, NODE_NAME},
    wire::{self, ROUTE},
};
use crate::limits::{
    NODE_CONNECT_MS, NODE_HANDSHAKE_MS, NODE_REST_DOUBLINGS_MAX, NODE_REST_MS, NODE_TELL_MS, NODE_TRIES_MAX,
    PEERS_MAX,
};

const OPERATION: &str = "announcer.announce (node)";

/// Tells any node: this process's own sockets through the hub, others through their address in the directory.
pub(crate) struct Peers {
    /// This node and its hub, where it holds sockets.
    own: Option<(NodeId, Arc<HubHandle>)>,
    directory: AwsDirectory,
    identity: Option<Identity>,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<NodeId, Arc<Mutex<Peer>>>>,
}

/// Another node. Its lock also keeps batches to it in order.
#[derive(Default)]
struct Peer {
    connection: Option<SendRequest<Full<Bytes>>>,
    /// Not tried before then, milliseconds since 1970.
    rests_until: u64,
    /// Failures since it was told last: a machine that is gone answers nothing, and every try holds others up.
    failures: u32,
    /// Something was not told.
    missed: bool,
}

/// Why a node could not be told.
enum Trouble {
    /// It will not be there again.
    Gone,
    /// It may be told later.
    Unreachable(String),
}

impl Peers {
    pub(crate) fn new(
        own: Option<(NodeId, Arc<HubHandle>)>,
        directory: AwsDirectory,
        identity: Option<Identity>,
        clock: Arc<dyn Clock>,
    ) -> Peers {
        Peers { own, directory, identity, clock, known: Mutex::default() }
    }

    async fn peer(&self, node: NodeId) -> Arc<Mutex<Peer>> {
        let mut known = self.known.lock().await;
        if known.len() >= PEERS_MAX && !known.contains_key(&node) {
            let living = self.directory.living().await.unwrap_or_default();
            known.retain(|node, _| living.iter().any(|one| one.node == *node));
        }
        Arc::clone(known.entry(node).or_default())
    }

    /// Tells one node, in order, tried a few times.
    async fn tell(&self, node: NodeId, batch: &[Arc<Announcement>]) -> Result<(), PortError> {
        let peer = self.peer(node).await;
        let mut peer = peer.lock().await;
        if peer.rests_until > self.clock.now_ms() {
            peer.missed = true;
            metrics::counter!("dynamowave_node_skipped_total").increment(batch.len() as u64);
            return Ok(());
        }
        let pieces = wire::pieces(batch.iter().map(|announcement| &**announcement))
            .map_err(|error| PortError::new(ErrorKind::Internal, OPERATION).caused_by(error))?;
        // A body without any says so.
        let missed = peer.missed.then(Bytes::new);
        for piece in missed.into_iter().chain(pieces) {
            match self.deliver(node, &mut peer, &piece).await {
                Ok(()) => (peer.missed, peer.failures) = (false, 0),
                Err(Trouble::Gone) => {
                    self.known.lock().await.remove(&node);
                    return Ok(());
                }
                Err(Trouble::Unreachable(reason)) => {
                    if peer.failures == 0 {
                        tracing::warn!(%node, reason, "a node cannot be told; its clients will sync");
                    }
                    peer.missed = true;
                    peer.failures = peer.failures.saturating_add(1);
                    let rest_ms =
                        NODE_REST_MS << peer.failures.saturating_sub(1).min(NODE_REST_DOUBLINGS_MAX);
                    peer.rests_until = self.clock.now_ms() + rest_ms;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn deliver(&self, node: NodeId, peer: &mut Peer, piece: &Bytes) -> Result<(), Trouble> {
        let mut last = Trouble::Gone;
        // One that was not there last time is asked once.
        let tries = if peer.failures == 0 { NODE_TRIES_MAX } else { 1 };
        for _ in 0..tries {
            let limit = Duration::from_millis(NODE_TELL_MS + NODE_HANDSHAKE_MS);
            match tokio::time::timeout(limit, self.post(node, peer, piece.clone())).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(Trouble::Gone)) => return Err(Trouble::Gone),
                Ok(Err(trouble)) => last = trouble,
                Err(_) => last = Trouble::Unreachable("no answer in time".into()),
            }
            peer.connection = None;
        }
        Err(last)
    }

    async fn post(&self, node: NodeId, peer: &mut Peer, piece: Bytes) -> Result<(), Trouble> {
        let connection = match peer.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect(node).await?,
        };
        let connection = peer.connection.insert(connection);
        connection.ready().await.map_err(unreachable)?;
        let request =
            Request::post(format!("https://{NODE_NAME}{}", ROUTE.replace("{node}", &node.to_string())))
                .body(Full::new(piece))
                .map_err(unreachable)?;
        match connection.send_request(request).await.map_err(unreachable)?.status() {
            StatusCode::NO_CONTENT => Ok(()),
            StatusCode::GONE => Err(Trouble::Gone),
            status => Err(Trouble::Unreachable(format!("it answered {status}"))),
        }
    }

    async fn connect(&self, node: NodeId) -> Result<SendRequest<Full<Bytes>>, Trouble> {
        let living = self.directory.living().await.map_err(unreachable)?;
        // Who does not live any more has no sockets left.
        let found = living.into_iter().find(|one| one.node == node).ok_or(Trouble::Gone)?;
        let address: SocketAddr = found.address.and_then(|text| text.parse().ok()).ok_or(Trouble::Gone)?;
        let limit = Duration::from_millis(NODE_CONNECT_MS);
        let connected = tokio::time::timeout(limit, TcpStream::connect(address)).await;
        let stream = connected.map_err(unreachable)?.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        match &self.identity {
            Some(identity) => {
                let connector = TlsConnector::from(Arc::clone(&identity.client));
                speak(connector.connect(Identity::name(), stream).await.map_err(unreachable)?).await
            }
            None => speak(stream).await,
        }
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Full<Bytes>>, Trouble> {
    let (sender, connection) =
        handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(unreachable)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to another node ended");
        }
    });
    Ok(sender)
}

fn unreachable(error: impl std::fmt::Display) -> Trouble {
    Trouble::Unreachable(error.to_string())
}

#[async_trait]
impl Announcer for Peers {
    async fn announce(&self, node: NodeId, batch: Vec<Arc<Announcement>>) -> Result<(), PortError> {
        match &self.own {
            Some((own, hub)) if *own == node => hub.announce(node, batch).await,
            _ => self.tell(node, &batch).await,
        }
    }
}
