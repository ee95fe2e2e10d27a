//! Accounts, logins, tickets, people, invitations.
//! The only bodies that carry secrets: passwords and codes coming in, tokens, tickets and codes going out once (D7).

use std::fmt;

use chat::{AccountRole, InviteId, SessionId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preferences::UserStatus;
use crate::scalar::{Time, schema};

/// `POST /v1/accounts`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// 2 to 32 letters, digits, `.`, `-` and `_`.
    pub username: String,
    /// At least 8 characters, at most 256 bytes.
    pub password: String,
    /// The name others see; the username when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The code of an invitation, where one is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
}

/// `POST /v1/sessions`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Login {
    /// Whatever its case.
    pub username: String,
    /// The password.
    pub password: String,
}

/// The answer to a registration or a login.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedIn {
    /// Who.
    #[schemars(with = "schema::UserId")]
    pub user_id: UserId,
    /// For `Authorization: Bearer`; never shown again.
    pub token: String,
    /// This login.
    #[schemars(with = "schema::SessionId")]
    pub session_id: SessionId,
    /// Role on this server.
    pub role: ServerRole,
    /// When the login ends by itself.
    pub expires_at: Time,
}

/// What an account may do on the server as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ServerRole {
    /// Chats.
    Member,
    /// Also manages members and dead letters.
    Admin,
    /// Also manages admins.
    Owner,
}

/// One login, in `GET /v1/sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionItem {
    /// Which.
    #[schemars(with = "schema::SessionId")]
    pub session_id: SessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// What the client called itself.
    pub agent: String,
    /// When it began.
    pub created_at: Time,
    /// When it ends by itself.
    pub expires_at: Time,
}

/// `GET /v1/account`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountBody {
    /// Who.
    #[schemars(with = "schema::UserId")]
    pub user_id: UserId,
    /// Login name.
    pub username: String,
    /// The name others see.
    pub display_name: String,
    /// Role on this server.
    pub role: ServerRole,
    /// When it was made.
    pub created_at: Time,
    /// How they say they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<UserStatus>,
    /// Version of their picture, if they have one: opaque, another one for every new picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

/// `PATCH /v1/account`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountPatch {
    /// The new name others see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The new status as a whole: without emoji and text it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<UserStatus>,
}

/// `PUT /v1/account/password`. Ends all other logins.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordChange {
    /// The password of now.
    pub current: String,
    /// The new one.
    pub new: String,
}

/// `POST /v1/tickets`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketGranted {
    /// For `GET /v1/ws?ticket=`, once.
    pub ticket: String,
    /// How long it is good for.
    #[schemars(with = "schema::Milliseconds")]
    pub expires_in_ms: u64,
}

/// Somebody as others see them, in `GET /v1/users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserItem {
    /// Who.
    #[schemars(with = "schema::UserId")]
    pub user_id: UserId,
    /// Login name.
    pub username: String,
    /// The name others see.
    pub display_name: String,
    /// Whether the account is disabled; absent is no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// How they say they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<UserStatus>,
    /// Version of their picture, if they have one: `GET /v1/users/{id}/avatar?v=VERSION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

/// `POST /v1/invites`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteRequest {
    /// How long it is good for; 7 days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Milliseconds>")]
    pub expires_in_ms: Option<u64>,
    /// For how many registrations; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Count>")]
    pub uses: Option<u32>,
}

/// The answer to `POST /v1/invites`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteCreated {
    /// Which.
    #[schemars(with = "schema::InviteId")]
    pub invite_id: InviteId,
    /// To pass on; never shown again.
    pub code: String,
    /// When it ends.
    pub expires_at: Time,
}

/// An invitation, in `GET /v1/invites`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteItem {
    /// Which.
    #[schemars(with = "schema::InviteId")]
    pub invite_id: InviteId,
    /// Who made it.
    #[schemars(with = "schema::UserId")]
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// Registrations it is still good for.
    #[schemars(with = "schema::Count")]
    pub uses_left: u32,
}

impl From<AccountRole> for ServerRole {
    fn from(role: AccountRole) -> Self {
        match role {
            AccountRole::Member => ServerRole::Member,
            AccountRole::Admin => ServerRole::Admin,
            AccountRole::Owner => ServerRole::Owner,
        }
    }
}

impl From<ServerRole> for AccountRole {
    fn from(role: ServerRole) -> Self {
        match role {
            ServerRole::Member => AccountRole::Member,
            ServerRole::Admin => AccountRole::Admin,
            ServerRole::Owner => AccountRole::Owner,
        }
    }
}

/// Secrets never reach a log by `{:?}` (D7): these bodies show who, not the secret.
macro_rules! debug_without_secrets {
    ($($body:ident: $($shown:ident),*;)*) => {$(
        impl fmt::Debug for $body {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($body))$(.field(stringify!($shown), &self.$shown))*.finish_non_exhaustive()
            }
        }
    )*};
}

debug_without_secrets! {
    Registration: username, display_name;
    Login: username;
    LoggedIn: user_id, session_id, role, expires_at;
    PasswordChange: ;
    TicketGranted: expires_in_ms;
    InviteCreated: invite_id, expires_at;
}
