//! Step 8: who of this shard is told what. Users → connections, conversations → connections, kept up to date by the
//! very events it tells.
//! Invariant: lives in one thread and never waits; what needs the store becomes a [`Job`] that the shard carries out.

mod membership;
mod telling;

use std::{mem, rc::Rc};

use chat::{ConversationId, ConversationKind, Membership, Meta, Role, Seq, UserId};
use rustc_hash::FxHashMap;
use slab::Slab;

use crate::{
    connection::Connection,
    room::{Room, Slot, remove},
};

/// One shard's tables.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    people: FxHashMap<UserId, Person>,
    rooms: FxHashMap<ConversationId, Room>,
    connections: Slab<Rc<Connection>>,
    /// Whose presence is watched by which connections.
    watched: FxHashMap<UserId, Vec<Slot>>,
    jobs: Vec<Job>,
}

/// Somebody connected here, or about to be.
#[derive(Debug, Default)]
struct Person {
    conversations: FxHashMap<ConversationId, Role>,
    connections: Vec<Slot>,
    /// Upgrades under way that need the person to be known.
    entering: u32,
    loaded: bool,
    /// What was announced of their memberships while those were being read.
    meanwhile: Vec<(ConversationId, Seq, Changed)>,
    /// Conversations left while connected: an old announcement must not bring them back.
    left: Vec<(ConversationId, Seq)>,
}

/// A change of one membership.
#[derive(Debug, Clone, Copy)]
enum Changed {
    Added,
    Removed,
    Role(Role),
}

/// Something the store is needed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    /// Read what a room missed.
    Heal(ConversationId),
    /// Find out what this new room is, and whether these are members of it, then heal it.
    Learn(ConversationId, Vec<UserId>),
}

/// Where somebody stands in a conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) kind: ConversationKind,
    pub(crate) role: Role,
}

impl Hub {
    // ---- Who is here ----

    /// Keeps a place for somebody who is about to connect, so that changes of their memberships are not missed while
    /// those are read. Returns whether they have to be read.
    pub(crate) fn enter(&mut self, user: UserId) -> bool {
        let person = self.people.entry(user).or_default();
        person.entering += 1;
        !person.loaded
    }

    /// Gives that place back: the connection is in the tables now, or will never be.
    pub(crate) fn entered(&mut self, user: UserId) {
        if let Some(person) = self.people.get_mut(&user) {
            person.entering -= 1;
        }
        self.forget_if_gone(user);
    }

    /// Takes the memberships of somebody who has entered, as read.
    pub(crate) fn load(&mut self, user: UserId, memberships: Vec<(ConversationId, Meta, Membership)>) {
        let Some(person) = self.people.get_mut(&user) else { return };
        if mem::replace(&mut person.loaded, true) {
            return;
        }
        let meanwhile = mem::take(&mut person.meanwhile);
        let mut joined = FxHashMap::default();
        for (conversation, meta, membership) in memberships {
            let room = || Room::new(Some(meta.kind), meta.head, meta.members);
            self.rooms.entry(conversation).or_insert_with(room);
            self.join(user, conversation, membership.role);
            joined.insert(conversation, membership.joined_seq);
        }
        for (conversation, seq, changed) in meanwhile {
            self.catch_up(user, conversation, seq, changed, joined.get(&conversation).copied());
        }
    }

    /// Puts a connection of somebody who has entered into the tables.
    pub(crate) fn connect(&mut self, connection: &Rc<Connection>) {
        let Ok(slot) = Slot::try_from(self.connections.insert(Rc::clone(connection))) else { return };
        connection.slot.set(slot);
        let Some(person) = self.people.get_mut(&connection.user) else { return };
        person.connections.push(slot);
        for conversation in person.conversations.keys() {
            if let Some(room) = self.rooms.get_mut(conversation) {
                room.connections.push(slot);
            }
        }
    }

