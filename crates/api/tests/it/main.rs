//! The routes, asked as clients ask them, over a real backend and the real pipeline.
//! Every answer in here is checked against the OpenAPI document, whatever the test is about.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the failure")]

mod accounts;
mod admin;
mod client;
mod conversations;
mod document;
mod every_route;
mod files;
mod headers;
mod messages;
mod preferences;
mod privacy;
mod schema;
mod search;
mod secrets;
mod sessions;
mod story;
mod world;
