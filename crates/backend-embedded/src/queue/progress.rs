//! Which positions are done with: a low-water mark and, above it, a bit for each position that is not.
//! Memory: one bit for each position between the oldest open item and the newest.

use std::collections::VecDeque;

use crate::record::Settled;

const WORD_BITS: u64 = 64;

/// Done and open positions.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Everything from here on is not known yet.
    head: u64,
    /// Number of the first word; positions before it are done.
    base: u64,
    /// A set bit is an open position.
    words: VecDeque<u64>,
}

impl Progress {
    /// Everything below `head` done, nothing known above.
    pub(crate) fn new(head: u64) -> Progress {
        Progress { head, base: head / WORD_BITS, words: VecDeque::new() }
    }

    /// What was stored.
    pub(crate) fn restored(settled: &Settled) -> Progress {
        let mut progress = Progress::new(settled.head);
        for position in settled.open_positions() {
            progress.open(position);
        }
        progress
    }

    /// Where what is known ends.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Positions up to `head` are known from now on: done, unless opened.
    pub(crate) fn advance(&mut self, head: u64) {
        self.head = self.head.max(head);
    }

    /// A position is an item not done with.
    pub(crate) fn open(&mut self, position: u64) {
        let word = position / WORD_BITS;
        while word < self.base {
            self.words.push_front(0);
            self.base -= 1;
        }
        if self.words.is_empty() {
            self.base = word;
        }
        let at = usize::try_from(word - self.base).expect("invariant: bounded by the positions in memory");
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        let bit = 1 << (position % WORD_BITS);
        self.words[at] |= bit;
        self.advance(position + 1);
    }

    /// An open position is done; another one stays as it is.
    pub(crate) fn done(&mut self, position: u64) {
        let at = (position / WORD_BITS).checked_sub(self.base).and_then(|at| usize::try_from(at).ok());
        let Some(word) = at.and_then(|at| self.words.get_mut(at)) else { return };
        let bit = 1 << (position % WORD_BITS);
        if *word & bit != 0 {
            *word &= !bit;
            while self.words.front() == Some(&0) {
                self.words.pop_front();
                self.base += 1;
            }
        }
    }

    /// The first position that is not done.
    pub(crate) fn low(&self) -> u64 {
        match self.words.front() {
            Some(word) => self.base * WORD_BITS + u64::from(word.trailing_zeros()),
            None => self.head,
        }
    }

    /// The same, as it is stored.
    pub(crate) fn settled(&self) -> Settled {
        let mut open: Vec<(u64, u64)> = Vec::new();
        for (index, word) in self.words.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                let position = (self.base + index as u64) * WORD_BITS + u64::from(bit);
                match open.last_mut() {
                    Some((first, count)) if *first + *count == position => *count += 1,
                    _ => open.push((position, 1)),
                }
            }
        }
        Settled { head: self.head, open }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Equal to a plain set, whatever is opened and done in whatever order.
        #[test]
        fn progress_equals_a_set(start in 0_u64..200, steps in prop::collection::vec((any::<bool>(), 0_u64..400), 0..200)) {
            let mut progress = Progress::new(start);
            let mut open = BTreeSet::new();
            let mut head = start;
            for (opens, offset) in steps {
                let position = start + offset;
                if opens {
                    progress.open(position);
                    open.insert(position);
                    head = head.max(position + 1);
                } else {
                    progress.done(position);
                    open.remove(&position);
                }
                prop_assert_eq!(progress.low(), open.first().copied().unwrap_or(head));
                let settled = progress.settled();
                prop_assert_eq!(settled.open_positions().collect::<Vec<_>>(), open.iter().copied().collect::<Vec<_>>());
                for position in 0..head + 3 {
                    prop_assert_eq!(settled.contains(position), position < head && !open.contains(&position));
                }
            }
        }
    }
}
