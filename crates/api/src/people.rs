//! Checks on the people whom a request names or who makes it, before anything is made durable.
//! Kind to the sender rather than safe: where a rule must hold, it is kept again where the change is applied.

use chat::{Refusal, UserId, limits::CONVERSATIONS_PER_USER_MAX};

use crate::{App, Problem};

/// All of them have accounts.
///
/// # Errors
/// `user_not_found` in the field that names them.
pub(crate) async fn require_accounts(
    app: &App,
    users: &[UserId],
    field: &'static str,
) -> Result<(), Problem> {
    for user in users {
        if app.store.account(*user).await?.is_none() {
            return Err(Problem::from(Refusal::UserNotFound).in_field(field));
        }
    }
    Ok(())
}

/// There is room for one more conversation.
///
/// # Errors
/// `too_many_conversations`.
pub(crate) async fn require_room(app: &App, user: UserId) -> Result<(), Problem> {
    let memberships = app.store.memberships(user).await?;
    if memberships.len() < CONVERSATIONS_PER_USER_MAX {
        Ok(())
    } else {
        Err(Refusal::TooManyConversations.into())
    }
}
