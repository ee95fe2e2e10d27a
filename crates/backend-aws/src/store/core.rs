//! What every part of the store works with: the table, the time, chance, and what is remembered of heads.
//! Invariant: what is remembered is a hint; whoever relies on it writes on a condition.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use chat::{
    ChangeOutcome, ConversationId, Epoch, Refusal, TimestampMs,
    ports::{Clock, ErrorKind, PortError},
};
use quick_cache::sync::Cache;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    codec,
    epoch::Home,
    error::plain,
    item::{Attributes, Item, Key, REVISION, Write, binary, data, number, number_of},
    jitter::Jitter,
    limits::{CHANGE_TRIES_MAX, HINTS_MAX},
    table::{Table, Transacted},
};

use super::head::Head;

/// Shared by all parts of the store.
pub(crate) struct Core {
    pub(crate) table: Table,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) jitter: Jitter,
    pub(crate) epoch: Epoch,
    pub(crate) home: Home,
    pub(crate) hints: Cache<ConversationId, Head>,
}

/// Why a change came to nothing.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A rule said no.
    Refused(Refusal),
    /// The service did not do it.
    Failed(PortError),
}

/// What a change came to.
pub(crate) type Changed = Result<ChangeOutcome, Stop>;

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(refusal)
    }
}

impl From<PortError> for Stop {
    fn from(error: PortError) -> Stop {
        Stop::Failed(error)
    }
}

/// A value as it was read, with the revision that a write over it is conditional on.
#[derive(Debug, Clone)]
pub(crate) struct Held<T> {
    pub(crate) value: T,
    pub(crate) revision: Option<u64>,
}

impl<T: DeserializeOwned> Held<T> {
    pub(crate) fn of(what: &'static str, item: Option<&Attributes>) -> Result<Option<Held<T>>, PortError> {
        let Some(item) = item else { return Ok(None) };
        Ok(Some(Held { value: data(what, item)?, revision: Some(number_of(item, REVISION).unwrap_or(0)) }))
    }
}

impl<T: DeserializeOwned + Default> Held<T> {
    /// What is there, or what stands for nothing.
    pub(crate) fn or_default(what: &'static str, item: Option<&Attributes>) -> Result<Held<T>, PortError> {
        let found = Held::of(what, item)?;
        Ok(found.unwrap_or_else(|| Held { value: T::default(), revision: None }))
    }
}

impl<T: Serialize> Held<T> {
    /// Replaces the item, if nobody else did.
    pub(crate) fn put(&self, key: Key) -> Write {
        Item::new(key).data(&self.value).put_over(self.revision)
    }

    /// Replaces the value and leaves the item's other attributes, if nobody else replaced it.
    pub(crate) fn set(&self, key: Key) -> Write {
        let revision = self.revision.unwrap_or(0);
        let values: [(&'static str, AttributeValue); 2] =
            [(":d", binary(codec::encode(&self.value))), (":next", number(revision + 1))];
        Write::update(key, "SET d = :d, rv = :next", values).only_if("rv = :rv", [(":rv", number(revision))])
    }
}

impl Core {
    pub(crate) fn new(table: Table, clock: Arc<dyn Clock>, jitter: Jitter, epoch: Epoch, home: Home) -> Core {
        Core { table, clock, jitter, epoch, home, hints: Cache::new(HINTS_MAX) }
    }

    pub(crate) fn now_ms(&self) -> TimestampMs {
        self.clock.now_ms()
    }

    /// Whether a transaction was written; a refused one is worth reading again.
    pub(crate) async fn written(&self, writes: Vec<Write>) -> Result<bool, PortError> {
        Ok(self.table.transact(writes).await? == Transacted::Done)
    }

    /// Waits a little before another try of a change.
    pub(crate) async fn again(&self, tries: u32) -> Result<u32, PortError> {
        if tries >= CHANGE_TRIES_MAX {
            return Err(plain(ErrorKind::Conflict, "store.change (others are always quicker)"));
        }
        let pause_ms = self.jitter.below(5 << tries.min(8));
        tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
        Ok(tries + 1)
    }

    /// Changes a value of one item, which stands for its default when it is not there.
    pub(crate) async fn modify<T>(
        &self,
        what: &'static str,
        key: Key,
        mut change: impl FnMut(&mut T),
    ) -> Result<T, PortError>
    where
        T: Serialize + DeserializeOwned + Default + Clone + PartialEq,
    {
        let mut tries = 0;
        loop {
            let mut held: Held<T> = Held::or_default(what, self.table.get(&key).await?.as_ref())?;
            let before = held.value.clone();
            change(&mut held.value);
            if held.value == before || self.table.write(held.put(key.clone())).await? {
                return Ok(held.value);
            }
            tries = self.again(tries).await?;
        }
    }
}
