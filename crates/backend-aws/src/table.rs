//! One table: reads that see every write before them, writes with their conditions, transactions.
//! Knows no entity. Invariant: nothing here scans, and every loop over pages or rests has a bound.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        ConditionCheck, Delete, DeleteRequest, KeysAndAttributes, Put, PutRequest, ReturnConsumedCapacity,
        ReturnValue, TransactWriteItem, Update, WriteRequest,
    },
};
use chat::ports::{ErrorKind, PortError};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    error::{failed, of_code, plain},
    item::{Action, Attributes, Condition, Item, Key, Write, key_of, text},
    jitter::Jitter,
    limits::{
        BATCH_WRITES_MAX, GET_KEYS_MAX, ITEM_BYTES_MAX, REQUESTS_AT_ONCE_MAX, TRANSACTION_BYTES_MAX,
        TRANSACTION_ITEMS_MAX, UNPROCESSED_PAUSE_MS, UNPROCESSED_ROUNDS_MAX,
    },
    usage::Usage,
};

/// A table. Clones share everything.
#[derive(Clone)]
pub(crate) struct Table {
    client: Client,
    name: Arc<str>,
    usage: Arc<Usage>,
    jitter: Jitter,
}

/// A piece of one partition, in the order of its sort keys.
#[derive(Debug, Clone)]
pub(crate) struct Range {
    pub(crate) partition: String,
    /// From this sort key on, included.
    pub(crate) from: String,
    /// Up to this sort key, included.
    pub(crate) to: String,
    /// From the end backwards.
    pub(crate) reverse: bool,
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transacted {
    /// All is written.
    Done,
    /// Nothing is: these writes, by their place, had a condition that did not hold, or somebody else was writing.
    Refused(Vec<usize>),
}

/// Above every character that a sort key has.
pub(crate) const LAST: char = '\u{10FFFF}';

impl Range {
    /// Everything whose sort key begins with this.
    pub(crate) fn prefix(partition: impl Into<String>, prefix: &str) -> Range {
        let to = format!("{prefix}{LAST}");
        // An empty sort key is no key; the lowest there is stands before all of ours.
        let from = if prefix.is_empty() { "\u{1}".to_owned() } else { prefix.to_owned() };
        Range { partition: partition.into(), from, to, reverse: false }
    }

    /// Only what stands behind this sort key.
    pub(crate) fn after(mut self, sort: &str) -> Range {
        self.from = self.from.max(format!("{sort}\u{1}"));
        self
    }

    pub(crate) fn reversed(mut self) -> Range {
        self.reverse = true;
        self
    }
}

impl Table {
    pub(crate) fn new(client: Client, name: &str, usage: Arc<Usage>, jitter: Jitter) -> Table {
        Table { client, name: name.into(), usage, jitter }
    }

    /// One item.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Attributes>, PortError> {
        let request = self.client.get_item().table_name(&*self.name).set_key(Some(key.attributes()));
        let request = request.consistent_read(true).return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = request.send().await.map_err(|error| failed("dynamodb.GetItem", &error))?;
        self.usage.read(answer.consumed_capacity());
        Ok(answer.item)
    }

    /// Items by their keys; those that are not there are left out.
    pub(crate) async fn get_many(
        &self,
        keys: impl IntoIterator<Item = Key>,
    ) -> Result<HashMap<Key, Attributes>, PortError> {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let chunks: Vec<Vec<Key>> = keys.chunks(GET_KEYS_MAX).map(<[Key]>::to_vec).collect();
        let parts = stream::iter(chunks).map(|chunk| self.get_chunk(chunk)).buffered(REQUESTS_AT_ONCE_MAX);
        let found: Vec<Vec<Attributes>> = parts.try_collect().await?;
        Ok(found.into_iter().flatten().map(|item| (key_of(&item), item)).collect())
    }

