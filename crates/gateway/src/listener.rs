//! Step 1: listening sockets, one per shard on the same port, between which the kernel spreads connections.
//! Decides nothing about a connection but how fast it is accepted.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    limits::{ACCEPT_RETRY_MS, BACKLOG},
    options::Options,
};

/// Opens `count` listeners on one address. Accepted sockets inherit their options, which saves system calls each.
pub(crate) fn bind(options: &Options, count: usize) -> io::Result<Vec<StdListener>> {
    let mut address = options.listen;
    let mut listeners = Vec::with_capacity(count);
    for _ in 0..count {
        let listener = open(address, options.send_buffer_bytes)?;
        // The first took a free port when 0 was asked; the others share it.
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn open(address: SocketAddr, send_buffer_bytes: usize) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(send_buffer_bytes)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG.cast_signed())?;
    Ok(socket.into())
}

/// Accepts for one shard at a bounded rate.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listener: TcpListener,
    per_second: f64,
    tokens: f64,
    refilled_at: Instant,
}

impl Acceptor {
    /// Takes over a listener; call it inside the shard's runtime.
    pub(crate) fn new(listener: StdListener, accepts_per_second: u32, now: Instant) -> io::Result<Acceptor> {
        let per_second = f64::from(accepts_per_second.max(1));
        let listener = TcpListener::from_std(listener)?;
        Ok(Acceptor { listener, per_second, tokens: per_second, refilled_at: now })
    }

    /// The next connection. Errors are waited out: those of one connection are its own, a process without
    /// descriptors has to wait until some are free. Safe to cancel.
    pub(crate) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            self.take_token().await;
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections at the moment");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await;
                }
            }
        }
    }

    async fn take_token(&mut self) {
        loop {
            let now = Instant::now();
            let elapsed = now.saturating_duration_since(self.refilled_at).as_secs_f64();
            self.refilled_at = now;
            self.tokens = (self.tokens + elapsed * self.per_second).min(self.per_second);
            if self.tokens >= 1.0 {
                self.tokens -= 1.0;
                return;
            }
            tokio::time::sleep(Duration::from_secs_f64((1.0 - self.tokens) / self.per_second)).await;
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
