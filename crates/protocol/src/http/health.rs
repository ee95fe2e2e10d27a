//! How the server is, in numbers, for the live charts of its admins.
//! Counts and durations only: no person, no conversation, no text (D7). Counts begin when the process does.

use chat::Epoch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalar::{Time, schema};

/// `GET /v1/admin/health`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthBody {
    /// Version of the program.
    pub version: String,
    /// When the process began.
    pub started_at: Time,
    /// For how long it runs.
    #[schemars(with = "schema::Milliseconds")]
    pub uptime_ms: u64,
    /// The generation of the history.
    #[schemars(with = "schema::Epoch")]
    pub epoch: Epoch,
    /// Open sockets.
    #[schemars(with = "schema::Count")]
    pub connections: u64,
    /// The two queues.
    pub queues: QueuesHealth,
    /// What has happened since the process began.
    pub totals: HealthTotals,
    /// How long things take, over about the last ten minutes.
    pub latencies: HealthLatencies,
    /// Memory of the process, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Count>")]
    pub memory_bytes: Option<u64>,
    /// The store on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Count>")]
    pub store_bytes: Option<u64>,
    /// The journal on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Count>")]
    pub journal_bytes: Option<u64>,
}

/// The two queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct QueuesHealth {
    /// Commands on their way to being applied.
    pub messages: QueueHealth,
    /// Events on their way to the nodes.
    pub notifications: QueueHealth,
}

/// One queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueHealth {
    /// Items not settled.
    #[schemars(with = "schema::Count")]
    pub depth: u64,
    /// Age of the oldest of them.
    #[schemars(with = "schema::Milliseconds")]
    pub age_ms: u64,
    /// Items given up.
    #[schemars(with = "schema::Count")]
    pub dead_letters: u64,
}

/// What has happened since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthTotals {
    /// Sockets opened.
    #[schemars(with = "schema::Count")]
    pub connections: u64,
    /// Commands made durable.
    #[schemars(with = "schema::Count")]
    pub accepted: u64,
    /// Commands refused by rule when they were sent.
    #[schemars(with = "schema::Count")]
    pub rejected: u64,
    /// Commands that became events.
    #[schemars(with = "schema::Count")]
    pub stored: u64,
    /// Events told to sockets.
    #[schemars(with = "schema::Count")]
    pub delivered: u64,
    /// Requests and frames answered with `slow_down`.
    #[schemars(with = "schema::Count")]
    pub slow_down: u64,
    /// Ephemeral frames that slow readers lost.
    #[schemars(with = "schema::Count")]
    pub dropped: u64,
    /// Items given up.
    #[schemars(with = "schema::Count")]
    pub dead_letters: u64,
    /// Requests over HTTP.
    #[schemars(with = "schema::Count")]
    pub requests: u64,
}

/// How long things take; absent while nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthLatencies {
    /// From a command's arrival until it is durable, half of them, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_p50_ms: Option<f64>,
    /// The same, 99 of 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_p99_ms: Option<f64>,
    /// From acceptance until the event is stored, half of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_p50_ms: Option<f64>,
    /// The same, 99 of 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_p99_ms: Option<f64>,
    /// From acceptance until the sockets are told, half of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_p50_ms: Option<f64>,
    /// The same, 99 of 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_p99_ms: Option<f64>,
}
