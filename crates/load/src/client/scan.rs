//! A cheap look into server frames: which kind, and the three fields that counting needs.
//! Does not parse JSON. It relies on two things that the checking mode verifies with a full parse: `type` comes first,
//! and the fields looked for stand before any text that people wrote.

use memchr::memmem;

/// What a server frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something happened in a conversation.
    Event,
    /// A command is durable.
    Accepted,
    /// A command was refused.
    Rejected,
    /// An accepted command could not be applied.
    Failed,
    /// A page of missed events.
    Events,
    /// The sync is done.
    Synced,
    /// The first frame.
    Hello,
    /// History was restored to an earlier point.
    Resync,
    /// A frame was not understood.
    Error,
    /// The node drains.
    Reconnect,
    /// Anything else.
    Other,
}

const TYPE: &[u8] = br#"{"type":""#;

/// The kind of a frame.
#[must_use]
#[inline]
pub fn kind(payload: &[u8]) -> Kind {
    let Some(rest) = payload.strip_prefix(TYPE) else { return Kind::Other };
    let Some(end) = rest.iter().take(16).position(|byte| *byte == b'"') else { return Kind::Other };
    match &rest[..end] {
        b"event" => Kind::Event,
        b"accepted" => Kind::Accepted,
        b"rejected" => Kind::Rejected,
        b"failed" => Kind::Failed,
        b"events" => Kind::Events,
        b"synced" => Kind::Synced,
        b"hello" => Kind::Hello,
        b"resync" => Kind::Resync,
        b"error" => Kind::Error,
        b"reconnect" => Kind::Reconnect,
        _ => Kind::Other,
    }
}

/// Finds one field, first where it was the last time: frames of a kind mostly have the same layout.
#[derive(Debug)]
pub struct Field {
    needle: &'static [u8],
    last: usize,
}

impl Field {
    /// Looks for text like `"seq":`.
    #[must_use]
    pub fn new(needle: &'static [u8]) -> Field {
        Field { needle, last: 0 }
    }

    /// What follows the field's name.
    #[inline]
    pub fn after<'a>(&mut self, payload: &'a [u8]) -> Option<&'a [u8]> {
        if payload.get(self.last..self.last + self.needle.len()) != Some(self.needle) {
            self.last = memmem::find(payload, self.needle)?;
        }
        payload.get(self.last + self.needle.len()..)
    }
}

/// The fields that counting needs, each with its last place.
#[derive(Debug)]
pub struct Scanner {
    seq: Field,
    event_id: Field,
    answer_id: Field,
}

impl Default for Scanner {
    fn default() -> Self {
        let id = br#""clientMessageId":""#;
        Scanner { seq: Field::new(br#""seq":"#), event_id: Field::new(id), answer_id: Field::new(id) }
    }
}

impl Scanner {
    /// Sequence and client message id of an event.
    #[inline]
    pub fn event<'a>(&mut self, payload: &'a [u8]) -> Option<(u64, &'a [u8])> {
        let seq = number(self.seq.after(payload)?)?;
        Some((seq, self.event_id.after(payload)?))
    }

    /// Client message id of an answer to a command.
    #[inline]
    pub fn answer<'a>(&mut self, payload: &'a [u8]) -> Option<&'a [u8]> {
        self.answer_id.after(payload)
    }
}

/// The decimal number at the beginning of `text`.
#[must_use]
#[inline]
pub fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let mut value = 0_u64;
    for digit in &text[..digits] {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    (digits > 0).then_some(value)
}
