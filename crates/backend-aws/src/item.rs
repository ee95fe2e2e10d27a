//! Items of a table: keys, attributes in and out, conditions, writes.
//! Knows no entity; names of attributes are short because every byte of an item is paid for.

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use chat::ports::PortError;
use serde::{Serialize, de::DeserializeOwned};

use crate::{codec, error::corrupt, limits::WRITE_OVERHEAD_BYTES};

/// The attributes of an item.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// The encoded value of an item.
pub(crate) const DATA: &str = "d";
/// Number of the change that wrote the item: what a later change is conditional on.
pub(crate) const REVISION: &str = "rv";
/// When the table may remove the item, seconds since 1970; always checked on reading too.
pub(crate) const EXPIRY: &str = "ttl";

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) partition: String,
    pub(crate) sort: String,
}

/// An item on its way into a table.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) key: Key,
    pub(crate) attributes: Attributes,
}

/// What must hold for a write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Condition {
    pub(crate) expression: String,
    pub(crate) values: Vec<(&'static str, AttributeValue)>,
}

/// One write.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) action: Action,
    pub(crate) condition: Option<Condition>,
}

/// What a write does.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// Replaces the whole item.
    Put(Item),
    /// Changes some attributes, and makes the item if there is none.
    Update { key: Key, expression: String, values: Vec<(&'static str, AttributeValue)> },
    /// Removes the item, if there is one.
    Delete(Key),
    /// Changes nothing.
    Check(Key),
}

impl Key {
    pub(crate) fn new(partition: impl Into<String>, sort: impl Into<String>) -> Key {
        Key { partition: partition.into(), sort: sort.into() }
    }

    pub(crate) fn attributes(&self) -> Attributes {
        Attributes::from([("pk".to_owned(), text(&self.partition)), ("sk".to_owned(), text(&self.sort))])
    }

    fn bytes(&self) -> usize {
        self.partition.len() + self.sort.len()
    }
}

impl Item {
    pub(crate) fn new(key: Key) -> Item {
        Item { key, attributes: Attributes::new() }
    }

    /// With an encoded value.
    pub(crate) fn data(self, value: &impl Serialize) -> Item {
        let bytes = codec::encode(value);
        self.with(DATA, AttributeValue::B(Blob::new(bytes)))
    }

    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Item {
        self.attributes.insert(name.to_owned(), value);
        self
    }

    /// To be removed by the table some time after this moment.
    pub(crate) fn expires(self, at_ms: u64) -> Item {
        self.with(EXPIRY, number(at_ms / 1_000))
    }

    /// Key and attributes together.
    pub(crate) fn whole(self) -> Attributes {
        let mut whole = self.key.attributes();
        whole.extend(self.attributes);
        whole
    }

    pub(crate) fn put(self) -> Write {
        Write { action: Action::Put(self), condition: None }
    }

    /// Only if there is no such item.
    pub(crate) fn put_new(self) -> Write {
        self.put().only_if("attribute_not_exists(pk)", [])
    }

    /// Only if the item is still the one that was read: `None` was no item, else its revision.
    pub(crate) fn put_over(self, revision: Option<u64>) -> Write {
        let item = self.with(REVISION, number(revision.unwrap_or(0) + 1));
        match revision {
            None => item.put_new(),
            Some(revision) => item.put().only_if("rv = :rv", [(":rv", number(revision))]),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let attributes = self.attributes.iter().map(|(name, value)| name.len() + value_bytes(value));
        self.key.bytes() + attributes.sum::<usize>()
    }
}

impl Write {
    pub(crate) fn update<const N: usize>(
        key: Key,
        expression: impl Into<String>,
        values: [(&'static str, AttributeValue); N],
    ) -> Write {
        let (expression, values) = (expression.into(), values.into());
        Write { action: Action::Update { key, expression, values }, condition: None }
    }

    pub(crate) fn delete(key: Key) -> Write {
        Write { action: Action::Delete(key), condition: None }
    }

    /// Changes nothing, and fails if there is such an item.
    pub(crate) fn check_absent(key: Key) -> Write {
        Write { action: Action::Check(key), condition: None }.only_if("attribute_not_exists(pk)", [])
    }

    pub(crate) fn check<const N: usize>(
        key: Key,
        expression: &str,
        values: [(&'static str, AttributeValue); N],
    ) -> Write {
        Write { action: Action::Check(key), condition: None }.only_if(expression, values)
    }

    pub(crate) fn only_if<const N: usize>(
        mut self,
        expression: &str,
        values: [(&'static str, AttributeValue); N],
    ) -> Write {
        self.condition = Some(Condition { expression: expression.to_owned(), values: values.into() });
        self
    }

    pub(crate) fn key(&self) -> &Key {
        match &self.action {
            Action::Put(item) => &item.key,
            Action::Update { key, .. } | Action::Delete(key) | Action::Check(key) => key,
        }
    }

    /// About as many bytes as the service counts.
    pub(crate) fn bytes(&self) -> usize {
        let body = match &self.action {
            Action::Put(item) => item.bytes(),
            Action::Update { key, expression, values } => {
                key.bytes()
                    + expression.len()
                    + values.iter().map(|(_, value)| value_bytes(value)).sum::<usize>()
            }
            Action::Delete(key) | Action::Check(key) => key.bytes(),
        };
        body + WRITE_OVERHEAD_BYTES
    }
}

/// A text as a value.
pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A number as a value.
pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Bytes as a value.
pub(crate) fn binary(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// The encoded value of an item.
pub(crate) fn data<T: DeserializeOwned>(what: &'static str, item: &Attributes) -> Result<T, PortError> {
    codec::decode(what, bytes_of(item, DATA).ok_or_else(|| corrupt(what, "it has no data"))?)
}

/// Bytes of an item.
pub(crate) fn bytes_of<'a>(item: &'a Attributes, name: &str) -> Option<&'a [u8]> {
    Some(item.get(name)?.as_b().ok()?.as_ref())
}

/// A number of an item.
pub(crate) fn number_of(item: &Attributes, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A text of an item.
pub(crate) fn text_of<'a>(item: &'a Attributes, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The sort key of an item.
pub(crate) fn sort_of(item: &Attributes) -> &str {
    text_of(item, "sk").unwrap_or_default()
}

/// The key of an item.
pub(crate) fn key_of(item: &Attributes) -> Key {
    Key::new(text_of(item, "pk").unwrap_or_default(), sort_of(item))
}

/// Whether an item has reached its end, removed or not.
pub(crate) fn is_expired(item: &Attributes, now_ms: u64) -> bool {
    number_of(item, EXPIRY).is_some_and(|at| at < now_ms / 1_000)
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        _ => 1,
    }
}
