//! Any JSON value, borrowing from the frame where no escape forces a copy: one pass, then fields are taken by type.
//! Does not know which fields there are. Rejects objects that name a member twice, because readers disagree about those.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

/// A JSON value. Depth is bounded by `serde_json`, size by the frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// An integer from 0 up.
    Unsigned(u64),
    /// An integer below 0.
    Negative(i64),
    /// A number with a fraction or exponent, or beyond 64 bits.
    Float,
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl Value<'_> {
    /// What it is, for an error's sentence.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Unsigned(_) => "a number",
            Value::Negative(_) => "a negative number",
            Value::Float => "a number with a fraction",
            Value::Text(_) => "a string",
            Value::List(_) => "an array",
            Value::Object(_) => "an object",
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Value::Unsigned(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(value).map_or(Value::Negative(value), Value::Unsigned))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Float)
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        // A frame has a handful of members.
        let mut object: Vec<(Cow<'de, str>, Value<'de>)> = Vec::with_capacity(8);
        while let Some((Name(name), value)) = members.next_entry()? {
            object.push((name, value));
        }
        reject_repeated(&object)?;
        Ok(Value::Object(object))
    }
}

fn reject_repeated<'a, E: de::Error>(object: &[(Cow<'a, str>, Value<'a>)]) -> Result<(), E> {
    // Quadratic is quickest for the few members of a frame; cursors can be hundreds.
    const FEW: usize = 16;
    let repeated = if object.len() <= FEW {
        object.iter().enumerate().find(|(at, (name, _))| object[..*at].iter().any(|(other, _)| other == name))
    } else {
        let mut seen = std::collections::HashSet::with_capacity(object.len());
        object.iter().enumerate().find(|(_, (name, _))| !seen.insert(name))
    };
    match repeated {
        Some((_, (name, _))) => {
            Err(E::custom(format_args!("the member {:?} occurs twice", super::decode::quoted(name))))
        }
        None => Ok(()),
    }
}

/// A member's name, borrowed where possible: serde's own `Cow` always copies inside collections.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(AnyValue)? {
            Value::Text(name) => Ok(Name(name)),
            _ => Err(de::Error::custom("a member's name is a string")),
        }
    }
}
