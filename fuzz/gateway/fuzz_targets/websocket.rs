//! Fuzzes the frames of clients: `cargo +nightly fuzz run --fuzz-dir fuzz/gateway websocket`.
//! The check is the one that replays the corpus as an ordinary test.
#![no_main]

#[path = "../../../crates/gateway/tests/harness/websocket.rs"]
mod websocket;

libfuzzer_sys::fuzz_target!(|input: &[u8]| websocket::check(input));
