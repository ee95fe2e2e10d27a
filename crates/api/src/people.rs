//! Checks on the people whom a request names or who makes it, before anything is made durable.
//! Kind to the sender rather than safe: where a rule must hold, it is kept again where the change is applied. How many
//! conversations somebody is in is kept here alone, because no command sees more than its own conversation.

use chat::{Account, ConversationId, Profile, Refusal, UserId, limits::CONVERSATIONS_PER_USER_MAX};
use protocol::Code;

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

/// Accounts with what others see of them besides their names.
pub(crate) async fn with_profiles(
    app: &App,
    accounts: Vec<Account>,
) -> Result<Vec<(Account, Profile)>, Problem> {
    let users: Vec<UserId> = accounts.iter().map(|account| account.user).collect();
    Ok(accounts.into_iter().zip(app.store.profiles(&users).await?).collect())
}

/// What others see of somebody besides the name.
pub(crate) async fn profile_of(app: &App, user: UserId) -> Result<Profile, Problem> {
    Ok(app.store.profiles(&[user]).await?.pop().unwrap_or_default())
}

/// There is room for one more conversation.
///
/// # Errors
/// `too_many_conversations`.
pub(crate) async fn require_room(app: &App, user: UserId) -> Result<(), Problem> {
    if has_room(app, user).await? { Ok(()) } else { Err(Refusal::TooManyConversations.into()) }
}

/// There is room for one more conversation with each of the people named. Somebody who is a member already needs none.
///
/// # Errors
/// `too_many_conversations` in the field that names them.
pub(crate) async fn require_room_for_all(
    app: &App,
    users: &[UserId],
    conversation: Option<ConversationId>,
    field: &'static str,
) -> Result<(), Problem> {
    for user in users {
        if has_room(app, *user).await? {
            continue;
        }
        let is_member = match conversation {
            Some(conversation) => app.store.member(conversation, *user).await?.is_some(),
            None => false,
        };
        if !is_member {
            let detail = "Somebody you named is in as many conversations as one account can be (10,000).";
            return Err(Problem::new(Code::TooManyConversations, detail).in_field(field));
        }
    }
    Ok(())
}

async fn has_room(app: &App, user: UserId) -> Result<bool, Problem> {
    Ok(app.store.membership_count(user).await? < CONVERSATIONS_PER_USER_MAX)
}