    /// Takes a connection out of all tables.
    pub(crate) fn disconnect(&mut self, connection: &Connection) {
        let slot = connection.slot.get();
        self.watch_presence(connection, Vec::new());
        self.watch_marks(connection, Vec::new());
        self.connections.try_remove(slot as usize);
        let Some(person) = self.people.get_mut(&connection.user) else { return };
        remove(&mut person.connections, slot);
        for conversation in person.conversations.keys() {
            if let Some(room) = self.rooms.get_mut(conversation) {
                room.remove(slot);
            }
        }
        self.forget_if_gone(connection.user);
    }

    fn forget_if_gone(&mut self, user: UserId) {
        let gone = self.people.get(&user).is_some_and(|one| one.connections.is_empty() && one.entering == 0);
        if !gone {
            return;
        }
        let Some(person) = self.people.remove(&user) else { return };
        for conversation in person.conversations.into_keys() {
            self.one_less(conversation);
        }
    }

    /// All connections, by slot.
    pub(crate) fn connections(&self) -> &Slab<Rc<Connection>> {
        &self.connections
    }

    /// The connection in a slot.
    pub(crate) fn connection(&self, slot: usize) -> Option<Rc<Connection>> {
        self.connections.get(slot).map(Rc::clone)
    }

    /// Where somebody connected stands in a conversation, `None` for who is no member (D7).
    pub(crate) fn standing(&self, user: UserId, conversation: ConversationId) -> Option<Standing> {
        let role = *self.people.get(&user)?.conversations.get(&conversation)?;
        let room = self.rooms.get(&conversation)?;
        Some(Standing { kind: room.kind?, role })
    }

    /// Up to where a member of a conversation has been told here, `None` for who is no member (D7).
    pub(crate) fn head_for(&self, user: UserId, conversation: ConversationId) -> Option<Seq> {
        self.people.get(&user)?.conversations.get(&conversation)?;
        self.rooms.get(&conversation).map(|room| room.head)
    }

    /// The conversations of somebody connected, with the heads told here.
    pub(crate) fn conversations(&self, user: UserId) -> impl Iterator<Item = (ConversationId, Seq)> + '_ {
        let person = self.people.get(&user);
        let ids = person.into_iter().flat_map(|person| person.conversations.keys());
        ids.filter_map(|id| self.rooms.get(id).map(|room| (*id, room.head)))
    }

    /// The rooms there are, for the job that reads what one missed.
    pub(crate) fn room(&mut self, conversation: ConversationId) -> Option<&mut Room> {
        self.rooms.get_mut(&conversation)
    }

    /// What the store is needed for since the last call.
    pub(crate) fn take_jobs(&mut self) -> Vec<Job> {
        mem::take(&mut self.jobs)
    }

    // ---- What is watched ----

    /// Replaces whose presence a connection watches.
    pub(crate) fn watch_presence(&mut self, connection: &Connection, users: Vec<UserId>) {
        let slot = connection.slot.get();
        for user in &users {
            self.watched.entry(*user).or_default().push(slot);
        }
        // The old ones go after the new ones have come; somebody in both is listed twice until then.
        for user in connection.replace_watched_people(users) {
            if let Some(slots) = self.watched.get_mut(&user) {
                remove(slots, slot);
                if slots.is_empty() {
                    self.watched.remove(&user);
                }
            }
        }
    }

    /// Everybody whose presence is watched.
    pub(crate) fn watched_people(&self) -> Vec<UserId> {
        self.watched.keys().copied().collect()
    }

    /// Replaces which large conversations' marks a connection watches; those it may not see are left out (D7).
    pub(crate) fn watch_marks(&mut self, connection: &Connection, mut conversations: Vec<ConversationId>) {
        let slot = connection.slot.get();
        conversations.retain(|id| self.standing(connection.user, *id).is_some());
        for conversation in &conversations {
            if let Some(room) = self.rooms.get_mut(conversation) {
                room.watchers.push(slot);
            }
        }
        for conversation in connection.replace_watched_conversations(conversations) {
            if let Some(room) = self.rooms.get_mut(&conversation) {
                remove(&mut room.watchers, slot);
            }
        }
    }
}