    async fn get_chunk(&self, keys: Vec<Key>) -> Result<Vec<Attributes>, PortError> {
        const OPERATION: &str = "dynamodb.BatchGetItem";
        let mut wanted: Vec<Attributes> = keys.iter().map(Key::attributes).collect();
        let mut found = Vec::with_capacity(wanted.len());
        for round in 0..UNPROCESSED_ROUNDS_MAX {
            if wanted.is_empty() {
                return Ok(found);
            }
            self.pause(round).await;
            let asked = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(wanted));
            let asked =
                asked.build().map_err(|error| plain(ErrorKind::Internal, OPERATION).caused_by(error))?;
            let request = self.client.batch_get_item().request_items(&*self.name, asked);
            let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
            let answer = request.send().await.map_err(|error| failed(OPERATION, &error))?;
            self.usage.read(answer.consumed_capacity().first());
            found.extend(answer.responses.unwrap_or_default().remove(&*self.name).unwrap_or_default());
            let rest = answer.unprocessed_keys.unwrap_or_default().remove(&*self.name);
            wanted = rest.map(|rest| rest.keys).unwrap_or_default();
        }
        if wanted.is_empty() { Ok(found) } else { Err(plain(ErrorKind::Overloaded, OPERATION)) }
    }

    /// Up to `limit` items of a range, following its pages.
    pub(crate) async fn query(&self, range: &Range, limit: usize) -> Result<Vec<Attributes>, PortError> {
        const OPERATION: &str = "dynamodb.Query";
        let mut found: Vec<Attributes> = Vec::new();
        let mut start: Option<Attributes> = None;
        while found.len() < limit && range.from <= range.to {
            let left = i32::try_from(limit - found.len()).unwrap_or(i32::MAX);
            let request = self
                .client
                .query()
                .table_name(&*self.name)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", text(&range.partition))
                .expression_attribute_values(":from", text(&range.from))
                .expression_attribute_values(":to", text(&range.to))
                .scan_index_forward(!range.reverse)
                .limit(left)
                .set_exclusive_start_key(start.take())
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let answer = request.send().await.map_err(|error| failed(OPERATION, &error))?;
            self.usage.read(answer.consumed_capacity());
            found.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// One write on its own. `false` when its condition did not hold.
    pub(crate) async fn write(&self, write: Write) -> Result<bool, PortError> {
        Ok(self.write_returning(write).await?.is_some())
    }

    /// One write on its own: what was there before, `None` when its condition did not hold.
    pub(crate) async fn write_returning(&self, write: Write) -> Result<Option<Attributes>, PortError> {
        check_size(&write, "dynamodb.write (an item is too large)")?;
        let Write { action, condition } = write;
        let (expression, values) = expression_of(condition);
        let total = ReturnConsumedCapacity::Total;
        match action {
            Action::Put(item) => {
                let request = self.client.put_item().table_name(&*self.name).set_item(Some(item.whole()));
                let request = request.set_condition_expression(expression).return_values(ReturnValue::AllOld);
                let request = request.set_expression_attribute_values(values).return_consumed_capacity(total);
                match request.send().await {
                    Ok(answer) => {
                        self.usage.write(answer.consumed_capacity());
                        Ok(Some(answer.attributes.unwrap_or_default()))
                    }
                    Err(error) => not_held(failed("dynamodb.PutItem", &error)),
                }
            }
            Action::Update { key, expression: update, values: own } => {
                let values = join(values, own);
                let request =
                    self.client.update_item().table_name(&*self.name).set_key(Some(key.attributes()));
                let request = request.update_expression(update).set_condition_expression(expression);
                let request = request.set_expression_attribute_values(values).return_consumed_capacity(total);
                match request.return_values(ReturnValue::AllOld).send().await {
                    Ok(answer) => {
                        self.usage.write(answer.consumed_capacity());
                        Ok(Some(answer.attributes.unwrap_or_default()))
                    }
                    Err(error) => not_held(failed("dynamodb.UpdateItem", &error)),
                }
            }
            Action::Delete(key) => {
                let request =
                    self.client.delete_item().table_name(&*self.name).set_key(Some(key.attributes()));
                let request = request.set_condition_expression(expression).return_values(ReturnValue::AllOld);
                let request = request.set_expression_attribute_values(values).return_consumed_capacity(total);
                match request.send().await {
                    Ok(answer) => {
                        self.usage.write(answer.consumed_capacity());
                        Ok(Some(answer.attributes.unwrap_or_default()))
                    }
                    Err(error) => not_held(failed("dynamodb.DeleteItem", &error)),
                }
            }
            Action::Check(_) => Err(plain(ErrorKind::Invalid, "dynamodb.write (a check alone)")),
        }
    }

    /// All of these writes or none.
    ///
    /// # Errors
    /// `Invalid` above the bounds of a transaction, without asking the service.
    pub(crate) async fn transact(&self, writes: Vec<Write>) -> Result<Transacted, PortError> {
        const OPERATION: &str = "dynamodb.TransactWriteItems";
        if writes.is_empty() {
            return Ok(Transacted::Done);
        }
        if !fits(&writes) {
            return Err(plain(ErrorKind::Invalid, "dynamodb.TransactWriteItems (too large)"));
        }
        for write in &writes {
            check_size(write, "dynamodb.TransactWriteItems (an item is too large)")?;
        }
        let items =
            writes.into_iter().map(|write| self.transaction_item(write)).collect::<Result<Vec<_>, _>>()?;
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
        match request.send().await {
            Ok(answer) => {
                self.usage.write(answer.consumed_capacity().first());
                Ok(Transacted::Done)
            }
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    let codes = canceled.cancellation_reasons().iter();
                    let codes = codes.map(|reason| reason.code().unwrap_or("None"));
                    refused(codes).ok_or_else(|| failed(OPERATION, &error)).and_then(|refused| refused)
                }
                _ => Err(failed(OPERATION, &error)),
            },
        }
    }

    fn transaction_item(&self, write: Write) -> Result<TransactWriteItem, PortError> {
        let name = &*self.name;
        let (condition, values) = expression_of(write.condition);
        let item = TransactWriteItem::builder();
        let built = match write.action {
            Action::Put(put) => {
                let put = Put::builder().table_name(name).set_item(Some(put.whole()));
                let put = put.set_condition_expression(condition).set_expression_attribute_values(values);
                put.build().map(|put| item.put(put))
            }
            Action::Update { key, expression, values: own } => {
                let update = Update::builder().table_name(name).set_key(Some(key.attributes()));
                let update = update.update_expression(expression).set_condition_expression(condition);
                let update = update.set_expression_attribute_values(join(values, own));
                update.build().map(|update| item.update(update))
            }
            Action::Delete(key) => {
                let delete = Delete::builder().table_name(name).set_key(Some(key.attributes()));
                let delete =
                    delete.set_condition_expression(condition).set_expression_attribute_values(values);
                delete.build().map(|delete| item.delete(delete))
            }
            Action::Check(key) => {
                let check = ConditionCheck::builder().table_name(name).set_key(Some(key.attributes()));
                let check = check.set_condition_expression(condition).set_expression_attribute_values(values);
                check.build().map(|check| item.condition_check(check))
            }
        };
        let invalid = |error| plain(ErrorKind::Internal, "dynamodb.TransactWriteItems").caused_by(error);
        Ok(built.map_err(invalid)?.build())
    }

    /// Removes items for good, however many; safe to repeat.
    pub(crate) async fn remove_many(&self, keys: Vec<Key>) -> Result<(), PortError> {
        let removal = |key: Key| {
            let request = DeleteRequest::builder().set_key(Some(key.attributes())).build();
            request.map(|request| WriteRequest::builder().delete_request(request).build())
        };
        self.batch(keys.into_iter().map(removal).collect::<Result<_, _>>()).await
    }

    /// Writes whole items, however many, in any order; safe to repeat.
    pub(crate) async fn put_many(&self, items: Vec<Item>) -> Result<(), PortError> {
        let put = |item: Item| {
            let request = PutRequest::builder().set_item(Some(item.whole())).build();
            request.map(|request| WriteRequest::builder().put_request(request).build())
        };
        self.batch(items.into_iter().map(put).collect::<Result<_, _>>()).await
    }

    async fn batch(
        &self,
        requests: Result<Vec<WriteRequest>, aws_sdk_dynamodb::error::BuildError>,
    ) -> Result<(), PortError> {
        const OPERATION: &str = "dynamodb.BatchWriteItem";
        let requests = requests.map_err(|error| plain(ErrorKind::Internal, OPERATION).caused_by(error))?;
        for chunk in requests.chunks(BATCH_WRITES_MAX) {
            let mut rest = chunk.to_vec();
            for round in 0..UNPROCESSED_ROUNDS_MAX {
                if rest.is_empty() {
                    break;
                }
                self.pause(round).await;
                let request = self.client.batch_write_item().request_items(&*self.name, rest);
                let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
                let answer = request.send().await.map_err(|error| failed(OPERATION, &error))?;
                self.usage.write(answer.consumed_capacity().first());
                rest = answer.unprocessed_items.unwrap_or_default().remove(&*self.name).unwrap_or_default();
            }
            if !rest.is_empty() {
                return Err(plain(ErrorKind::Overloaded, OPERATION));
            }
        }
        Ok(())
    }

    /// Waits before every round but the first, longer each time.
    async fn pause(&self, round: u32) {
        if round > 0 {
            let longest_ms = UNPROCESSED_PAUSE_MS << round.min(8);
            tokio::time::sleep(Duration::from_millis(self.jitter.below(longest_ms))).await;
        }
    }
}

