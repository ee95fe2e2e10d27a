//! All routes, one module per kind of thing; each lists its endpoints first.
//! Invariant: a route exists only as an [`Endpoint`], so it is documented.

mod accounts;
mod admin;
mod attachments;
mod avatars;
mod conversations;
mod history;
mod invites;
mod marks;
mod members;
mod messages;
mod preferences;
mod search;
mod server;
mod sessions;
mod users;

pub use self::admin::{DeadLetters, Fate};
pub(crate) use self::{attachments::UPLOAD_PATH, avatars::AVATAR_PATH};
use crate::endpoint::Endpoint;

/// Every endpoint, in the order of the document.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    [
        server::endpoints(),
        accounts::endpoints(),
        avatars::endpoints(),
        preferences::endpoints(),
        sessions::endpoints(),
        users::endpoints(),
        invites::endpoints(),
        conversations::endpoints(),
        members::endpoints(),
        history::endpoints(),
        messages::endpoints(),
        marks::endpoints(),
        search::endpoints(),
        attachments::endpoints(),
        admin::endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
