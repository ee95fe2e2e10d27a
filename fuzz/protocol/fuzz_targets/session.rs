//! Any sequence of inputs to a session: the invariants of `protocol::session` hold.
//! The check itself is the one that ordinary tests run over the kept corpus.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../crates/protocol/tests/it/checks.rs"]
#[allow(dead_code)]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::session(bytes));
