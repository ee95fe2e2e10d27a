//! What admins, owners and the operator do: accounts and dead letters.
//! Shows no message text and no secret (D7).

mod dead_letters;
mod users;

use crate::endpoint::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = users::endpoints();
    endpoints.extend(dead_letters::endpoints());
    endpoints
}
