//! One conversation as a shard sees it: who of it is connected here, and up to where they have been told.
//! Invariant: a live connection in a room has been told everything up to the room's `head` that came after it was
//! live, each event once and in order.

use chat::{ConversationKind, Seq};

/// A connection's place in the shard's table.
pub(crate) type Slot = u32;

/// A conversation with at least one member in this shard.
#[derive(Debug)]
pub(crate) struct Room {
    /// `None` while it is being read.
    pub(crate) kind: Option<ConversationKind>,
    /// The last event told here, or the last there was when the first of its members connected.
    pub(crate) head: Seq,
    /// Members in all, connected or not.
    pub(crate) members: u64,
    /// Members in this shard, connected or about to be.
    pub(crate) people: u32,
    /// Their connections.
    pub(crate) connections: Vec<Slot>,
    /// Connections that watch its marks although it is large.
    pub(crate) watchers: Vec<Slot>,
    /// Announcements were missed up to here: they are being read from the store.
    pub(crate) healing_to: Option<Seq>,
}

/// What a room does with an event that was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is the next: tell it.
    Next,
    /// It was told before.
    Known,
    /// Events before it are missing, and this is the first to notice: read them.
    Heal,
    /// They are being read, and this one with them.
    Healing,
}

impl Room {
    pub(crate) fn new(kind: Option<ConversationKind>, head: Seq, members: u64) -> Room {
        Room {
            kind,
            head,
            members,
            people: 0,
            connections: Vec::new(),
            watchers: Vec::new(),
            healing_to: None,
        }
    }

    /// A room that was heard of by the event at `seq` alone.
    pub(crate) fn unknown(seq: Seq) -> Room {
        Room { healing_to: Some(seq), ..Room::new(None, seq.saturating_sub(1), 0) }
    }

    /// Decides what to do with the event at `seq`.
    pub(crate) fn turn(&mut self, seq: Seq) -> Turn {
        if seq <= self.head {
            return Turn::Known;
        }
        if let Some(to) = self.healing_to.as_mut() {
            *to = seq.max(*to);
            return Turn::Healing;
        }
        if seq == self.head + 1 {
            return Turn::Next;
        }
        self.healing_to = Some(seq);
        Turn::Heal
    }

    pub(crate) fn remove(&mut self, slot: Slot) {
        remove(&mut self.connections, slot);
        remove(&mut self.watchers, slot);
    }
}

/// Removes a slot. Linear, but over packed numbers: 10,000 take a microsecond or two.
pub(crate) fn remove(slots: &mut Vec<Slot>, slot: Slot) {
    if let Some(at) = slots.iter().position(|other| *other == slot) {
        slots.swap_remove(at);
    }
    if slots.is_empty() {
        *slots = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d3_events_are_told_in_order_and_once() {
        let mut room = Room::new(Some(ConversationKind::Group), 5, 2);
        assert_eq!(room.turn(5), Turn::Known);
        assert_eq!(room.turn(6), Turn::Next);
        room.head = 6;
        assert_eq!(room.turn(6), Turn::Known);
    }

    #[test]
    fn d4_a_gap_is_healed_and_what_comes_meanwhile_waits() {
        let mut room = Room::new(Some(ConversationKind::Group), 5, 2);
        assert_eq!(room.turn(8), Turn::Heal);
        assert_eq!(room.turn(9), Turn::Healing);
        assert_eq!(room.turn(6), Turn::Healing, "told by the reading, not out of turn");
        assert_eq!(room.healing_to, Some(9));
    }
}
