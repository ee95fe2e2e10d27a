//! The HTTP interface: accounts, sessions, conversations, history, presence and administration as an axum router over
//! the ports of `chat`. Listens to nothing, spawns no server and knows no backend: it runs behind our gateway and behind
//! a function's HTTP adapter alike.
//!
//! [`router`] is everything under `/v1` except `/v1/ws`; [`authenticate`] tells who opens a socket; [`RateLimits`] are
//! shared with the sockets. Whoever accepts a connection puts a [`RemoteAddress`] into each request's extensions.

mod address;
mod app;
mod auth;
mod claim;
mod command;
mod endpoint;
mod etag;
mod extract;
mod files;
mod headers;
pub mod limits;
mod meters;
mod openapi;
mod origin;
mod page;
mod password;
mod people;
mod problem;
mod rate;
mod router;
mod routes;
mod secret;
mod session_cache;
mod view;

pub use self::{
    address::{Network, NotANetwork, RemoteAddress, client_address},
    app::{App, Options, ReadVitals, Vitals},
    auth::{Authenticated, By, SESSION_COOKIE, authenticate},
    claim::{Unclaimed, claim},
    files::{FileOptions, Files, Swept},
    password::{PasswordError, PasswordOptions, Passwords, Verdict},
    problem::Problem,
    rate::{Rate, RateLimits, RateOptions, SlowDown},
    router::{openapi_document, request_ms, router},
    routes::{DeadLetters, Fate},
    secret::{TOKEN_PREFIX, hash_of},
    session_cache::SessionCache,
};
