//! The journal's tests over its public interface: one binary.
//! Guarantee ids (D1, D3, D6, D8) stand where a test proves one.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod basics;
mod copying;
mod crashes;
mod damage;
#[path = "../harness/recovery.rs"]
mod recovery;
mod stored;
mod support;
