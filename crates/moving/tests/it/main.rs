//! Moving between two embedded homes through a folder: whole, interrupted, damaged, refused.
//! The same with a home on AWS in between is in `backend-aws`, and with real processes and clients in `cli`.

#![allow(clippy::unwrap_used, reason = "a test says by panicking that it failed")]

mod damaged;
mod interrupted;
mod refused;
mod support;
mod whole;
