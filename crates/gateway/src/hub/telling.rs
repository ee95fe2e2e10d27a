//! Telling: which connections of a shard hear of an announcement.
//! Invariant: an event goes through its room in order; everything else is told as it comes.

use std::rc::Rc;

use chat::{Announcement, ConversationId, Event, SessionId, UserId};
use protocol::CloseCode;

use super::{Hub, Job};
use crate::{
    announcer::Telling,
    limits::TYPING_MEMBERS_MAX,
    outbox::{Frame, Weight},
    outgoing::Outgoing,
    room::{Slot, Turn},
};

impl Hub {
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
            Announcement::SessionsEnded { user, sessions } => {
                self.end_sessions(*user, sessions, CloseCode::SessionEnded, out);
            }
            Announcement::AccountDisabled { user, sessions } => {
                self.end_sessions(*user, sessions, CloseCode::AccountDisabled, out);
            }
            Announcement::Preferences { user, .. } => {
                self.tell_user(*user, &frame(), Weight::Durable, out);
            }
        }
    }

    /// Whether somebody has a connection here.
    pub(crate) fn is_connected(&self, user: UserId) -> bool {
        self.people.contains_key(&user)
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

    fn end_sessions(&self, user: UserId, sessions: &[SessionId], why: CloseCode, out: &Outgoing) {
        let slots = self.people.get(&user).map(|person| &person.connections[..]).unwrap_or_default();
        for connection in slots.iter().filter_map(|slot| self.connections.get(*slot as usize)) {
            if sessions.contains(&connection.session) {
                connection.close(why, out);
            }
        }
    }
}
