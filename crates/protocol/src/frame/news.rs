//! What a server tells besides the log: typing, presence, marks, changed preferences.
//! Each says how something is now, so that missing one costs nothing but a moment.

use chat::{ConversationId, Seq, UserId, announcement::Presence};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalar::{Time, schema};

/// `typing`: shown for a few seconds, unless it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Typing {
    /// Where.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Who.
    #[schemars(with = "schema::UserId")]
    pub user_id: UserId,
}

/// `presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PresenceFrame {
    /// The people watched whose state is told, at most 250.
    pub users: Vec<UserPresence>,
}

/// How somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserPresence {
    /// Who.
    #[schemars(with = "schema::UserId")]
    pub user_id: UserId,
    /// How.
    pub status: PresenceStatus,
    /// When they were last connected: for who is offline, if they ever were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Time>,
}

/// Whether somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PresenceStatus {
    /// Connected and active on some device.
    Online,
    /// Connected, active on no device.
    Away,
    /// Not connected.
    Offline,
}

/// `marks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Marks {
    /// Where.
    #[schemars(with = "schema::ConversationId")]
    pub conversation_id: ConversationId,
    /// Whose.
    #[schemars(with = "schema::UserId")]
    pub user_id: UserId,
    /// Everything up to here is read.
    #[schemars(with = "schema::Seq")]
    pub read_seq: Seq,
    /// Everything up to here has arrived on a device.
    #[schemars(with = "schema::Seq")]
    pub delivered_seq: Seq,
}

/// `preferences`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreferencesChanged {
    /// Those of this conversation; the general ones when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::ConversationId>")]
    pub conversation_id: Option<ConversationId>,
}

impl UserPresence {
    /// How somebody is, on the wire.
    #[must_use]
    pub fn of(user_id: UserId, presence: Presence) -> UserPresence {
        let (status, last_seen) = match presence {
            Presence::Online => (PresenceStatus::Online, None),
            Presence::Away => (PresenceStatus::Away, None),
            Presence::Offline { last_seen } => (PresenceStatus::Offline, last_seen.map(Time::from_ms)),
        };
        UserPresence { user_id, status, last_seen }
    }
}
