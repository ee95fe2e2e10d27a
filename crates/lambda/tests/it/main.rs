//! The functions as they are deployed, in an emulator of the services on this machine, with real sockets as clients:
//! from registration over HTTP to an event on another socket (D1 to D5, P70 to P73).
//! `make test-aws` starts the emulator; nothing here can reach an account of AWS.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, shared by the modules of one binary"
)]

mod archive;
mod client;
mod cost;
mod counting;
mod emulator;
mod failures;
mod http1;
mod journeys;
mod processor;
mod proxy;
mod stack;