/// Whether these writes fit into one transaction.
pub(crate) fn fits(writes: &[Write]) -> bool {
    writes.len() <= TRANSACTION_ITEMS_MAX
        && writes.iter().map(Write::bytes).sum::<usize>() <= TRANSACTION_BYTES_MAX
}

fn check_size(write: &Write, operation: &'static str) -> Result<(), PortError> {
    if write.bytes() <= ITEM_BYTES_MAX { Ok(()) } else { Err(plain(ErrorKind::Invalid, operation)) }
}

type Values = Option<HashMap<String, aws_sdk_dynamodb::types::AttributeValue>>;

fn expression_of(condition: Option<Condition>) -> (Option<String>, Values) {
    let Some(Condition { expression, values }) = condition else { return (None, None) };
    let values: Attributes = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    (Some(expression), (!values.is_empty()).then_some(values))
}

fn join(values: Values, own: Vec<(&'static str, aws_sdk_dynamodb::types::AttributeValue)>) -> Values {
    let mut all = values.unwrap_or_default();
    all.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
    (!all.is_empty()).then_some(all)
}

/// A failed condition is an answer, anything else an error.
fn not_held(error: PortError) -> Result<Option<Attributes>, PortError> {
    if error.kind == ErrorKind::Conflict { Ok(None) } else { Err(error) }
}

/// What the reasons of a cancelled transaction come to; `None` when they say nothing.
fn refused<'a>(codes: impl Iterator<Item = &'a str>) -> Option<Result<Transacted, PortError>> {
    const OPERATION: &str = "dynamodb.TransactWriteItems (cancelled)";
    let mut conflicts = Vec::new();
    let mut worst = None;
    for (place, code) in codes.enumerate().filter(|(_, code)| *code != "None") {
        match of_code(code, 400) {
            ErrorKind::Conflict => conflicts.push(place),
            kind => worst = Some(kind),
        }
    }
    match (conflicts.is_empty(), worst) {
        (false, _) => Some(Ok(Transacted::Refused(conflicts))),
        (true, Some(kind)) => Some(Err(plain(kind, OPERATION))),
        (true, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_a_cancelled_transaction_are_told_apart() {
        let told = |codes: &[&'static str]| refused(codes.iter().copied());
        assert!(
            matches!(told(&["None", "ConditionalCheckFailed"]), Some(Ok(Transacted::Refused(at))) if at == [1])
        );
        assert!(matches!(told(&["TransactionConflict"]), Some(Ok(Transacted::Refused(at))) if at == [0]));
        let throttled = told(&["ThrottlingError", "None"]).unwrap().unwrap_err();
        assert_eq!((throttled.kind, throttled.is_transient()), (ErrorKind::Overloaded, true));
        assert!(told(&["None"]).is_none());
    }

    #[test]
    fn what_does_not_fit_is_known_before_it_is_sent() {
        let put = |bytes: usize| Item::new(Key::new("p", "s")).data(&"x".repeat(bytes)).put();
        assert!(fits(&vec![put(10); 100]));
        assert!(!fits(&vec![put(10); 101]));
        assert!(!fits(&vec![put(50_000); 100]));
        assert!(check_size(&put(399_000), "test").is_ok());
        assert!(check_size(&put(410_000), "test").is_err());
    }
}
