//! Which conversations changed last, for clients that come back: a bounded memory of heads, not of events.
//! Counts changes of this process alone: who comes back after a restart compares each conversation.

use std::collections::BTreeMap;

use chat::{ConversationId, Seq};
use rustc_hash::FxHashMap;

use crate::limits::CHANGED_CONVERSATIONS_MAX;

/// The last change of each of the conversations that changed last.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    by_conversation: FxHashMap<ConversationId, (u64, Seq)>,
    by_tick: BTreeMap<u64, ConversationId>,
    /// Changes so far.
    tick: u64,
    /// Changes up to this one may have been forgotten.
    floor: u64,
}

impl Changed {
    /// A conversation has this head now.
    pub(crate) fn note(&mut self, conversation: ConversationId, head: Seq) {
        self.tick += 1;
        if let Some((before, _)) = self.by_conversation.insert(conversation, (self.tick, head)) {
            self.by_tick.remove(&before);
        }
        self.by_tick.insert(self.tick, conversation);
        if self.by_tick.len() > CHANGED_CONVERSATIONS_MAX
            && let Some((tick, conversation)) = self.by_tick.pop_first()
        {
            self.by_conversation.remove(&conversation);
            self.floor = tick;
        }
    }

    /// Changes so far.
    pub(crate) fn tick(&self) -> u64 {
        self.tick
    }

    /// Conversations changed after `tick`; `None` when that is not known any more, or not yet.
    pub(crate) fn since(&self, tick: u64) -> Option<Vec<(ConversationId, Seq)>> {
        if tick < self.floor || tick > self.tick {
            return None;
        }
        let changed = self.by_tick.range(tick + 1..).map(|(_, conversation)| *conversation);
        Some(changed.filter_map(|id| self.by_conversation.get(&id).map(|(_, head)| (id, *head))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_conversation_is_named_once_with_its_newest_head() {
        let (one, two) = (ConversationId::from_u128(1), ConversationId::from_u128(2));
        let mut changed = Changed::default();
        let start = changed.tick();
        changed.note(one, 1);
        changed.note(two, 5);
        let middle = changed.tick();
        changed.note(one, 2);
        assert_eq!(changed.since(start), Some(vec![(two, 5), (one, 2)]));
        assert_eq!(changed.since(middle), Some(vec![(one, 2)]));
        assert_eq!(changed.since(changed.tick()), Some(vec![]));
        assert_eq!(changed.since(changed.tick() + 1), None);
    }

    #[test]
    fn what_was_forgotten_is_said_to_be_unknown() {
        let mut changed = Changed::default();
        for id in 1..=CHANGED_CONVERSATIONS_MAX as u64 + 3 {
            changed.note(ConversationId::from_u128(u128::from(id)), 1);
        }
        assert_eq!(changed.since(2), None);
        assert_eq!(changed.since(3).map(|list| list.len()), Some(CHANGED_CONVERSATIONS_MAX));
    }
}
