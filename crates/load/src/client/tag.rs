//! Client message ids that carry what the generator must know of a message when it comes back.
//! Invariant: a tag is a valid UUIDv7, and no two messages of a run have the same one.

use crate::clock::{NS_PER_MS, RunClock};

/// Length of an id in text.
pub const TAG_BYTES: usize = 36;

/// What a message says of itself. Layout: 48 bits wall milliseconds and 12 bits of their fraction (the *scheduled*
/// time of the send, so that every receiver can compute an honest latency), then 20 bits room and 42 bits serial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// When the message should have been sent, nanoseconds since the beginning of the run, to 244 ns.
    pub scheduled_ns: u64,
    /// Which room it goes to.
    pub room: u32,
    /// Which message of the run it is.
    pub serial: u64,
}

const ROOM_BITS: u32 = 20;
const SERIAL_BITS: u32 = 42;
const SERIAL_MASK: u64 = (1 << SERIAL_BITS) - 1;
const FRACTIONS: u64 = 4_096;
const HEX: &[u8; 16] = b"0123456789abcdef";
const DASHES: [usize; 4] = [8, 13, 18, 23];
const NOT_HEX: u8 = 0xff;
const VALUE: [u8; 256] = values();

impl Tag {
    /// The id as text.
    #[must_use]
    pub fn encode(self, clock: &RunClock) -> [u8; TAG_BYTES] {
        let ms = clock.wall_ms() + self.scheduled_ns / NS_PER_MS;
        let fraction = self.scheduled_ns % NS_PER_MS * FRACTIONS / NS_PER_MS;
        let high = (ms << 16) | 0x7000 | fraction;
        let room = u64::from(self.room) & ((1 << ROOM_BITS) - 1);
        let low = (0b10 << 62) | (room << SERIAL_BITS) | (self.serial & SERIAL_MASK);
        to_text((u128::from(high) << 64) | u128::from(low))
    }

    /// Reads an id back. `None` when it is not one of this run.
    #[must_use]
    #[inline]
    pub fn decode(text: &[u8], clock: &RunClock) -> Option<Tag> {
        let number = number_of(text)?;
        let (high, low) =
            (u64::try_from(number >> 64).ok()?, u64::try_from(number & u128::from(u64::MAX)).ok()?);
        let since = (high >> 16).checked_sub(clock.wall_ms())?;
        let scheduled_ns = since * NS_PER_MS + (high & 0xfff) * NS_PER_MS / FRACTIONS;
        let room = u32::try_from((low >> SERIAL_BITS) & ((1 << ROOM_BITS) - 1)).ok()?;
        Some(Tag { scheduled_ns, room, serial: low & SERIAL_MASK })
    }
}

/// The id that `text` begins with, as a number.
#[must_use]
#[inline]
pub fn number_of(text: &[u8]) -> Option<u128> {
    from_text(text.first_chunk::<TAG_BYTES>()?)
}

/// The text of an id.
#[must_use]
pub fn text_of(number: u128) -> String {
    to_text(number).iter().map(|byte| char::from(*byte)).collect()
}

/// A number that differs much between neighbours, so that sums of them tell sets of serials apart.
#[must_use]
#[inline]
pub fn mix(serial: u64) -> u64 {
    let mut value = serial.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A `sendMessage` frame of one room, built once; only the id changes.
#[derive(Debug, Clone)]
pub struct SendFrame {
    bytes: Vec<u8>,
    id_at: usize,
}

impl SendFrame {
    /// For messages with `body` (plain ASCII without quotes) to `conversation`.
    #[must_use]
    pub fn new(conversation: &str, body: &str) -> SendFrame {
        let zero = "00000000-0000-7000-8000-000000000000";
        let before =
            format!(r#"{{"action":"sendMessage","conversationId":"{conversation}","clientMessageId":""#);
        let json = format!(r#"{before}{zero}","body":"{body}"}}"#);
        let id_at = super::frame::header_length(json.len()) + before.len();
        SendFrame { bytes: super::frame::text(json.as_bytes()), id_at }
    }

    /// The frame with this id.
    pub fn with(&mut self, id: &[u8; TAG_BYTES]) -> &[u8] {
        self.bytes[self.id_at..self.id_at + TAG_BYTES].copy_from_slice(id);
        &self.bytes
    }
}

fn to_text(number: u128) -> [u8; TAG_BYTES] {
    let mut text = [b'-'; TAG_BYTES];
    let mut at = 0;
    for byte in number.to_be_bytes() {
        if DASHES.contains(&at) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 0xf)];
        at += 2;
    }
    text
}

#[inline]
fn from_text(text: &[u8; TAG_BYTES]) -> Option<u128> {
    let mut number = 0_u128;
    let mut bad = 0;
    for (from, to) in [(0, 8), (9, 13), (14, 18), (19, 23), (24, 36)] {
        for byte in &text[from..to] {
            let value = VALUE[usize::from(*byte)];
            bad |= value;
            number = (number << 4) | u128::from(value & 0xf);
        }
    }
    (bad != NOT_HEX && DASHES.iter().all(|at| text[*at] == b'-')).then_some(number)
}

const fn values() -> [u8; 256] {
    let mut table = [NOT_HEX; 256];
    let mut value = 0_u8;
    while value < 16 {
        table[HEX[value as usize] as usize] = value;
        value += 1;
    }
    table
}
