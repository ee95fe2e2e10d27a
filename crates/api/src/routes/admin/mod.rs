//! What admins, owners and the operator do: accounts, conversations, health and dead letters.
//! Shows no message text and no secret (D7).

mod conversations;
mod dead_letters;
mod health;
mod users;

pub use self::dead_letters::{DeadLetters, Fate};
use crate::endpoint::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = users::endpoints();
    endpoints.extend(conversations::endpoints());
    endpoints.extend(health::endpoints());
    endpoints.extend(dead_letters::endpoints());
    endpoints
}
