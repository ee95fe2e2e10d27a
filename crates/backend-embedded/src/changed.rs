//! Which conversations changed last, for clients that come back: a bounded memory of positions, not of events.
//! Answers with too many conversations rather than with too few.

use std::collections::BTreeMap;

use chat::{ConversationId, Seq};
use rustc_hash::FxHashMap;

use crate::limits::CHANGED_CONVERSATIONS_MAX;

/// The last change of each of the conversations that changed last.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    by_conversation: FxHashMap<ConversationId, (u64, Seq)>,
    by_position: BTreeMap<(u64, ConversationId), ()>,
    /// Changes up to this position may have been forgotten.
    floor: u64,
}

impl Changed {
    /// Knows nothing of changes up to `floor`.
    pub(crate) fn new(floor: u64) -> Changed {
        Changed { floor, ..Changed::default() }
    }

    /// A conversation has this head since the record at `position` was applied.
    pub(crate) fn note(&mut self, conversation: ConversationId, position: u64, head: Seq) {
        let before = self.by_conversation.insert(conversation, (position, head));
        if let Some((before, _)) = before {
            if before > position {
                self.by_conversation.insert(conversation, (before, head));
                return;
            }
            self.by_position.remove(&(before, conversation));
        }
        self.by_position.insert((position, conversation), ());
        if self.by_position.len() > CHANGED_CONVERSATIONS_MAX
            && let Some(((position, conversation), ())) = self.by_position.pop_first()
        {
            self.by_conversation.remove(&conversation);
            self.floor = self.floor.max(position);
        }
    }

    /// Conversations changed after `position`; `None` when that is not known any more.
    pub(crate) fn since(&self, position: u64) -> Option<Vec<(ConversationId, Seq)>> {
        if position < self.floor {
            return None;
        }
        let after = (position.saturating_add(1), ConversationId::from_u128(0));
        let changed = self.by_position.range(after..).map(|((_, conversation), ())| *conversation);
        Some(changed.filter_map(|id| self.by_conversation.get(&id).map(|(_, head)| (id, *head))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_conversation_is_named_once_with_its_newest_head() {
        let (one, two) = (ConversationId::from_u128(1), ConversationId::from_u128(2));
        let mut changed = Changed::new(10);
        changed.note(one, 11, 1);
        changed.note(two, 12, 5);
        changed.note(one, 13, 2);
        assert_eq!(changed.since(10), Some(vec![(two, 5), (one, 2)]));
        assert_eq!(changed.since(12), Some(vec![(one, 2)]));
        assert_eq!(changed.since(13), Some(vec![]));
        assert_eq!(changed.since(9), None);
    }

    #[test]
    fn what_was_forgotten_is_said_to_be_unknown() {
        let mut changed = Changed::new(0);
        for id in 1..=CHANGED_CONVERSATIONS_MAX as u64 + 3 {
            changed.note(ConversationId::from_u128(u128::from(id)), id, 1);
        }
        assert_eq!(changed.since(2), None);
        assert_eq!(changed.since(3).map(|list| list.len()), Some(CHANGED_CONVERSATIONS_MAX));
    }
}
