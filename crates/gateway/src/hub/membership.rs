//! Memberships as a shard knows them: read when somebody connects, kept up to date by events.
//! Invariant: nobody is in a room on hearsay for longer than it takes to ask the store (D7).

use chat::{ConversationId, Event, EventKind, Membership, Meta, Role, Seq, UserId};

use super::{Changed, Hub, Job, Person};
use crate::{limits::LEFT_REMEMBERED_MAX, outbox::Frame, outgoing::Outgoing, room::Room};

impl Hub {
    /// New members hear of the event that made them members.
    pub(super) fn before(&mut self, event: &Event) {
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
    pub(super) fn after(&mut self, event: &Event) {
        match &event.kind {
            EventKind::MemberRemoved { user } => {
                if let Some(room) = self.rooms.get_mut(&event.conversation) {
                    room.members = room.members.saturating_sub(1);
                }
                self.removed(*user, event.conversation, event.seq);
            }
            EventKind::RoleChanged { user, role } => {
                self.role_changed(*user, event.conversation, event.seq, *role);
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

    pub(super) fn removed(&mut self, user: UserId, conversation: ConversationId, seq: Seq) {
        let Some(person) = self.people.get_mut(&user) else { return };
        if person.loaded {
            person.remember_left(conversation, seq);
            self.leave(user, conversation);
        } else {
            person.meanwhile.push((conversation, seq, Changed::Removed));
        }
    }

    fn role_changed(&mut self, user: UserId, conversation: ConversationId, seq: Seq, role: Role) {
        match self.people.get_mut(&user) {
            Some(person) if !person.loaded => {
                person.meanwhile.push((conversation, seq, Changed::Role(role)));
            }
            _ => self.set_role(user, conversation, role),
        }
    }

    fn set_role(&mut self, user: UserId, conversation: ConversationId, role: Role) {
        let person = self.people.get_mut(&user);
        if let Some(now) = person.and_then(|person| person.conversations.get_mut(&conversation)) {
            *now = role;
        }
    }

    /// An event of a conversation that nobody here was a member of: perhaps now somebody is.
    pub(super) fn of_unknown_room(&mut self, event: &Event, frame: &dyn Fn() -> Frame, out: &Outgoing) {
        match &event.kind {
            EventKind::Created { kind, members, .. } => {
                let room = Room::new(Some(*kind), 0, members.len() as u64);
                self.rooms.insert(event.conversation, room);
                self.tell_event(event, frame, out);
                self.drop_if_empty(event.conversation);
            }
            EventKind::MembersAdded { users, role } => {
                let here: Vec<UserId> =
                    users.iter().copied().filter(|user| self.people.contains_key(user)).collect();
                if here.is_empty() {
                    return;
                }
                self.rooms.insert(event.conversation, Room::unknown(event.seq));
                for user in &here {
                    self.added(*user, *role, event);
                }
                if !self.drop_if_empty(event.conversation) {
                    self.jobs.push(Job::Learn(event.conversation, here));
                }
            }
            EventKind::MemberRemoved { user } => self.removed(*user, event.conversation, event.seq),
            EventKind::RoleChanged { user, role } => {
                self.role_changed(*user, event.conversation, event.seq, *role);
            }
            _ => {}
        }
    }

    /// A change of a membership that was announced while memberships were read; `joined` is what was read.
    pub(super) fn catch_up(
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
                self.rooms.entry(conversation).or_insert_with(|| Room::unknown(seq));
                // The role comes with what is learned.
                self.join(user, conversation, Role::Member);
                self.jobs.push(Job::Learn(conversation, vec![user]));
            }
            Changed::Role(role) => self.set_role(user, conversation, role),
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

    pub(super) fn join(&mut self, user: UserId, conversation: ConversationId, role: Role) {
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

    pub(super) fn one_less(&mut self, conversation: ConversationId) {
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

#[cfg(test)]
mod tests {
    use chat::{CommandId, ConversationKind};

    use super::*;
    use crate::{hub::Job, outbox::Bounds, room::Turn};

    const ROOM: ConversationId = ConversationId::from_u128(1);
    const ALICE: UserId = UserId::from_u128(2);
    const BOB: UserId = UserId::from_u128(3);

    fn meta(head: Seq) -> Meta {
        Meta {
            kind: ConversationKind::Group,
            title: None,
            description: None,
            created_at: 0,
            created_by: ALICE,
            pair: None,
            head,
            messages: 0,
            members: 2,
            owners: 1,
            last_message: 0,
            active_at: 0,
        }
    }

    fn member(role: Role, joined_seq: Seq) -> Membership {
        Membership { role, joined_seq, joined_at: 0 }
    }

    /// Announces an event, as the shard does.
    fn announce(hub: &mut Hub, seq: Seq, kind: EventKind) {
        let out = Outgoing::new(Bounds { soft_bytes: 1, hard_bytes: 1 });
        let command_id = CommandId::from_u128(u128::from(seq));
        let event = Event { conversation: ROOM, seq, at: 0, actor: ALICE, command_id, kind };
        let telling = crate::announcer::Telling::new(std::sync::Arc::new(chat::Announcement::Event {
            event: Box::new(event),
            ordinal: 0,
        }));
        hub.tell(&telling, &out);
    }

    fn added(users: &[UserId]) -> EventKind {
        EventKind::MembersAdded { users: users.to_vec(), role: Role::Member }
    }

    fn role_of(hub: &Hub, user: UserId) -> Option<Role> {
        hub.standing(user, ROOM).map(|standing| standing.role)
    }

    #[test]
    fn d7_a_removal_announced_while_memberships_are_read_counts() {
        let mut hub = Hub::default();
        assert!(hub.enter(ALICE) && hub.enter(BOB));
        hub.load(ALICE, vec![(ROOM, meta(7), member(Role::Owner, 1))]);
        announce(&mut hub, 8, EventKind::MemberRemoved { user: BOB });
        hub.load(BOB, vec![(ROOM, meta(7), member(Role::Member, 3))]);
        assert_eq!((role_of(&hub, ALICE), role_of(&hub, BOB)), (Some(Role::Owner), None));
        // Read after it was added again: the older removal does not count.
        let mut hub = Hub::default();
        hub.enter(BOB);
        announce(&mut hub, 8, EventKind::MemberRemoved { user: BOB });
        hub.load(BOB, vec![(ROOM, meta(9), member(Role::Member, 9))]);
        assert_eq!(role_of(&hub, BOB), Some(Role::Member));
    }

    #[test]
    fn d4_an_addition_announced_while_memberships_are_read_is_learned() {
        let mut hub = Hub::default();
        hub.enter(BOB);
        announce(&mut hub, 8, added(&[BOB]));
        hub.load(BOB, Vec::new());
        assert_eq!(hub.take_jobs(), [Job::Learn(ROOM, vec![BOB])]);
        assert_eq!(role_of(&hub, BOB), None, "on hearsay nothing may be sent");
        hub.learned(ROOM, Some(&meta(8)), vec![(BOB, Some(member(Role::Admin, 8)))]);
        assert_eq!(role_of(&hub, BOB), Some(Role::Admin));
        assert_eq!(hub.room(ROOM).unwrap().turn(9), Turn::Healing, "from event 8 on");
    }

    #[test]
    fn d7_hearsay_that_the_store_denies_leaves_nothing() {
        let mut hub = Hub::default();
        hub.enter(BOB);
        hub.load(BOB, Vec::new());
        announce(&mut hub, 8, added(&[BOB]));
        assert_eq!(hub.take_jobs(), [Job::Learn(ROOM, vec![BOB])]);
        hub.learned(ROOM, Some(&meta(9)), vec![(BOB, None)]);
        assert!(hub.room(ROOM).is_none() && hub.head_for(BOB, ROOM).is_none());
    }

    #[test]
    fn d7_an_old_addition_announced_again_brings_nobody_back() {
        let mut hub = Hub::default();
        hub.enter(BOB);
        hub.load(BOB, vec![(ROOM, meta(8), member(Role::Member, 8))]);
        announce(&mut hub, 9, EventKind::MemberRemoved { user: BOB });
        assert!(hub.room(ROOM).is_none());
        announce(&mut hub, 8, added(&[BOB]));
        assert!(hub.head_for(BOB, ROOM).is_none());
        announce(&mut hub, 10, added(&[BOB]));
        assert!(hub.head_for(BOB, ROOM).is_some());
    }

    #[test]
    fn roles_follow_events_whenever_they_come() {
        let mut hub = Hub::default();
        hub.enter(ALICE);
        announce(&mut hub, 8, EventKind::RoleChanged { user: ALICE, role: Role::Admin });
        hub.load(ALICE, vec![(ROOM, meta(7), member(Role::Member, 1))]);
        assert_eq!(role_of(&hub, ALICE), Some(Role::Admin));
        announce(&mut hub, 8, EventKind::RoleChanged { user: ALICE, role: Role::Owner });
        assert_eq!(role_of(&hub, ALICE), Some(Role::Owner));
    }

    #[test]
    fn who_leaves_the_shard_leaves_nothing_behind() {
        let mut hub = Hub::default();
        for _ in 0..2 {
            hub.enter(ALICE);
        }
        hub.load(ALICE, vec![(ROOM, meta(7), member(Role::Member, 1))]);
        hub.entered(ALICE);
        assert!(hub.room(ROOM).is_some(), "somebody else is still entering");
        hub.entered(ALICE);
        assert!(hub.room(ROOM).is_none() && hub.people.is_empty());
    }
}
