//! Integration tests: the generator against real sockets, and above all that it notices what it is there to notice.
//! The server is the bare chat, honest or lying on purpose; no test waits for a length of time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod client;
mod notice;
mod paper;
mod shapes;
