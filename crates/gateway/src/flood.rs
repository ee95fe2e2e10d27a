//! Whether a connection goes on sending although it is refused.
//! Knows no rate: it counts refusals between two reads.

use std::cell::Cell;

use crate::limits::REFUSALS_PER_READ_MAX;

/// What one connection was refused.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    /// Since it was read last.
    refusals: Cell<u32>,
    is_on: Cell<bool>,
}

impl Flood {
    /// A frame was refused because it came too fast.
    pub(crate) fn refused(&self) {
        self.refusals.set(self.refusals.get() + 1);
    }

    /// Whether the last read was one of a flood.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.get()
    }

    /// Looks at what was refused in a read. A flood begins with many refusals in one, and ends with a read without any.
    pub(crate) fn after_read(&self) -> bool {
        let refusals_max = if self.is_on.get() { 0 } else { REFUSALS_PER_READ_MAX };
        let is_on = self.refusals.take() > refusals_max;
        self.is_on.set(is_on);
        is_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d6_a_flood_begins_with_many_refusals_and_ends_with_none() {
        let flood = Flood::default();
        let read = |refusals| {
            (0..refusals).for_each(|_| flood.refused());
            flood.after_read()
        };
        assert!(!read(0));
        assert!(!read(REFUSALS_PER_READ_MAX), "somebody a little too fast");
        assert!(read(REFUSALS_PER_READ_MAX + 1));
        assert!(read(1), "it is read in small pieces now");
        assert!(!read(0));
        assert!(!read(REFUSALS_PER_READ_MAX));
    }
}
