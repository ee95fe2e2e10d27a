//! Values as bytes: postcard, and the shapes that are stored instead of the types of `chat`.
//! Stored: fields and variants are only ever appended, see `docs/storage-format.md`.

use chat::{
    CommandId, Envelope, Event, EventKind, Membership, MessageState, Meta, Row, Seq, TimestampMs, UserId,
    Version, ids::ConversationId,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::Fault;

/// A row of the log without what its key says already.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredRow {
    at: TimestampMs,
    actor: UserId,
    command_id: CommandId,
    kind: EventKind,
    ordinal: u64,
    message: Option<MessageState>,
}

/// The borrowed twin of [`StoredRow`], for writing.
#[derive(Serialize)]
struct RowRef<'a> {
    at: TimestampMs,
    actor: UserId,
    command_id: CommandId,
    kind: &'a EventKind,
    ordinal: u64,
    message: &'a Option<MessageState>,
}

/// A superseded body without what its key says already.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredVersion {
    at: TimestampMs,
    body: String,
}

/// A membership with the message count at its beginning, so that unread counts need no row (D9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredMember {
    pub(crate) membership: Membership,
    pub(crate) joined_ordinal: u64,
}

/// A conversation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredConversation {
    pub(crate) meta: Meta,
    /// Position of the journal record that took effect in it last.
    pub(crate) applied: u64,
}

/// The borrowed twin of [`StoredConversation`], for writing.
#[derive(Serialize)]
pub(crate) struct ConversationRef<'a> {
    pub(crate) meta: &'a Meta,
    pub(crate) applied: u64,
}

/// A command that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredCommand {
    /// Its event.
    pub(crate) seq: Seq,
    /// The queue item that brought it, 0 if none did: a resend is another item.
    pub(crate) item: u64,
}

/// A dead letter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredDead {
    pub(crate) envelope: Envelope,
    pub(crate) reason: String,
    pub(crate) attempts: u32,
    pub(crate) first_failed_at: TimestampMs,
    pub(crate) last_failed_at: TimestampMs,
}

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("invariant: everything stored has a known length")
}

pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, Fault> {
    postcard::from_bytes(bytes).map_err(|source| Fault::Decode { what, source })
}

pub(crate) fn encode_row(row: &Row) -> Vec<u8> {
    encode(&RowRef {
        at: row.event.at,
        actor: row.event.actor,
        command_id: row.event.command_id,
        kind: &row.event.kind,
        ordinal: row.ordinal,
        message: &row.message,
    })
}

pub(crate) fn decode_row(conversation: ConversationId, seq: Seq, bytes: &[u8]) -> Result<Row, Fault> {
    let StoredRow { at, actor, command_id, kind, ordinal, message } = decode("row", bytes)?;
    Ok(Row { event: Event { conversation, seq, at, actor, command_id, kind }, ordinal, message })
}

pub(crate) fn encode_version(version: &Version) -> Vec<u8> {
    encode(&(version.at, version.body.as_str()))
}

pub(crate) fn decode_version(target: Seq, number: u32, bytes: &[u8]) -> Result<Version, Fault> {
    let StoredVersion { at, body } = decode("version", bytes)?;
    Ok(Version { target, number, at, body })
}
