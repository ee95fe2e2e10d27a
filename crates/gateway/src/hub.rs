//! Step 8: who of this shard is told what. Users → connections, conversations → connections, kept up to date by the
//! very events it tells.
//! Invariant: lives in one thread and never waits; what needs the store becomes a [`Job`] that the shard carries out.

use std::{mem, rc::Rc};

use chat::{
    Announcement, ConversationId, ConversationKind, Event, EventKind, Membership, Meta, Role, Seq, SessionId,
    UserId,
};
use protocol::CloseCode;
use rustc_hash::FxHashMap;
use slab::Slab;

use crate::{
    announcer::Telling,
    connection::Connection,
    limits::{LEFT_REMEMBERED_MAX, TYPING_MEMBERS_MAX},
    outbox::{Frame, Weight},
    outgoing::Outgoing,
    room::{Room, Slot, Turn, remove},
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
    // ---- Who is here -------------------------------------------------------------------------------------------

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

    // ---- What is watched ---------------------------------------------------------------------------------------

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

    // ---- What is told ------------------------------------------------------------------------------------------

    /// Tells one announcement to whom it concerns here.
    pub(crate) fn tell(&mut self, telling: &Telling, out: &Outgoing) {
        let frame = || Frame::from(&telling.frame[..]);
        match &*telling.announcement {
            Announcement::Event { event, .. } => self.announced(event, &frame, out),
            Announcement::Failed { user, .. } => self.tell_user(*user, &frame(), Weight::Durable, out),
            Announcement::Marks { conversation, user, to_all, .. } => {
                self.tell_marks(*conversation, *user, *to_all, &frame, out);
            }
            Announcement::Typing { conversation, user } => {
                self.tell_typing(*conversation, *user, &frame, out);
            }
            Announcement::Presence { user, .. } => {
                if let Some(slots) = self.watched.get(user) {
                    self.tell_slots(slots, &frame(), Weight::Ephemeral, out);
                }
            }
            Announcement::SessionsEnded { user, sessions } => self.end_sessions(*user, sessions, out),
        }
    }

    /// An event as announced: told now if it is the next of its room.
    fn announced(&mut self, event: &Event, frame: &dyn Fn() -> Frame, out: &Outgoing) {
        match self.rooms.get_mut(&event.conversation).map(|room| room.turn(event.seq)) {
            Some(Turn::Next) => self.tell_event(event, frame, out),
            Some(Turn::Heal) => self.jobs.push(Job::Heal(event.conversation)),
            Some(Turn::Known | Turn::Healing) => {}
            None => self.of_unknown_room(event, frame, out),
        }
    }

    /// Tells the next event of a room and does to the room what it says.
    pub(crate) fn tell_event(&mut self, event: &Event, frame: &dyn Fn() -> Frame, out: &Outgoing) {
        self.before(event);
        let Some(room) = self.rooms.get_mut(&event.conversation) else { return };
        room.head = event.seq;
        let mut told = 0;
        if !room.connections.is_empty() {
            let frame = frame();
            for slot in &room.connections {
                let Some(connection) = self.connections.get(*slot as usize) else { continue };
                if connection.takes(event.conversation, event.seq) {
                    connection.push(Rc::clone(&frame), Weight::Durable, out);
                    told += 1;
                }
            }
        }
        out.stats.deliveries.add(told);
        out.stats.events.add(usize::from(told > 0));
        self.after(event);
    }

    /// New members hear of the event that made them members.
    fn before(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Created { members, .. } => {
                for (user, role) in members {
                    self.added(*user, *role, event);
                }
            }
            EventKind::MembersAdded { users, role } => {
                if let Some(room) = self.rooms.get_mut(&event.conversation) {
                    room.members += users.len() as u64;
                }
                for user in users {
                    self.added(*user, *role, event);
                }
            }
            _ => {}
        }
    }

    /// Those who went hear of the event that ended their membership.
    fn after(&mut self, event: &Event) {
        match &event.kind {
            EventKind::MemberRemoved { user } => {
                if let Some(room) = self.rooms.get_mut(&event.conversation) {
                    room.members = room.members.saturating_sub(1);
                }
                self.removed(*user, event.conversation, event.seq);
            }
            EventKind::RoleChanged { user, role } => {
                let Some(person) = self.people.get_mut(user) else { return };
                if !person.loaded {
                    person.meanwhile.push((event.conversation, event.seq, Changed::Role(*role)));
                } else if let Some(now) = person.conversations.get_mut(&event.conversation) {
                    *now = *role;
                }
            }
            _ => {}
        }
    }

    fn added(&mut self, user: UserId, role: Role, event: &Event) {
        let Some(person) = self.people.get_mut(&user) else { return };
        if !person.loaded {
            person.meanwhile.push((event.conversation, event.seq, Changed::Added));
        } else if !person.has_left(event.conversation, event.seq) {
            self.join(user, event.conversation, role);
        }
    }

    fn removed(&mut self, user: UserId, conversation: ConversationId, seq: Seq) {
        let Some(person) = self.people.get_mut(&user) else { return };
        if person.loaded {
            person.remember_left(conversation, seq);
            self.leave(user, conversation);
        } else {
            person.meanwhile.push((conversation, seq, Changed::Removed));
        }
    }

    /// An event of a conversation that nobody here was a member of: perhaps now somebody is.
    fn of_unknown_room(&mut self, event: &Event, frame: &dyn Fn() -> Frame, out: &Outgoing) {
        match &event.kind {
            EventKind::Created { kind, members, .. } => {
                if members.iter().any(|(user, _)| self.people.contains_key(user)) {
                    let room = Room::new(Some(*kind), 0, members.len() as u64);
                    self.rooms.insert(event.conversation, room);
                    self.tell_event(event, frame, out);
                    self.drop_if_empty(event.conversation);
                }
            }
            EventKind::MembersAdded { users, role } => {
                let here: Vec<UserId> =
                    users.iter().copied().filter(|user| self.people.contains_key(user)).collect();
                if here.is_empty() {
                    return;
                }
                let mut room = Room::new(None, event.seq - 1, 0);
                room.healing_to = Some(event.seq);
                self.rooms.insert(event.conversation, room);
                for user in &here {
                    self.added(*user, *role, event);
                }
                if !self.drop_if_empty(event.conversation) {
                    self.jobs.push(Job::Learn(event.conversation, here));
                }
            }
            EventKind::MemberRemoved { user } => self.removed(*user, event.conversation, event.seq),
            _ => {}
        }
    }

    /// A change of a membership that was announced while memberships were read; `joined` is what was read.
    fn catch_up(
        &mut self,
        user: UserId,
        conversation: ConversationId,
        seq: Seq,
        changed: Changed,
        joined: Option<Seq>,
    ) {
        match changed {
            Changed::Removed if joined.is_some_and(|joined| joined < seq) => {
                self.removed(user, conversation, seq);
            }
            Changed::Added if joined.is_none() => {
                let unknown = !self.rooms.contains_key(&conversation);
                if unknown {
                    let mut room = Room::new(None, seq - 1, 0);
                    room.healing_to = Some(seq);
                    self.rooms.insert(conversation, room);
                }
                // The role comes with what is learned.
                self.join(user, conversation, Role::Member);
                self.jobs.push(Job::Learn(conversation, vec![user]));
            }
            Changed::Role(role) => {
                let person = self.people.get_mut(&user);
                if let Some(now) = person.and_then(|person| person.conversations.get_mut(&conversation)) {
                    *now = role;
                }
            }
            Changed::Added | Changed::Removed => {}
        }
    }

    /// Takes what was learned of a room: what it is, and the memberships of those who joined on hearsay.
    pub(crate) fn learned(
        &mut self,
        conversation: ConversationId,
        meta: Option<&Meta>,
        members: Vec<(UserId, Option<Membership>)>,
    ) {
        for (user, membership) in members {
            let here = self.people.get_mut(&user).and_then(|one| one.conversations.get_mut(&conversation));
            match (here, membership) {
                (Some(role), Some(membership)) => *role = membership.role,
                (Some(_), None) => self.leave(user, conversation),
                (None, _) => {}
            }
        }
        if let (Some(room), Some(meta)) = (self.rooms.get_mut(&conversation), meta) {
            room.kind = Some(meta.kind);
            room.members = room.members.max(meta.members);
        }
    }

    fn join(&mut self, user: UserId, conversation: ConversationId, role: Role) {
        let Some(person) = self.people.get_mut(&user) else { return };
        let Some(room) = self.rooms.get_mut(&conversation) else { return };
        if person.conversations.insert(conversation, role).is_none() {
            room.people += 1;
            room.connections.extend_from_slice(&person.connections);
        }
    }

    fn leave(&mut self, user: UserId, conversation: ConversationId) {
        let Some(person) = self.people.get_mut(&user) else { return };
        if person.conversations.remove(&conversation).is_none() {
            return;
        }
        if let Some(room) = self.rooms.get_mut(&conversation) {
            for slot in &person.connections {
                room.remove(*slot);
            }
        }
        self.one_less(conversation);
    }

    fn one_less(&mut self, conversation: ConversationId) {
        if let Some(room) = self.rooms.get_mut(&conversation) {
            room.people -= 1;
        }
        self.drop_if_empty(conversation);
    }

    fn drop_if_empty(&mut self, conversation: ConversationId) -> bool {
        let empty = self.rooms.get(&conversation).is_some_and(|room| room.people == 0);
        if empty {
            self.rooms.remove(&conversation);
        }
        empty
    }

    fn tell_user(&self, user: UserId, frame: &Frame, weight: Weight, out: &Outgoing) {
        if let Some(person) = self.people.get(&user) {
            self.tell_slots(&person.connections, frame, weight, out);
        }
    }

    fn tell_slots(&self, slots: &[Slot], frame: &Frame, weight: Weight, out: &Outgoing) {
        for slot in slots {
            if let Some(connection) = self.connections.get(*slot as usize) {
                connection.push(Rc::clone(frame), weight, out);
            }
        }
    }

    fn tell_marks(
        &self,
        conversation: ConversationId,
        user: UserId,
        to_all: bool,
        frame: &dyn Fn() -> Frame,
        out: &Outgoing,
    ) {
        let Some(room) = self.rooms.get(&conversation) else { return };
        if to_all {
            return self.tell_slots(&room.connections, &frame(), Weight::Ephemeral, out);
        }
        let frame = frame();
        self.tell_user(user, &frame, Weight::Ephemeral, out);
        for slot in &room.watchers {
            let watcher = self.connections.get(*slot as usize).filter(|watcher| watcher.user != user);
            if let Some(watcher) = watcher {
                watcher.push(Rc::clone(&frame), Weight::Ephemeral, out);
            }
        }
    }

    fn tell_typing(
        &self,
        conversation: ConversationId,
        user: UserId,
        frame: &dyn Fn() -> Frame,
        out: &Outgoing,
    ) {
        let room = self.rooms.get(&conversation).filter(|room| room.members <= TYPING_MEMBERS_MAX);
        let Some(room) = room else { return };
        let frame = frame();
        for slot in &room.connections {
            let other = self.connections.get(*slot as usize).filter(|other| other.user != user);
            if let Some(other) = other {
                other.push(Rc::clone(&frame), Weight::Ephemeral, out);
            }
        }
    }

    fn end_sessions(&self, user: UserId, sessions: &[SessionId], out: &Outgoing) {
        let slots = self.people.get(&user).map(|person| &person.connections[..]).unwrap_or_default();
        for connection in slots.iter().filter_map(|slot| self.connections.get(*slot as usize)) {
            if sessions.contains(&connection.session) {
                connection.close(CloseCode::SessionEnded, out);
            }
        }
    }
}

impl Person {
    fn has_left(&self, conversation: ConversationId, seq: Seq) -> bool {
        self.left.iter().any(|(left, at)| *left == conversation && seq <= *at)
    }

    fn remember_left(&mut self, conversation: ConversationId, seq: Seq) {
        self.left.retain(|(left, _)| *left != conversation);
        if self.left.len() == LEFT_REMEMBERED_MAX {
            self.left.remove(0);
        }
        self.left.push((conversation, seq));
    }
}
