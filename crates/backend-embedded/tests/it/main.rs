//! The embedded backend against its ports and guarantees.
//! Real files in temporary folders; time and randomness are given.

#![allow(clippy::unwrap_used, reason = "a test says by panicking that it failed")]

mod basics;
mod chaos;
mod erasure;
mod files;
mod fixture;
mod memory;
mod order;
mod restoring;
mod search;
mod suites;
mod support;
