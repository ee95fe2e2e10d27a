//! Tests of the wire as a client and a server see it. Names begin with the rule of `docs/protocol.md` they prove.
//! Nothing here opens a socket: the crate does no I/O, and neither do its tests, but for reading the documents.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod any;
mod checks;
mod client_frames;
mod codes;
mod corpus;
mod documents;
mod history;
mod server_frames;
mod sessions;
mod sizes;
