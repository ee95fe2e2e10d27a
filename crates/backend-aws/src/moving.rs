//! Moving in and out: the port over the durable table, with one item that says what is taken in and how far.
//! Invariant: an installation that is half taken in opens for taking in alone.

use std::sync::Arc;

use async_trait::async_trait;
use chat::{
    ConversationId, Epoch, Kept, Portable, PortableMember, UserId,
    ports::{Arrival, ErrorKind, Moving, PortError},
};
use thiserror::Error;

use crate::{
    codec::{from_hex, hex},
    error::plain,
    item::{Attributes, Item, Write, number, number_of, text, text_of},
    keys,
    store::Core,
    table::{Range, Transacted},
};

/// The export's id.
const EXPORT: &str = "x";
/// Batches that are in.
const BATCHES: &str = "b";
/// Whether all is in.
const FINISHED: &str = "f";

/// The port.
pub(crate) struct AwsMoving(pub(crate) Arc<Core>);

/// Why an installation cannot be served.
#[derive(Debug, Error)]
#[error(
    "an import into these tables is not finished: run the same `dynamowave import` again, it goes on where it ended"
)]
struct Unfinished;

#[async_trait]
impl Moving for AwsMoving {
    async fn kept(&self, user: UserId) -> Result<Kept, PortError> {
        self.0.kept(user).await
    }

    async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<PortableMember>, PortError> {
        self.0.portable_members(conversation, after, limit).await
    }

    async fn arrival(&self) -> Result<Option<Arrival>, PortError> {
        self.0.table.get(&keys::arrival()).await?.as_ref().map(arrival_of).transpose()
    }

    async fn is_vacant(&self) -> Result<bool, PortError> {
        let is_there = |range: Range| async move { Ok(!self.0.table.query(&range, 1).await?.is_empty()) };
        if self.0.has_accounts().await?
            || is_there(Range::prefix(keys::INVITES, "")).await?
            || is_there(Range::prefix(keys::dead_letters(crate::queue::MESSAGES), "")).await?
        {
            return Ok(false);
        }
        Ok(self.0.conversations(None, 1).await?.is_empty() && self.0.loose_uploads(None, 1).await?.is_empty())
    }

    async fn begin(&self, export: u128, epoch: Epoch) -> Result<(), PortError> {
        let arrival = Item::new(keys::arrival()).with(EXPORT, text(&hex(&export.to_be_bytes())));
        let arrival = arrival.with(BATCHES, number(0)).with(FINISHED, number(0));
        let writes = vec![arrival.put_new(), self.0.home.item(epoch.as_u128()).put()];
        if self.0.table.transact(writes).await? == Transacted::Done {
            return Ok(());
        }
        match self.arrival().await? {
            Some(arrival) if arrival.export == export => Ok(()),
            _ => Err(plain(ErrorKind::Conflict, "moving.begin (another export is taken in)")),
        }
    }

    async fn take_in(&self, records: Vec<Portable>) -> Result<(), PortError> {
        self.0.take_in(records).await
    }

    async fn reached(&self, batches: u64) -> Result<(), PortError> {
        let forward = Write::update(keys::arrival(), "SET b = :b", [(":b", number(batches))]);
        self.0.table.write(forward.only_if("b < :b", [])).await.map(drop)
    }

    async fn finish(&self) -> Result<(), PortError> {
        let finished = Write::update(keys::arrival(), "SET f = :f", [(":f", number(1))]);
        self.0.table.write(finished).await.map(drop)
    }
}

/// Refuses what is half taken in.
pub(crate) fn check_whole(arrival: Option<&Attributes>) -> Result<(), PortError> {
    match arrival.map(arrival_of).transpose()? {
        Some(arrival) if !arrival.is_finished => {
            Err(plain(ErrorKind::Unsupported, "aws.open").caused_by(Unfinished))
        }
        _ => Ok(()),
    }
}

fn arrival_of(item: &Attributes) -> Result<Arrival, PortError> {
    Ok(Arrival {
        export: from_hex("arrival", text_of(item, EXPORT).unwrap_or_default())?,
        batches: number_of(item, BATCHES).unwrap_or(0),
        is_finished: number_of(item, FINISHED).unwrap_or(0) > 0,
    })
}
