//! How a gateway is set up.
//! Every field has a default fit for one machine; nothing here is read from files or the environment.

use std::{net::SocketAddr, path::PathBuf, thread};

use axum::Router;

use crate::{limits, outbox::Bounds};

/// Set-up of a [`crate::Gateway`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Threads with a runtime each; 0 means one per core.
    pub shards: usize,
    /// Speak TLS. Without it a gateway listens on loopback only, unless `plaintext_anywhere` says otherwise.
    pub tls: Option<TlsFiles>,
    /// Listen without TLS on other addresses than loopback: for a proxy that ends TLS on the same private network.
    pub plaintext_anywhere: bool,
    /// Routes besides those of the chat: health, metrics, the web app.
    pub extra_router: Option<Router>,
    /// Serves every path outside `/v1` that `extra_router` does not; without it they are told that there is nothing.
    pub pages: Option<Router>,
    /// Proxies whose connections are not counted per address.
    pub trusted_proxies: Vec<api::Network>,
    /// How many connections.
    pub connections: ConnectionLimits,
    /// How fast one connection may send frames.
    pub frames: FrameRate,
    /// Bytes waiting for one connection above which ephemeral frames are left out.
    pub outbox_soft_bytes: usize,
    /// Bytes waiting for one connection above which it is closed as too slow.
    pub outbox_hard_bytes: usize,
    /// What the kernel may hold of one connection's unread output, bytes; Linux doubles it.
    pub send_buffer_bytes: usize,
    /// A connection whose socket takes nothing for so long is closed, milliseconds.
    pub stall_ms: u64,
    /// Between two pings of an idle connection, milliseconds.
    pub heartbeat_ms: u64,
    /// Between two flushes of read and delivered marks, milliseconds.
    pub marks_flush_ms: u64,
    /// How long a connection that says nothing waits for its `sync`, milliseconds.
    pub sync_grace_ms: u64,
    /// Time for a drain, milliseconds.
    pub drain_ms: u64,
    /// The longest wait a drained client is told before it reconnects, milliseconds; each gets a random part.
    pub reconnect_spread_ms: u64,
    /// What `hello` says about sending: (steady rate per second, burst), as the rate limiter was set up.
    pub send_rate: (u32, u32),
}

/// PEM files of a certificate, read again when they change; or, instead of a path, the PEM text itself.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, and those that sign it up to the root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How many connections at a time.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// All of them, HTTP included.
    pub total: usize,
    /// WebSockets of one user.
    pub per_user: usize,
    /// From one address that is neither loopback nor a trusted proxy.
    pub per_address: usize,
    /// Accepted per second and shard.
    pub accepts_per_second: u32,
}

/// A steady rate of frames with room for bursts.
#[derive(Debug, Clone, Copy)]
pub struct FrameRate {
    /// Frames per second.
    pub per_second: u32,
    /// Frames at once after a rest.
    pub burst: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            shards: 0,
            tls: None,
            plaintext_anywhere: false,
            extra_router: None,
            pages: None,
            trusted_proxies: Vec::new(),
            connections: ConnectionLimits::default(),
            frames: FrameRate::default(),
            outbox_soft_bytes: limits::OUTBOX_SOFT_BYTES,
            outbox_hard_bytes: limits::OUTBOX_HARD_BYTES,
            send_buffer_bytes: limits::SEND_BUFFER_BYTES,
            stall_ms: limits::STALL_MS,
            heartbeat_ms: protocol::limits::HEARTBEAT_MS_DEFAULT,
            marks_flush_ms: limits::MARKS_FLUSH_MS,
            sync_grace_ms: protocol::limits::SYNC_GRACE_MS,
            drain_ms: limits::DRAIN_MS,
            reconnect_spread_ms: limits::RECONNECT_SPREAD_MS,
            send_rate: (50, 500),
        }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            total: limits::CONNECTIONS_MAX,
            per_user: limits::CONNECTIONS_PER_USER_MAX,
            per_address: limits::CONNECTIONS_PER_ADDRESS_MAX,
            accepts_per_second: limits::ACCEPTS_PER_SECOND,
        }
    }
}

impl Default for FrameRate {
    fn default() -> Self {
        Self { per_second: limits::FRAMES_PER_SECOND, burst: limits::FRAMES_BURST }
    }
}

impl Options {
    /// How many shards these options ask for.
    #[must_use]
    pub fn shard_count(&self) -> usize {
        let wanted = match self.shards {
            0 => thread::available_parallelism().map_or(1, std::num::NonZero::get),
            some => some,
        };
        wanted.clamp(1, limits::SHARDS_MAX)
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { soft_bytes: self.outbox_soft_bytes, hard_bytes: self.outbox_hard_bytes }
    }
}
