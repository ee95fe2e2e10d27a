//! What must be true of a world that has come to rest, one function per guarantee.
//! Reads the model itself; every sentence names what is broken so that a seed can be read without a debugger.

use std::collections::{BTreeMap, BTreeSet};

use chat::{
    Announcement, CommandId, ConversationId, Envelope, EventKind, Meta, Outcome, Refusal, Row,
    ports::{DeadLetter, EventsQuery, Queue, Store},
    timeline::Timeline,
    unread::unread,
};

use super::{
    client::{Broken, Client},
    world::{Key, World},
};

/// The logs as they are, and what a reader makes of them.
pub(super) struct Truth {
    logs: BTreeMap<ConversationId, (Meta, Vec<Row>, Timeline)>,
    /// A command sent twice may have died twice.
    dead: Vec<(Key, String)>,
}

type Verdict = Result<(), Broken>;

fn expect(holds: bool, broken: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(broken()) }
}

impl Truth {
    /// Reads everything.
    pub(super) async fn read(world: &World) -> Truth {
        let mut logs = BTreeMap::new();
        for id in &world.conversations {
            let store = &world.model.store;
            let meta = store.conversation(*id).await.expect("the model never fails").expect("it was begun");
            let page = store.events(*id, EventsQuery::After(0), usize::MAX, usize::MAX).await;
            let rows = page.expect("the model never fails").rows;
            let mut timeline = Timeline::default();
            for row in &rows {
                timeline.apply(&row.event);
            }
            logs.insert(*id, (meta, rows, timeline));
        }
        let letters =
            world.model.messages.dead_letters(None, usize::MAX).await.expect("the model never fails");
        let dead = |letter: &DeadLetter<Envelope>| {
            let envelope = letter.body.as_ref().expect("the model's letters read");
            let key = (envelope.conversation, envelope.actor, envelope.command_id);
            (key, letter.reason.clone())
        };
        Truth { logs, dead: letters.iter().map(dead).collect() }
    }

    fn row_of(&self, key: &Key) -> Option<&Row> {
        let (_, rows, _) = self.logs.get(&key.0)?;
        rows.iter().find(|row| (row.event.actor, row.event.command_id) == (key.1, key.2))
    }

    /// How many dead letters there are.
    pub(super) fn dead(&self) -> usize {
        self.dead.len()
    }

    /// How many events there are.
    pub(super) fn events(&self) -> u64 {
        self.logs.values().map(|(meta, ..)| meta.head).sum()
    }

    /// All that is true of a world at rest.
    pub(super) async fn check(&self, world: &World) -> Verdict {
        self.logs_are_contiguous_and_once()?;
        self.accepted_is_never_lost(world).await?;
        self.senders_keep_their_order(world)?;
        self.only_poison_is_dead(world)?;
        self.unread_is_a_recount(world).await?;
        self.state_is_its_events(world).await
    }

    /// D2, D3: 1, 2, 3…, and no command twice.
    fn logs_are_contiguous_and_once(&self) -> Verdict {
        for (id, (meta, rows, _)) in &self.logs {
            let mut seen = BTreeSet::new();
            for (place, row) in (1..).zip(rows) {
                expect(row.event.seq == place, || format!("D3: {id} has {} at {place}", row.event.seq))?;
                let name = (row.event.actor, row.event.command_id);
                expect(seen.insert(name), || format!("D2: {id} has a command twice: {:?}", row.event))?;
            }
            let messages = rows.iter().filter(|row| row.message.is_some()).count() as u64;
            let counts = (meta.head, meta.messages);
            expect(counts == (rows.len() as u64, messages), || format!("D9: {id} counts {counts:?}"))?;
        }
        Ok(())
    }

    /// D1, D5: every accepted command is an event, changed nothing, or its sender is told; outcomes agree (D2).
    async fn accepted_is_never_lost(&self, world: &World) -> Verdict {
        let (accepted, outcomes) = {
            let known = world.known();
            (known.accepted.values().flatten().copied().collect::<Vec<Key>>(), known.outcomes.clone())
        };
        for key in accepted {
            let outcomes = outcomes.get(&key).map(Vec::as_slice).unwrap_or_default();
            expect(!outcomes.is_empty(), || format!("D1: nothing became of {key:?}"))?;
            let stored = self.row_of(&key).map(|row| row.event.seq);
            for outcome in outcomes {
                let Outcome::Applied { seq } = outcome else { continue };
                expect(stored == Some(*seq), || {
                    format!("D2: {key:?} was said to be at {seq} and is at {stored:?}")
                })?;
            }
            if stored.is_none() && matches!(outcomes.last(), Some(Outcome::Refused(_))) {
                let told = told_of(world, &key).await;
                expect(told.iter().any(|told| outcomes.contains(&Outcome::Refused(*told))), || {
                    format!("D5: {key:?} came to {outcomes:?}, its sender is told of {told:?}")
                })?;
            }
        }
        Ok(())
    }

