//! Fuzzes recovery from arbitrary segment bytes: `cargo +nightly fuzz run --fuzz-dir fuzz/journal recovery`.
//! The check is the one that replays the corpus as an ordinary test.
#![no_main]

#[path = "../../../crates/journal/tests/harness/recovery.rs"]
mod recovery;

libfuzzer_sys::fuzz_target!(|input: &[u8]| recovery::check(input));
