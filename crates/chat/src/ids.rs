//! Names of things: 128-bit ids written as UUIDs, sequence numbers and times.
//! No id is made from a clock or random source of its own: both come in as arguments.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Place of an event in its conversation's log: 1, 2, 3… without gaps (D3). Below 2^40, so it fits a JSON integer.
pub type Seq = u64;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type TimestampMs = u64;

/// The random part of a new id.
pub type Randomness = [u8; 10];

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new UUIDv7 from a time and randomness given by the caller.
            #[must_use]
            pub fn new(now_ms: TimestampMs, random: &Randomness) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(now_ms, random).into_uuid())
            }

            /// The id with exactly these 128 bits.
            #[must_use]
            pub const fn from_u128(bits: u128) -> Self {
                Self(Uuid::from_u128(bits))
            }

            /// The 128 bits of the id; big-endian order is creation order.
            #[must_use]
            pub const fn as_u128(self) -> u128 {
                self.0.as_u128()
            }

            /// The id as 16 big-endian bytes, as stored in keys.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                *self.0.as_bytes()
            }

            /// The id stored as these 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The UUID itself, for the edge that writes it as text.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// An account.
    UserId
}
id! {
    /// A conversation: direct, group or channel.
    ConversationId
}
id! {
    /// One login of one account.
    SessionId
}
id! {
    /// The sender's name for one command, `clientMessageId` on the wire: the same for every resend (D2).
    CommandId
}
id! {
    /// One open socket.
    ConnectionId
}
id! {
    /// An uploaded file.
    AttachmentId
}
id! {
    /// A person's picture: another id for every new picture.
    AvatarId
}
id! {
    /// An invitation to register.
    InviteId
}
id! {
    /// A process that holds sockets.
    NodeId
}
id! {
    /// The generation of a history. It changes when a history is restored to an earlier point (D4).
    Epoch
}

/// A message for its whole life. Carries the message's `seq`, so that finding a message by id needs no index.
///
/// A valid UUIDv7: 48 bits of time, then 34 bits that tell conversations apart and 40 bits of `seq`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(Uuid);

impl MessageId {
    /// The id of the message that takes `seq` in `conversation` at `at_ms`.
    #[must_use]
    pub fn new(conversation: ConversationId, seq: Seq, at_ms: TimestampMs) -> Self {
        let salt = mix(conversation.as_u128());
        let seq_bytes = seq.to_be_bytes();
        let mut random = [0_u8; 10];
        random[..5].copy_from_slice(&salt.to_be_bytes()[..5]);
        random[5..].copy_from_slice(&seq_bytes[3..]);
        Self(uuid::Builder::from_unix_timestamp_millis(at_ms, &random).into_uuid())
    }

    /// Where the message stands in its conversation.
    #[must_use]
    pub fn seq(self) -> Seq {
        let bytes = self.0.as_bytes();
        let mut seq = [0_u8; 8];
        seq[3..].copy_from_slice(&bytes[11..]);
        Seq::from_be_bytes(seq)
    }

    /// The UUID itself, for the edge that writes it as text.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl FromStr for MessageId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Folds 128 bits to 64 so that ids made in the same millisecond differ (the finaliser of splitmix64).
fn mix(bits: u128) -> u64 {
    let bytes = bits.to_be_bytes();
    let mut high = [0_u8; 8];
    let mut low = [0_u8; 8];
    high.copy_from_slice(&bytes[..8]);
    low.copy_from_slice(&bytes[8..]);
    let mut x = u64::from_be_bytes(high) ^ u64::from_be_bytes(low).rotate_left(32);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_id_is_a_uuid_v7_that_carries_its_seq() {
        let conversation = ConversationId::new(1_700_000_000_000, &[7; 10]);
        for seq in [1, 2, 255, 65_536, (1 << 40) - 1] {
            let id = MessageId::new(conversation, seq, 1_700_000_000_123);
            assert_eq!(id.seq(), seq);
            assert_eq!(id.uuid().get_version_num(), 7);
            assert_eq!(id.to_string().parse::<MessageId>().unwrap(), id);
        }
    }

    #[test]
    fn message_ids_of_two_conversations_differ_at_the_same_seq_and_time() {
        let one = ConversationId::new(5, &[1; 10]);
        let two = ConversationId::new(5, &[2; 10]);
        assert_ne!(MessageId::new(one, 1, 9), MessageId::new(two, 1, 9));
    }
}
