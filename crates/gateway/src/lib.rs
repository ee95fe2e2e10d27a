//! Steps 1 and 8 of a message's journey: sockets. Listen, TLS, upgrade, connection, hub, outbox, drain.
//! Knows no backend: everything durable is behind the ports of [`api::App`].
//!
//! A gateway is a number of shards, each a thread with its own single-threaded runtime, its own listener on the shared
//! port and its own tables; a message crosses threads only in ports and in the channel of announcements. Read in this
//! order: [`Gateway`], `shard`, `http`, `upgrade`, `connection` with `input` and `act` (what comes in), `intake`
//! (commands on their way to the queue), `hub` with `room` and `outgoing` with `outbox` (what goes out), `sync` and
//! `heal` (what was missed).

pub mod limits;
pub mod websocket;

mod act;
mod admission;
mod announcer;
mod bell;
mod claiming;
mod connection;
mod drain;
mod flood;
mod gateway;
mod grace;
mod heal;
mod heartbeat;
mod http;
mod hub;
mod input;
mod intake;
mod listener;
mod marks;
mod metrics;
mod news;
mod options;
mod outbox;
mod outgoing;
mod presence;
mod room;
mod shard;
mod stream;
mod sync;
mod tls;
mod upgrade;

pub use self::{
    announcer::{Hub, HubHandle, Inboxes, Shed},
    gateway::{Gateway, StartError},
    options::{ConnectionLimits, FrameRate, Options, TlsFiles},
    tls::TlsError,
};