    /// D3: messages that one client sent one after the other stand in that order. Left out is what may rightly come
    /// to something else at a second try: a refusal or an unchanged state is no event, so it is decided again.
    fn senders_keep_their_order(&self, world: &World) -> Verdict {
        let known = world.known();
        for (client, sent) in &known.accepted {
            let mut last: BTreeMap<ConversationId, (u64, CommandId)> = BTreeMap::new();
            for key in sent {
                let outcomes = known.outcomes.get(key).map(Vec::as_slice).unwrap_or_default();
                let smooth = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Applied { .. }));
                let settled = smooth && self.was_always_a_member(key);
                let Some(row) = self.row_of(key).filter(|row| settled && is_plain_message(row)) else {
                    continue;
                };
                let now = (row.event.seq, key.2);
                let before = last.insert(key.0, now);
                expect(before.is_none_or(|before| before.0 < now.0), || {
                    format!("D3: client {client} sent {before:?} before {now:?} in {}", key.0)
                })?;
            }
        }
        Ok(())
    }

    fn was_always_a_member(&self, key: &Key) -> bool {
        let Some((_, rows, _)) = self.logs.get(&key.0) else { return false };
        !rows.iter().any(|row| match &row.event.kind {
            EventKind::MembersAdded { users, .. } => users.contains(&key.1),
            EventKind::MemberRemoved { user } => *user == key.1,
            _ => false,
        })
    }

    /// D5: nothing is given up but what cannot be processed.
    fn only_poison_is_dead(&self, world: &World) -> Verdict {
        if !world.plan.only_poison_dies() {
            return Ok(());
        }
        let known = world.known();
        let innocent: Vec<_> = self.dead.iter().filter(|(key, _)| !known.poison.contains(&key.2)).collect();
        expect(innocent.is_empty(), || format!("D5: innocent dead letters: {innocent:?}"))
    }

    /// D9: the arithmetic equals a recount.
    async fn unread_is_a_recount(&self, world: &World) -> Verdict {
        for user in &world.users {
            let entries = world.model.store.entries(*user, &world.conversations).await;
            for entry in entries.expect("the model never fails") {
                let counted = unread(entry.meta.messages, entry.mark, entry.joined_ordinal);
                let from = entry.mark.read.max(entry.membership.joined_seq);
                let Some((_, rows, _)) = self.logs.get(&entry.conversation) else { continue };
                let is_unread = |row: &&Row| row.event.seq > from && row.message.is_some();
                let recounted = rows.iter().filter(is_unread).count() as u64;
                expect(counted == recounted, || {
                    format!(
                        "D9: {user} has {counted} unread in {}, a recount says {recounted}",
                        entry.conversation
                    )
                })?;
            }
        }
        Ok(())
    }

    /// D10: the stored state is what its events make.
    async fn state_is_its_events(&self, world: &World) -> Verdict {
        for (id, (meta, rows, timeline)) in &self.logs {
            let texts = (&timeline.title, &timeline.description) == (&meta.title, &meta.description);
            expect(texts, || format!("D10: {id} is described otherwise than by its events"))?;
            let members =
                world.model.store.members(*id, None, usize::MAX).await.expect("the model never fails");
            let members: BTreeMap<_, _> =
                members.iter().map(|member| (member.user, member.membership.role)).collect();
            expect(timeline.members == members, || format!("D10: {id} has other members than its events"))?;
            let owners = members.values().filter(|role| **role == chat::Role::Owner).count() as u64;
            let counts = (meta.members, meta.owners);
            expect(counts == (members.len() as u64, owners), || format!("D10: {id} counts {counts:?}"))?;
            for row in rows {
                let stored = Row { event: row.event.for_log(), ..row.clone() };
                let made = timeline.rows.get(&row.event.seq);
                expect(made == Some(&stored), || {
                    format!("D10: {id} stores {stored:?}, events make {made:?}")
                })?;
            }
        }
        Ok(())
    }

    /// D4, D10: a client has exactly what is stored where it is a member, and nothing after it left (D7).
    pub(super) fn check_client(&self, client: &Client, how: &str) -> Verdict {
        for (id, (_, rows, timeline)) in &self.logs {
            let empty = Timeline::default();
            let own = client.timelines.get(id).unwrap_or(&empty);
            if timeline.members.contains_key(&client.user) {
                expect(own.head == timeline.head, || {
                    format!("D4: {} knows {id} up to {} of {} {how}", client.user, own.head, timeline.head)
                })?;
                expect(own == timeline, || format!("D10: {} has another {id} than the store", client.user))?;
            } else {
                let last =
                    rows.iter().rev().find(|row| ends_membership(row, client)).map_or(0, |row| row.event.seq);
                expect(own.head <= last, || {
                    format!("D7: {} left {id} at {last} and knows up to {}", client.user, own.head)
                })?;
            }
        }
        Ok(())
    }
}

fn is_plain_message(row: &Row) -> bool {
    matches!(row.event.kind, EventKind::Message { reply_to: None, .. })
}

fn ends_membership(row: &Row, client: &Client) -> bool {
    matches!(row.event.kind, EventKind::MemberRemoved { user } if user == client.user)
}

/// The refusals the sender of a command is told of.
async fn told_of(world: &World, key: &Key) -> Vec<Refusal> {
    let failures = world.model.store.failures(key.1).await.expect("the model never fails");
    let refusal = |failure| match failure {
        Announcement::Failed { user, conversation, command_id, refusal } => {
            ((conversation, user, command_id) == *key).then_some(refusal)
        }
        _ => None,
    };
    failures.into_iter().filter_map(refusal).collect()
}
