//! Moving in and out: what a home that was exported held becomes records of this journal, and rows from them (D8).
//! Knows no folder of an export. Invariant: a data folder that is half taken in opens for taking in alone.

use std::sync::Arc;

use async_trait::async_trait;
use chat::{
    Announcement, ConversationId, ConversationPreferences, Epoch, Kept, Portable, PortableMember, UserId,
    account::username_key,
    ports::{Arrival, ErrorKind, Moving, PortError},
};
use thiserror::Error;

use crate::{
    apply,
    codec::{StoredMember, decode},
    core::Core,
    error::Fault,
    keys::{self, Keyspace},
    record::{Import, Record, StoredArrival},
};

/// The port.
pub(crate) struct EmbeddedMoving(pub(crate) Arc<Core>);

/// Why a record cannot be taken in.
#[derive(Debug, Error)]
#[error("a record of {kind} holds a {what} that is longer than it can be")]
struct TooLong {
    kind: &'static str,
    what: &'static str,
}

/// Kinds of rows of which a vacant home has none.
const LIVED_IN: [Keyspace; 5] =
    [Keyspace::Account, Keyspace::Invite, Keyspace::Conversation, Keyspace::Upload, Keyspace::Dead];

#[async_trait]
impl Moving for EmbeddedMoving {
    async fn kept(&self, user: UserId) -> Result<Kept, PortError> {
        self.0.kept(user).map_err(|fault| fault.at("moving.kept (embedded)"))
    }

    async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<PortableMember>, PortError> {
        let members = self.0.portable_members(conversation, after, limit);
        members.map_err(|fault| fault.at("moving.members (embedded)"))
    }

    async fn arrival(&self) -> Result<Option<Arrival>, PortError> {
        let stored = apply::arrival(&self.0).map_err(|fault| fault.at("moving.arrival (embedded)"))?;
        Ok(stored.map(|StoredArrival { export, batches, is_finished }| Arrival {
            export,
            batches,
            is_finished,
        }))
    }

    async fn is_vacant(&self) -> Result<bool, PortError> {
        for kind in LIVED_IN {
            let first = self.0.engine.prefix(&keys::Key::new(kind)).next().transpose();
            if first.map_err(|fault| fault.at("moving.is_vacant (embedded)"))?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn begin(&self, export: u128, epoch: Epoch) -> Result<(), PortError> {
        const OPERATION: &str = "moving.begin (embedded)";
        if self.0.epoch != epoch {
            // A history has its epoch from its first record on.
            return Err(PortError::new(ErrorKind::Invalid, OPERATION));
        }
        self.write(Import::Begin(export), OPERATION).await?;
        match self.arrival().await? {
            Some(arrival) if arrival.export == export => Ok(()),
            _ => Err(PortError::new(ErrorKind::Conflict, OPERATION)),
        }
    }

    async fn take_in(&self, records: Vec<Portable>) -> Result<(), PortError> {
        const OPERATION: &str = "moving.take_in (embedded)";
        if let Some(wrong) = records.iter().find_map(too_long) {
            return Err(PortError::new(ErrorKind::Invalid, OPERATION).caused_by(wrong));
        }
        if !self.0.engine.room().await {
            return Err(Fault::Stopped.at(OPERATION));
        }
        self.write(Import::Records(records), OPERATION).await
    }

    async fn reached(&self, batches: u64) -> Result<(), PortError> {
        self.write(Import::Reached(batches), "moving.reached (embedded)").await
    }

    async fn finish(&self) -> Result<(), PortError> {
        self.write(Import::Finish, "moving.finish (embedded)").await
    }
}

impl EmbeddedMoving {
    async fn write(&self, import: Import, operation: &'static str) -> Result<(), PortError> {
        self.0.check_running(operation)?;
        self.0.change(Record::Import(import)).await.map(drop).map_err(|fault| fault.at(operation))
    }
}

impl Core {
    fn kept(&self, user: UserId) -> Result<Kept, Fault> {
        let mut kept = Kept::default();
        for pair in self.engine.prefix(&keys::conversations_preferred(user)) {
            let (key, value) = pair?;
            let preferences: ConversationPreferences = decode("preferences", &value)?;
            kept.conversations.push((ConversationId::from_bytes(keys::id(&key, 17)), preferences));
        }
        for pair in self.engine.prefix(&keys::failures(user)) {
            let failure: (u64, Announcement) = decode("failure", &pair?.1)?;
            kept.failures.push(failure);
        }
        Ok(kept)
    }

    fn portable_members(
        &self,
        id: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<PortableMember>, Fault> {
        let Some(first) = after.map_or(Some(0), |after| after.as_u128().checked_add(1)) else {
            return Ok(Vec::new());
        };
        let (all, first) = (keys::members(id), keys::member(id, UserId::from_u128(first)));
        let mut members = Vec::new();
        for pair in self.engine.range::<&[u8], _>(&first[..]..) {
            let (key, value) = pair?;
            if members.len() >= limit || !key.starts_with(&all) {
                break;
            }
            let user = UserId::from_bytes(keys::id(&key, all.len()));
            let StoredMember { membership, joined_ordinal } = decode("member", &value)?;
            let mark = self.engine.get(&keys::mark(id, user))?;
            let mark = mark.map(|bytes| decode("mark", &bytes)).transpose()?.unwrap_or_default();
            members.push(PortableMember { user, membership, joined_ordinal, mark });
        }
        Ok(members)
    }
}

/// What would not fit into a key.
fn too_long(record: &Portable) -> Option<TooLong> {
    let what = match record {
        Portable::Person(person) => {
            let is_long = username_key(&person.account.username).len() > keys::TEXT_BYTES_MAX;
            is_long.then_some("username")
        }
        Portable::Reactions { reactions, .. } => {
            let is_long = reactions.iter().any(|(_, _, emoji)| emoji.len() > keys::TEXT_BYTES_MAX);
            is_long.then_some("reaction")
        }
        _ => None,
    };
    what.map(|what| TooLong { kind: record.kind(), what })
}
