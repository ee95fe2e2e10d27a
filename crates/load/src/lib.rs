//! `dynamowave-load`: measures a chat server from outside, and fails when a message is lost, doubled or out of order.
//! Knows the wire protocol alone, nothing of the server's inside; whatever runs here must cost far less than the server.

#![allow(clippy::cast_precision_loss, reason = "figures for people have three significant digits")]

pub mod args;
pub mod bench;
pub mod client;
pub mod clock;
pub mod engine;
mod error;
pub mod limit;
pub mod limits;
pub mod measure;
pub mod population;
pub mod report;
mod run;
pub mod scenario;
pub mod server;
pub mod traffic;

pub use self::error::{Context, LoadError, Result};
