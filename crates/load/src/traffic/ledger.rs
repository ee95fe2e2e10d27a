//! What each connection has seen of each room.
//! Invariant: per connection and room the next sequence is the last plus one; anything else is written down (D3, D4).

use crate::{engine::ConnectionId, limits::EXAMPLES_MAX};

/// Something that the guarantees forbid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Sequences were left out.
    Gap {
        /// Number of the room.
        room: u32,
        /// What should have come.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// A sequence came again, or too late.
    Doubled {
        /// Number of the room.
        room: u32,
        /// What should have come.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// A connection was told of a room it is not in, or the content is not what was sent.
    Foreign(String),
}

/// Places in the logs, per connection of one worker.
#[derive(Debug, Default)]
pub struct Ledger {
    seen: Vec<Vec<(u32, u64)>>,
    violations: u64,
    examples: Vec<Violation>,
}

impl Ledger {
    /// Says where a connection stands in a room.
    pub fn set(&mut self, id: ConnectionId, room: u32, seq: u64) {
        if self.seen.len() <= id {
            self.seen.resize_with(id + 1, Vec::new);
        }
        match self.seen[id].iter_mut().find(|(known, _)| *known == room) {
            Some(place) => place.1 = seq,
            None => self.seen[id].push((room, seq)),
        }
    }

    /// Where a connection stands in its rooms.
    #[must_use]
    pub fn places(&self, id: ConnectionId) -> &[(u32, u64)] {
        self.seen.get(id).map_or(&[], Vec::as_slice)
    }

    /// Takes note of an event. Whether it was the next one.
    #[inline]
    pub fn note(&mut self, id: ConnectionId, room: u32, seq: u64) -> bool {
        let place =
            self.seen.get_mut(id).and_then(|places| places.iter_mut().find(|(known, _)| *known == room));
        let Some((_, last)) = place else {
            self.violate(Violation::Foreign(format!("connection {id} is not in room {room}")));
            return false;
        };
        let expected = *last + 1;
        *last = seq.max(*last);
        if seq == expected {
            return true;
        }
        let gap = seq > expected;
        self.violate(if gap {
            Violation::Gap { room, expected, found: seq }
        } else {
            Violation::Doubled { room, expected, found: seq }
        });
        gap
    }

    /// Writes a violation down.
    #[cold]
    pub fn violate(&mut self, violation: Violation) {
        self.violations += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(violation);
        }
    }

    /// How many violations there were since the last time, and the first of them.
    pub fn take_violations(&mut self) -> (u64, Vec<Violation>) {
        (std::mem::take(&mut self.violations), std::mem::take(&mut self.examples))
    }
}
