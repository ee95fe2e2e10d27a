//! What a client may know of a server before anybody has logged in.
//! Names no person and no number of them (D7).

use chat::RegistrationPolicy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalar::schema;

/// `GET /v1/server`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerBody {
    /// What the server is called.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Who may register.
    pub registration: Registering,
    /// Whether nobody has registered yet: who comes first owns the server.
    pub needs_owner: bool,
    /// Bounds of files.
    pub attachments: AttachmentLimits,
    /// Longest body of a message, bytes of UTF-8.
    #[schemars(with = "schema::Count")]
    pub body_max_bytes: u64,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RegistrationPolicy")]
pub enum Registering {
    /// Anybody who reaches the server.
    Open,
    /// Who holds an invitation.
    Invite,
    /// Nobody.
    Closed,
}

/// Bounds of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentLimits {
    /// Largest file, bytes.
    #[schemars(with = "schema::Count")]
    pub size_max_bytes: u64,
    /// Files with one message.
    #[schemars(with = "schema::Count")]
    pub per_message_max: u64,
    /// Media types that may be uploaded; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<String>>,
}

impl From<RegistrationPolicy> for Registering {
    fn from(policy: RegistrationPolicy) -> Self {
        match policy {
            RegistrationPolicy::Open => Registering::Open,
            RegistrationPolicy::Invite => Registering::Invite,
            RegistrationPolicy::Closed => Registering::Closed,
        }
    }
}
