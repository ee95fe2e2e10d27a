//! Any bytes as a server's frame: read or refused, and what is read can be written and read again.
//! The check itself is the one that ordinary tests run over the kept corpus.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../crates/protocol/tests/it/checks.rs"]
#[allow(dead_code)]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::server_frame(bytes));
