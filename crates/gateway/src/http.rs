//! HTTP on a connection: every request goes to the routes, except the one that opens a WebSocket and takes the
//! connection with it.
//! Knows no route but that one.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::poll_fn,
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    time::Duration,
};

use api::{Problem, RemoteAddress, request_ms};
use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use hyper::{Request, body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::Code;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};
use tower::Service as _;

use crate::{
    admission::Seat,
    limits::{REQUEST_HEAD_BYTES_MAX, REQUEST_HEAD_MS, REQUEST_MS, TLS_HANDSHAKE_MS},
    shard::{Course, Shard},
    stream::Stream,
    upgrade::{self, Upgrade},
};

/// The route of the WebSocket.
const SOCKET_PATH: &str = "/v1/ws";

/// Serves a connection that was just accepted, as a task of its own.
pub(crate) fn start(shard: &Rc<Shard>, stream: TcpStream, peer: SocketAddr) {
    shard.out.stats.accepted_sockets.add(1);
    // IPv4 through an IPv6 socket is IPv4 to everybody who counts or trusts addresses.
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    match shard.admission.seat(peer.ip()) {
        Ok(seat) => {
            let shard = Rc::clone(shard);
            tokio::task::spawn_local(Box::pin(secure(shard, stream, peer, seat)));
        }
        // Closing costs less than saying why, and there is no telling yet what is spoken.
        Err(_) => shard.out.stats.refused_sockets.add(1),
    }
}

async fn secure(shard: Rc<Shard>, stream: TcpStream, peer: SocketAddr, seat: Seat) {
    let stream = match &shard.tls {
        None => Stream::Plain(stream),
        Some(tls) => {
            let handshake = Box::pin(tls.accept(stream));
            match timeout(Duration::from_millis(TLS_HANDSHAKE_MS), handshake).await {
                Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
                Ok(Err(error)) => return tracing::debug!(%error, %peer, "TLS handshake failed"),
                Err(_) => return tracing::debug!(%peer, "TLS handshake took too long"),
            }
        }
    };
    shard.http_open.set(shard.http_open.get() + 1);
    serve(&shard, stream, peer, seat).await;
    shard.http_open.set(shard.http_open.get() - 1);
}

/// Answers requests until the connection ends or becomes a WebSocket.
async fn serve(shard: &Rc<Shard>, stream: Stream, peer: SocketAddr, seat: Seat) {
    let upgrade: Rc<RefCell<Option<Upgrade>>> = Rc::default();
    let routes = Routes { shard: Rc::clone(shard), peer, upgrade: Rc::clone(&upgrade) };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(REQUEST_HEAD_MS))
        .max_buf_size(REQUEST_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), routes);
    let mut course = shard.course.clone();
    let ended = {
        let mut drained = pin!(course.wait_for(|course| *course != Course::Running));
        let mut draining = false;
        poll_fn(|cx| {
            if !draining && drained.as_mut().poll(cx).is_ready() {
                draining = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            connection.poll_without_shutdown(cx)
        })
        .await
    };
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    match (ended, upgrade.take()) {
        (Ok(()), Some(upgrade)) => upgrade::open(shard, upgrade, stream, parts.read_buf, seat),
        (Ok(()), None) => drop(stream.shutdown().await),
        (Err(error), _) => tracing::debug!(%error, %peer, "HTTP connection ended"),
    }
}

/// What hyper asks for an answer.
struct Routes {
    shard: Rc<Shard>,
    peer: SocketAddr,
    /// Where the request that opens a WebSocket leaves what it was about.
    upgrade: Rc<RefCell<Option<Upgrade>>>,
}

impl hyper::service::Service<Request<Incoming>> for Routes {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let shard = Rc::clone(&self.shard);
        if request.uri().path() == SOCKET_PATH {
            let (peer, kept) = (self.peer, Rc::clone(&self.upgrade));
            return Box::pin(async move {
                let (parts, _) = request.into_parts();
                let (response, upgrade) = upgrade::answer(&shard, &parts, peer).await;
                *kept.borrow_mut() = upgrade;
                Ok(response)
            });
        }
        request.extensions_mut().insert(RemoteAddress(self.peer.ip()));
        let mut router = shard.router.clone();
        Box::pin(async move {
            let time_ms = request_ms(request.method(), request.uri().path(), REQUEST_MS);
            let answered = timeout(Duration::from_millis(time_ms), router.call(request)).await;
            Ok(match answered {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => Problem::new(Code::Timeout, "The request took too long.").into_response(),
            })
        })
    }
}
