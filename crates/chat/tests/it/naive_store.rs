//! A store of one conversation that loads exactly what is asked and writes exactly what it is given.
//! Knows nothing of rules, so that what the effects leave out is missing.

use std::collections::{BTreeMap, BTreeSet};

use chat::{CommandId, Effects, EventKind, Membership, Meta, Needs, Row, Seq, UserId, Version, View};

use crate::commands::CONVERSATION;

/// What is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NaiveStore {
    pub(crate) meta: Option<Meta>,
    pub(crate) members: BTreeMap<UserId, Membership>,
    pub(crate) rows: BTreeMap<Seq, Row>,
    pub(crate) versions: BTreeMap<(Seq, u32), Version>,
    pub(crate) reactions: BTreeSet<(Seq, UserId, String)>,
    pub(crate) mentions: BTreeSet<(UserId, Seq)>,
    pub(crate) commands: BTreeMap<(UserId, CommandId), Seq>,
}

impl NaiveStore {
    pub(crate) fn load(&self, needs: &Needs) -> View {
        let mut view = View::new(CONVERSATION, self.meta.clone());
        for user in &needs.members {
            if let Some(membership) = self.members.get(user) {
                view.with_member(*user, *membership);
            }
        }
        let mut rows: BTreeSet<Seq> = needs.rows.iter().copied().collect();
        for name in &needs.commands {
            if let Some(seq) = self.commands.get(name) {
                view.with_command(name.0, name.1, *seq);
                rows.insert(*seq);
                rows.extend(self.rows[seq].event.kind.target());
            }
        }
        for row in rows.iter().filter_map(|seq| self.rows.get(seq)) {
            view.with_row(row.clone());
        }
        for key in needs.reactions.iter().filter(|key| self.reactions.contains(*key)) {
            view.with_reaction(key.0, key.1, key.2.clone());
        }
        view
    }

    pub(crate) fn write(&mut self, effects: Effects) {
        assert_eq!(effects.expected_head, self.meta.as_ref().map_or(0, |meta| meta.head));
        self.meta = Some(effects.meta);
        for (target, below) in effects.erased {
            self.versions.retain(|(seq, number), _| *seq != target || *number >= below);
            self.reactions.retain(|(seq, ..)| *seq != target);
        }
        self.rows.extend(effects.rows.into_iter().map(|row| (row.event.seq, row)));
        let versions = effects.versions.into_iter();
        self.versions.extend(versions.map(|version| ((version.target, version.number), version)));
        for (user, membership) in effects.members {
            match membership {
                Some(membership) => drop(self.members.insert(user, membership)),
                None => drop(self.members.remove(&user)),
            }
        }
        for (seq, user, emoji, set) in effects.reactions {
            if set {
                self.reactions.insert((seq, user, emoji));
            } else {
                self.reactions.remove(&(seq, user, emoji));
            }
        }
        for (user, seq, set) in effects.mentions {
            if set {
                self.mentions.insert((user, seq))
            } else {
                self.mentions.remove(&(user, seq))
            };
        }
        let commands = effects.commands.into_iter();
        self.commands.extend(commands.map(|(user, command, seq)| ((user, command), seq)));
    }

    /// Mentions as the messages say them.
    pub(crate) fn mentions_in_rows(&self) -> BTreeSet<(UserId, Seq)> {
        let named = self.rows.iter().filter_map(|(seq, row)| match &row.event.kind {
            EventKind::Message { mentions, .. } => Some(mentions.iter().map(|user| (*user, *seq))),
            _ => None,
        });
        named.flatten().collect()
    }
}
