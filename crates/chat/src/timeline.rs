//! What a reader knows of one conversation, and how events change it: state + events = state (D10).
//! The reference for every client; the simulation, the load generator and the property tests use it as it is.

use std::collections::BTreeMap;

use crate::{
    conversation::Role,
    event::{Event, EventKind, Row},
    ids::{Seq, UserId},
};

/// One conversation as a reader knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// `seq` of the last event known.
    pub head: Seq,
    /// Messages up to `head`.
    pub messages: u64,
    /// Title, if any.
    pub title: Option<String>,
    /// Description, if any.
    pub description: Option<String>,
    /// Members and their roles.
    pub members: BTreeMap<UserId, Role>,
    /// The log as it is now.
    pub rows: BTreeMap<Seq, Row>,
}

/// What an event did to a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is part of it now.
    Applied,
    /// It was part of it before; nothing changed.
    Known,
    /// Events between `head` and it are missing: fetch them first (D4).
    Gap,
}

impl Timeline {
    /// Applies one event, live or from history. Rows read from history may be ahead of the event that made them.
    pub fn apply(&mut self, event: &Event) -> Step {
        if event.seq <= self.head {
            return Step::Known;
        }
        if event.seq != self.head + 1 {
            return Step::Gap;
        }
        self.head = event.seq;
        self.messages += u64::from(matches!(event.kind, EventKind::Message { .. }));
        if let Some(row) = event.kind.target().and_then(|target| self.rows.get_mut(&target)) {
            row.apply(event);
        }
        self.apply_membership(&event.kind);
        self.rows.insert(event.seq, Row::of(event, self.messages));
        Step::Applied
    }

    fn apply_membership(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Created { title, description, members, .. } => {
                self.title.clone_from(title);
                self.description.clone_from(description);
                self.members = members.iter().copied().collect();
            }
            EventKind::Described { title, description } => {
                if title.is_some() {
                    self.title.clone_from(title);
                }
                if let Some(text) = description {
                    self.description = (!text.is_empty()).then(|| text.clone());
                }
            }
            EventKind::MembersAdded { users, role } => {
                self.members.extend(users.iter().map(|user| (*user, *role)));
            }
            EventKind::MemberRemoved { user } => drop(self.members.remove(user)),
            EventKind::RoleChanged { user, role } => drop(self.members.insert(*user, *role)),
            _ => {}
        }
    }
}
