//! The epoch of a restored table: new, so that whoever held the old history loads it anew (D4).
//! Invariant: it is raised in one transaction with a note that names the table, on the condition that it still is what
//! was read; so a table that was raised is never raised again, and a restore of a restored table is.

use aws_sdk_dynamodb::types::{AttributeValue, KeyType, Put, TableDescription, TransactWriteItem};
use chat::ports::{ErrorKind, PortError};

use super::{RestoreError, Restoring};
use crate::{
    codec::hex,
    epoch::{EPOCH, epoch_item},
    error::{corrupt, failed, plain},
    item::{Attributes, Item, Key, number, text, text_of},
    keys,
};

/// Attributes of the note: of which table, from which epoch, when.
const TABLE: &str = "t";
const BEFORE: &str = "b";
const AT: &str = "at";

/// Epochs of a restored table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// The one it was restored with.
    pub before: String,
    /// The one it has now.
    pub now: String,
    /// Whether an earlier run raised it.
    pub already: bool,
}

/// Where a table notes that its epoch was raised.
fn note_key() -> Key {
    Key::new(keys::epoch().partition, "RESTORED")
}

impl Restoring<'_> {
    /// Whether the target holds a history of this installation.
    pub(super) async fn belongs(&self, target: &TableDescription) -> Result<(), RestoreError> {
        let stranger = |why| RestoreError::Stranger { table: self.plan.target.clone(), why };
        let mut keys: Vec<(&str, &KeyType)> =
            target.key_schema().iter().map(|key| (key.attribute_name(), key.key_type())).collect();
        keys.sort_unstable_by_key(|(name, _)| *name);
        if keys != [("pk", &KeyType::Hash), ("sk", &KeyType::Range)] {
            return Err(stranger("its keys are not pk and sk"));
        }
        let epoch = self.read(&self.plan.target, &keys::epoch()).await?;
        let epoch = epoch.as_ref().and_then(|item| text_of(item, EPOCH)).map(str::to_owned);
        let Some(epoch) = epoch else { return Err(stranger("it has no epoch, so no history began in it")) };
        let source = self.read(&self.plan.source, &keys::epoch()).await?;
        let source = source.as_ref().and_then(|item| text_of(item, EPOCH)).map(str::to_owned);
        let note = self.read(&self.plan.target, &note_key()).await?;
        let before = note.as_ref().and_then(|note| text_of(note, BEFORE)).map(str::to_owned);
        // A table in use that was itself restored has an epoch that its recovery did not have at an earlier moment.
        let source_note = self.read(&self.plan.source, &note_key()).await?;
        let source_before = source_note.as_ref().and_then(|note| text_of(note, BEFORE)).map(str::to_owned);
        let known = [source, source_before];
        if known.contains(&Some(epoch)) || (before.is_some() && known.contains(&before)) {
            Ok(())
        } else {
            Err(stranger("its epoch is of another history"))
        }
    }

    pub(super) async fn raise_epoch(&self, target: &TableDescription) -> Result<Raised, RestoreError> {
        // A table's id is its own even if one of the same name was there before.
        let id = target.table_id().or(target.table_arn()).unwrap_or_default().to_owned();
        let table = &self.plan.target;
        let before = self.epoch_of(table).await?;
        let note = self.read(table, &note_key()).await?;
        if let Some(note) = note.filter(|note| text_of(note, TABLE) == Some(&id)) {
            let was = text_of(&note, BEFORE).unwrap_or_default().to_owned();
            return Ok(Raised { before: was, now: before, already: true });
        }
        let nonce = self.jitter.nonce();
        let now = hex(&nonce.to_be_bytes());
        let epoch = epoch_item(nonce, &self.region);
        let note = Item::new(note_key())
            .with(TABLE, text(&id))
            .with(BEFORE, text(&before))
            .with(AT, number(self.now_ms));
        let writes = vec![
            put(table, epoch, "e = :value", text(&before))?,
            put(table, note, "attribute_not_exists(pk) OR t <> :value", text(&id))?,
        ];
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        sent.map_err(|error| failed("dynamodb.TransactWriteItems", &error))?;
        Ok(Raised { before, now, already: false })
    }

    async fn epoch_of(&self, table: &str) -> Result<String, PortError> {
        let item = self.read(table, &keys::epoch()).await?;
        let epoch = item.as_ref().and_then(|item| text_of(item, EPOCH)).map(str::to_owned);
        epoch.ok_or_else(|| corrupt("epoch", "it is not there"))
    }

    async fn read(&self, table: &str, key: &Key) -> Result<Option<Attributes>, PortError> {
        let request = self.client.get_item().table_name(table).set_key(Some(key.attributes()));
        let answer = request.consistent_read(true).send().await;
        Ok(answer.map_err(|error| failed("dynamodb.GetItem", &error))?.item)
    }
}

fn put(
    table: &str,
    item: Item,
    condition: &str,
    value: AttributeValue,
) -> Result<TransactWriteItem, PortError> {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item.whole()))
        .condition_expression(condition)
        .expression_attribute_values(":value", value)
        .build()
        .map_err(|error| plain(ErrorKind::Internal, "dynamodb.TransactWriteItems").caused_by(error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}
