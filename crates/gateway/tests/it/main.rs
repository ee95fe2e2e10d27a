//! Real sockets against a gateway over a real backend, spoken to by another WebSocket implementation.
//! One binary; each module is one matter. Nothing here sleeps to wait for something: it reads until it comes.

#![allow(unreachable_pub, reason = "helpers are shared by the modules of one binary")]

mod client;
mod framing;
mod opening;
mod sending;
mod syncing;
mod violations;
mod world;
