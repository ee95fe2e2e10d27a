//! What a round tells: its events and failures into the notifications queue, its failures into the store.
//! Invariant: a command is settled as done only after what it came to has been handed on.

use std::{collections::HashSet, mem, time::Duration};

use chat::{
    Announcement, Envelope, Refusal,
    ports::{Item, PortError, Queue, Randomness, Store},
};

use crate::{
    limits::ISOLATE_ATTEMPTS,
    retry,
    round::{Fate, Work},
    settling::reason,
};

/// Where a round's news go.
pub(crate) struct Outgoing<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) notifications: &'a dyn Queue<Announcement>,
    pub(crate) randomness: &'a dyn Randomness,
}

impl Outgoing<'_> {
    /// Hands everything on. A command whose news cannot be handed on now waits, and so do those behind it in its
    /// conversation: they will be found stored and told of again.
    pub(crate) async fn send(&self, work: &mut [Work]) {
        self.keep_failures(work).await;
        let batch_max = self.notifications.capabilities().batch_max.max(1);
        let mut held = HashSet::new();
        let mut rest = &mut *work;
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at_mut(chunk_len(rest, batch_max));
            let items: Vec<Item<Announcement>> = chunk
                .iter_mut()
                .filter(|work| !held.contains(&work.lease.body.conversation))
                .filter_map(take_item)
                .collect();
            let told = if items.is_empty() { Ok(()) } else { self.notifications.send(items).await };
            if let Err(error) = told {
                self.not_told(chunk, &error);
                held.extend(
                    chunk.iter().filter(|work| work.handed_on).map(|work| work.lease.body.conversation),
                );
            }
            rest = after;
        }
        self.put_off(work);
    }

    /// Gives everything of one conversation that could not be told the same delay, so that it comes back together.
    fn put_off(&self, work: &mut [Work]) {
        let same = |one: &Work, next: &Work| one.lease.body.conversation == next.lease.body.conversation;
        for run in work.chunk_by_mut(same) {
            let Some(first) = run.iter().find(|work| is_untold(work)) else { continue };
            let pause = retry::backoff(first.lease.attempts, self.randomness);
            for work in run.iter_mut().filter(|work| is_untold(work)) {
                let floor = if let Fate::Wait(floor) = work.fate { floor } else { Duration::ZERO };
                work.fate = Fate::Wait(floor + pause);
            }
        }
    }

    /// Keeps failures for senders who are away. When that fails for now, those commands wait.
    async fn keep_failures(&self, work: &mut [Work]) {
        let failures: Vec<Announcement> =
            work.iter().filter_map(|work| failure(&work.lease.body, &work.fate)).collect();
        if failures.is_empty() {
            return;
        }
        let Err(error) = self.store.record_failures(failures).await else { return };
        if !error.is_transient() {
            tracing::error!(%error, "failures are told to who is connected, but could not be kept");
            return;
        }
        let failed = |work: &Work| failure(&work.lease.body, &work.fate).is_some();
        let delay =
            retry::delay(attempts_of(work.iter().filter(|work| failed(work))), &error, self.randomness);
        for work in work.iter_mut().filter(|work| failed(work)) {
            work.fate = Fate::Wait(delay);
        }
    }

    /// A full or silent notifications queue is no fault of a command: it waits as long as that takes, its senders are
    /// slowed down in the end (D6). Only news that can never be told are given up.
    fn not_told(&self, chunk: &mut [Work], error: &PortError) {
        let alone = chunk.iter().filter(|work| work.handed_on).count() == 1;
        for work in chunk.iter_mut().filter(|work| work.handed_on) {
            let give_up = alone && !error.is_transient();
            work.fate = match mem::replace(&mut work.fate, Fate::Quiet) {
                // It did not happen, and its failure is kept in the store: the sender learns of it there.
                Fate::Dead(why) if give_up => Fate::Dead(why),
                Fate::Refused(refusal) if give_up => Fate::Refused(refusal),
                _ if give_up => {
                    Fate::Untold(format!("stored, but not announced: {}", reason(error, work.lease.attempts)))
                }
                _ => Fate::Wait(retry::floor(error)),
            };
        }
    }
}

/// The most tries any of them had.
fn attempts_of<'a>(work: impl Iterator<Item = &'a Work>) -> u32 {
    work.map(|work| work.lease.attempts).max().unwrap_or(1)
}

/// As much as one call takes; what has failed several times is told alone, so that one bad item drags no others.
fn chunk_len(work: &[Work], batch_max: usize) -> usize {
    let together =
        work.iter().take_while(|work| work.lease.attempts < ISOLATE_ATTEMPTS).take(batch_max).count();
    together.max(1)
}

fn has_news(fate: &Fate) -> bool {
    matches!(fate, Fate::Event { .. } | Fate::Refused(_) | Fate::Dead(_))
}

/// Whether its news were refused or not even offered.
fn is_untold(work: &Work) -> bool {
    if work.handed_on { matches!(work.fate, Fate::Wait(_)) } else { has_news(&work.fate) }
}

fn take_item(work: &mut Work) -> Option<Item<Announcement>> {
    let envelope = &work.lease.body;
    let body = match mem::replace(&mut work.fate, Fate::Quiet) {
        Fate::Event { event, ordinal, .. } => Announcement::Event { event, ordinal },
        fate => {
            work.fate = fate;
            failure(envelope, &work.fate)?
        }
    };
    work.handed_on = true;
    let group = envelope.conversation.as_u128();
    let dedup = match body.seq() {
        Some(seq) => group.rotate_left(64) ^ u128::from(seq),
        None => {
            group.rotate_left(64) ^ envelope.command_id.as_u128() ^ envelope.actor.as_u128().rotate_left(32)
        }
    };
    Some(Item { group, dedup, body })
}

fn failure(envelope: &Envelope, fate: &Fate) -> Option<Announcement> {
    let refusal = match fate {
        Fate::Refused(refusal) => *refusal,
        Fate::Dead(_) => Refusal::DeadLettered,
        _ => return None,
    };
    Some(Announcement::Failed {
        user: envelope.actor,
        conversation: envelope.conversation,
        command_id: envelope.command_id,
        refusal,
    })
}
