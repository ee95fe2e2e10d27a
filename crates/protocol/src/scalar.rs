//! Values that are the same everywhere on the wire: times, `ref`s and how ids look in a schema.
//! Invariant: a value has one text form; reading it back gives the value.

use std::{borrow::Cow, fmt};

use chat::TimestampMs;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::limits::{INTEGER_MAX, REF_BYTES_MAX};

/// 9999-12-31T23:59:59.999Z, the last time that RFC 3339 can write.
pub const TIME_MS_MAX: TimestampMs = 253_402_300_799_999;

/// A moment, written as RFC 3339 in UTC with milliseconds: `2026-01-31T09:05:00.250Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(TimestampMs);

/// A client's name for one of its frames, echoed in the answer: a string, or a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Ref {
    /// At most [`REF_BYTES_MAX`] bytes.
    Text(Box<str>),
    /// An integer that JavaScript holds exactly.
    Number(i64),
}

impl Time {
    /// The moment this many milliseconds after 1970; later than the year 9999 becomes its end.
    #[must_use]
    pub const fn from_ms(ms: TimestampMs) -> Time {
        Time(if ms > TIME_MS_MAX { TIME_MS_MAX } else { ms })
    }

    /// Milliseconds after 1970.
    #[must_use]
    pub const fn ms(self) -> TimestampMs {
        self.0
    }

    /// The 24 characters of its text form.
    fn text(self) -> [u8; 24] {
        let at = i64::try_from(self.0 / 1_000)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .expect("invariant: the constructor keeps the time below the year 10000");
        let mut text = *b"0000-00-00T00:00:00.000Z";
        put_digits(&mut text[0..4], at.year().unsigned_abs());
        put_digits(&mut text[5..7], u32::from(u8::from(at.month())));
        put_digits(&mut text[8..10], u32::from(at.day()));
        put_digits(&mut text[11..13], u32::from(at.hour()));
        put_digits(&mut text[14..16], u32::from(at.minute()));
        put_digits(&mut text[17..19], u32::from(at.second()));
        put_digits(&mut text[20..23], u32::try_from(self.0 % 1_000).unwrap_or_default());
        text
    }
}

/// Writes `value` in decimal, right-aligned over zeros.
fn put_digits(text: &mut [u8], mut value: u32) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
    }
}

impl From<TimestampMs> for Time {
    fn from(ms: TimestampMs) -> Self {
        Time::from_ms(ms)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let at = OffsetDateTime::parse(&text, &Rfc3339).map_err(de::Error::custom)?;
        let ms = at.unix_timestamp_nanos() / 1_000_000;
        TimestampMs::try_from(ms).map(Time::from_ms).map_err(|_| de::Error::custom("a time before 1970"))
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "RFC 3339 in UTC with milliseconds.",
            "type": "string", "format": "date-time", "examples": ["2026-01-31T09:05:00.250Z"],
        })
    }
}

impl Ref {
    /// A string as a `ref`, unless it is too long.
    #[must_use]
    pub fn text(text: &str) -> Option<Ref> {
        (text.len() <= REF_BYTES_MAX).then(|| Ref::Text(text.into()))
    }

    /// A number as a `ref`, unless JavaScript would round it.
    #[must_use]
    pub fn number(number: i64) -> Option<Ref> {
        (number.unsigned_abs() <= INTEGER_MAX).then_some(Ref::Number(number))
    }
}

impl<'de> Deserialize<'de> for Ref {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<'a> {
            Number(i64),
            #[serde(borrow)]
            Text(Cow<'a, str>),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ref::number(number),
            Either::Text(text) => Ref::text(&text),
        }
        .ok_or_else(|| de::Error::custom("a ref out of bounds"))
    }
}

impl JsonSchema for Ref {
    fn schema_name() -> Cow<'static, str> {
        "Ref".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A client's name for one of its frames, echoed in the answer.",
            "anyOf": [
                {"type": "string", "maxLength": REF_BYTES_MAX},
                {"type": "integer", "minimum": -9_007_199_254_740_991_i64, "maximum": INTEGER_MAX},
            ],
        })
    }
}

/// How the ids and integers of `chat` look in a schema: for `#[schemars(with = "…")]` only.
pub mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use crate::limits::INTEGER_MAX;

    macro_rules! ids {
        ($($name:ident: $doc:literal;)*) => {$(
            #[doc = $doc]
            pub struct $name;
            impl JsonSchema for $name {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({"description": $doc, "type": "string", "format": "uuid"})
                }
            }
        )*};
    }

    ids! {
        UserId: "An account.";
        ConversationId: "A conversation.";
        MessageId: "A message; carries the message's seq in its last 40 bits.";
        ClientMessageId: "The sender's name for one command, the same for every resend: a UUIDv7.";
        SessionId: "One login of one account.";
        ConnectionId: "One open socket.";
        AttachmentId: "An uploaded file.";
        InviteId: "An invitation to register.";
        Epoch: "The generation of a history; it changes when a history is restored to an earlier point.";
    }

    macro_rules! integers {
        ($($name:ident: $doc:literal;)*) => {$(
            #[doc = $doc]
            pub struct $name;
            impl JsonSchema for $name {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({"description": $doc, "type": "integer", "minimum": 0, "maximum": INTEGER_MAX})
                }
            }
        )*};
    }

    integers! {
        Seq: "Place of an event in its conversation: 1, 2, 3… without gaps; 0 is before the first.";
        Count: "A count.";
        Milliseconds: "A duration in milliseconds.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p5_times_are_rfc_3339_with_milliseconds() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_007, "2000-02-29T00:00:00.007Z"),
            (1_769_850_300_250, "2026-01-31T09:05:00.250Z"),
            (TIME_MS_MAX, "9999-12-31T23:59:59.999Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Time::from_ms(ms).to_string(), text);
            let read: Time = serde_json::from_str(&format!("{text:?}")).unwrap();
            assert_eq!(read, Time::from_ms(ms));
        }
    }
}
