//! The embedded backend against its ports and guarantees.
//! Real files in temporary folders; time and randomness are given.

mod basics;
mod chaos;
mod erasure;
mod memory;
mod order;
mod suites;
mod support;
