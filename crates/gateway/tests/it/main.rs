//! Real sockets against a gateway over a real backend, spoken to by another WebSocket implementation.
//! One binary; each module is one matter. Nothing here sleeps to wait for something: it reads until it comes.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, shared by the modules of one binary"
)]

mod bounds;
mod client;
mod corpus;
mod encrypted;
mod framing;
#[path = "../harness/websocket.rs"]
mod harness;
mod leaving;
mod news;
mod opening;
mod routes;
mod sending;
mod syncing;
mod violations;
mod world;
