//! All routes, one module per kind of thing; each lists its endpoints first.
//! Invariant: a route exists only as an [`Endpoint`], so it is documented.

mod accounts;
mod admin;
mod conversations;
mod history;
mod invites;
mod marks;
mod members;
mod messages;
mod search;
mod sessions;
mod users;

use crate::endpoint::Endpoint;

/// Every endpoint, in the order of the document.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    [
        accounts::endpoints(),
        sessions::endpoints(),
        users::endpoints(),
        invites::endpoints(),
        conversations::endpoints(),
        members::endpoints(),
        history::endpoints(),
        messages::endpoints(),
        marks::endpoints(),
        search::endpoints(),
        admin::endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
