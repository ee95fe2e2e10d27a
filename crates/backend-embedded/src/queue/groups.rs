//! Items in memory, by group: order within a group, one batch of a group at a time, retries that hold up only theirs,
//! and short groups before long ones, so that who sends much delays who sends little by one batch at most (D6).
//! Knows neither journal nor clock: positions and times come in as arguments.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use chat::{TimestampMs, ports::Lease};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::lease_id;
use crate::limits::{GROUP_ITEMS_PER_TURN, SHORT_GROUP_ITEMS};

/// An item in memory.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    /// Names it; ascending within a group.
    pub(crate) position: u64,
    /// What it counts for against the bound on memory.
    pub(crate) bytes: usize,
    pub(crate) attempts: u32,
    pub(crate) sent_at: TimestampMs,
    pub(crate) first_failed_at: Option<TimestampMs>,
    /// Later items of the group took effect without it.
    pub(crate) is_passed: bool,
    /// It took effect later than its place says, and that is written down.
    pub(crate) is_moved: bool,
    pub(crate) body: T,
}

/// What becomes of a leased item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is on its way to the dead letters: nobody else may settle it.
    Dying,
    Done,
    Retry(Duration),
}

/// A leased item and whether it is settled.
#[derive(Debug)]
struct Leased<T> {
    entry: Entry<T>,
    fate: Option<Fate>,
}

#[derive(Debug)]
struct Group<T> {
    waiting: VecDeque<Entry<T>>,
    leased: Vec<Leased<T>>,
    /// Leased items not settled for good.
    open: usize,
    parked_until: Option<Instant>,
    /// Bytes of `waiting`.
    bytes: usize,
    /// Followers that are not in memory.
    spilled: VecDeque<u64>,
    /// Whether it stands in the list of groups that can be leased.
    is_listed: bool,
}

/// All groups that have items.
#[derive(Debug)]
pub(crate) struct Groups<T> {
    groups: FxHashMap<u128, Group<T>>,
    /// Groups with something to lease, longest ready first: those with little, and those with much.
    short: VecDeque<u128>,
    long: VecDeque<u128>,
    parked: BTreeSet<(Instant, u128)>,
    /// Groups of leased items.
    in_flight: FxHashMap<u64, u128>,
    /// Bytes of all items in memory.
    bytes: usize,
    parked_bytes: usize,
    waiting: usize,
    spilled: usize,
}

impl<T> Default for Groups<T> {
    fn default() -> Self {
        Self {
            groups: FxHashMap::default(),
            short: VecDeque::new(),
            long: VecDeque::new(),
            parked: BTreeSet::new(),
            in_flight: FxHashMap::default(),
            bytes: 0,
            parked_bytes: 0,
            waiting: 0,
            spilled: 0,
        }
    }
}

impl<T> Group<T> {
    fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            leased: Vec::new(),
            open: 0,
            parked_until: None,
            bytes: 0,
            spilled: VecDeque::new(),
            is_listed: false,
        }
    }

    fn is_idle(&self) -> bool {
        self.leased.is_empty() && self.parked_until.is_none()
    }
}

impl<T: Clone> Groups<T> {
    /// Bytes of all items in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Items not leased, those left on disk included.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting + self.spilled
    }

    /// Items leased.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Items left on disk behind groups that wait.
    pub(crate) fn spilled(&self) -> usize {
        self.spilled
    }

    /// Whether something can be leased now.
    pub(crate) fn has_ready(&self) -> bool {
        !self.short.is_empty() || !self.long.is_empty()
    }

    /// When the first retry is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.parked.first().map(|(due, _)| *due)
    }

    /// When the item was sent that has been ready longest.
    pub(crate) fn ready_since(&self) -> Option<TimestampMs> {
        let first = |key: &u128| self.groups.get(key)?.waiting.front().map(|entry| entry.sent_at);
        let fronts = [self.short.front(), self.long.front()];
        fronts.into_iter().flatten().filter_map(first).min()
    }

    /// When the oldest item in memory was sent.
    pub(crate) fn oldest(&self) -> Option<TimestampMs> {
        let first = |group: &Group<T>| {
            let leased = group.leased.first().map(|leased| leased.entry.sent_at);
            leased.or_else(|| group.waiting.front().map(|entry| entry.sent_at))
        };
        self.groups.values().filter_map(first).min()
    }

    /// Adds an item behind those of its group. Keeps its position alone (`false`) when memory holds more than
    /// `bytes_max`, or its group is put off and the groups put off hold more than `parked_bytes_max`.
    pub(crate) fn push(
        &mut self,
        key: u128,
        entry: Entry<T>,
        parked_bytes_max: usize,
        bytes_max: usize,
    ) -> bool {
        let group = self.groups.entry(key).or_insert_with(Group::new);
        let is_behind = group.parked_until.is_some() && self.parked_bytes + entry.bytes > parked_bytes_max;
        if is_behind || self.bytes > bytes_max || !group.spilled.is_empty() {
            group.spilled.push_back(entry.position);
            self.spilled += 1;
            return false;
        }
        self.bytes += entry.bytes;
        group.bytes += entry.bytes;
        if group.parked_until.is_some() {
            self.parked_bytes += entry.bytes;
        }
        self.waiting += 1;
        group.waiting.push_back(entry);
        self.list(key);
        true
    }

    /// Leases up to `max` items of groups that are free, in order. Short groups come first for half of them, so that
    /// long ones get on too; a long group gives a part while others wait.
    pub(crate) fn take(&mut self, max: usize) -> Vec<Lease<T>> {
        let mut leases = Vec::new();
        while leases.len() < max
            && let Some(key) = self.next_ready(leases.len() < max.div_ceil(2))
        {
            let is_alone = !self.has_ready();
            let group = self.groups.get_mut(&key).expect("invariant: a listed group exists");
            group.is_listed = false;
            let turn = if is_alone { usize::MAX } else { GROUP_ITEMS_PER_TURN };
            let count = group.waiting.len().min(max - leases.len()).min(turn);
            group.leased.reserve_exact(count);
            for mut entry in group.waiting.drain(..count) {
                entry.attempts += 1;
                group.bytes -= entry.bytes;
                self.in_flight.insert(entry.position, key);
                leases.push(Lease {
                    id: lease_id(entry.position, entry.attempts),
                    group: key,
                    attempts: entry.attempts,
                    sent_at: entry.sent_at,
                    body: entry.body.clone(),
                });
                group.leased.push(Leased { entry, fate: None });
            }
            group.open = group.leased.len();
            self.waiting -= count;
        }
        leases
    }

    fn next_ready(&mut self, prefers_short: bool) -> Option<u128> {
        let (first, second) = match prefers_short {
            true => (&mut self.short, &mut self.long),
            false => (&mut self.long, &mut self.short),
        };
        first.pop_front().or_else(|| second.pop_front())
    }

    /// The item of a lease that is not settled yet, and its group.
    pub(crate) fn leased_entry(&self, position: u64, attempts: u32) -> Option<(u128, &Entry<T>)> {
        let key = *self.in_flight.get(&position)?;
        let group = self.groups.get(&key)?;
        let at = group.leased.binary_search_by_key(&position, |leased| leased.entry.position).ok()?;
        let leased = &group.leased[at];
        (leased.entry.attempts == attempts && leased.fate.is_none()).then_some((key, &leased.entry))
    }

    /// Settles one lease. Whether this is the settlement that counts: not one of a lease settled before, or of an
    /// earlier try.
    pub(crate) fn settle(
        &mut self,
        position: u64,
        attempts: u32,
        fate: Fate,
        (now, now_ms): (Instant, TimestampMs),
    ) -> bool {
        let Some(&key) = self.in_flight.get(&position) else { return false };
        let group = self.groups.get_mut(&key).expect("invariant: in flight, so its group exists");
        let at = group.leased.binary_search_by_key(&position, |leased| leased.entry.position);
        let leased = &mut group.leased[at.expect("invariant: in flight, so leased by its group")];
        if leased.entry.attempts != attempts || leased.fate.is_some() {
            return false;
        }
        if fate != Fate::Done {
            leased.entry.first_failed_at.get_or_insert(now_ms);
        }
        leased.fate = Some(fate);
        if fate != Fate::Dying {
            self.close(position, key, now);
        }
        true
    }

    /// A dying item is among the dead letters now, or (`Retry`) could not be brought there.
    pub(crate) fn finish_dying(&mut self, position: u64, fate: Fate, now: Instant) {
        let Some(&key) = self.in_flight.get(&position) else { return };
        let group = self.groups.get_mut(&key).expect("invariant: in flight, so its group exists");
        let dying = group.leased.iter_mut().find(|leased| leased.entry.position == position);
        if let Some(leased) = dying.filter(|leased| leased.fate == Some(Fate::Dying)) {
            leased.fate = Some(fate);
            self.close(position, key, now);
        }
    }

    /// The items of a group that are leased and not settled, in order.
    pub(crate) fn leased(&mut self, key: u128) -> impl Iterator<Item = &mut Entry<T>> {
        let leased = self.groups.get_mut(&key).map(|group| group.leased.iter_mut());
        leased.into_iter().flatten().filter(|leased| leased.fate.is_none()).map(|leased| &mut leased.entry)
    }

    /// The items of a group that are in memory and not done with: those leased, then those that wait.
    pub(crate) fn open(&self, key: u128) -> impl Iterator<Item = &Entry<T>> {
        let group = self.groups.get(&key);
        let leased = group.into_iter().flat_map(|group| &group.leased);
        let leased = leased.filter(|leased| leased.fate != Some(Fate::Done)).map(|leased| &leased.entry);
        leased.chain(group.into_iter().flat_map(|group| &group.waiting))
    }

    /// Lets groups whose retry is due be leased again.
    pub(crate) fn unpark(&mut self, now: Instant) {
        while let Some(&(due, key)) = self.parked.first()
            && due <= now
        {
            self.parked.pop_first();
            let group = self.groups.get_mut(&key).expect("invariant: a parked group exists");
            group.parked_until = None;
            self.parked_bytes -= group.bytes;
            self.list(key);
        }
    }

    /// A group that is free but has its next items on disk, and their positions, at most `max`. They stay noted as
    /// left on disk until [`Groups::refill`].
    pub(crate) fn wanted(&self, max: usize) -> Option<(u128, Vec<u64>)> {
        if self.spilled == 0 {
            return None;
        }
        let (key, group) = self
            .groups
            .iter()
            .find(|(_, group)| group.is_idle() && group.waiting.is_empty() && !group.spilled.is_empty())?;
        Some((*key, group.spilled.iter().take(max).copied().collect()))
    }

    /// Brings back items that had been left on disk: the first ones of those noted.
    pub(crate) fn refill(&mut self, key: u128, entries: Vec<Entry<T>>) {
        let Some(group) = self.groups.get_mut(&key) else { return };
        for entry in entries {
            if group.spilled.front() == Some(&entry.position) {
                group.spilled.pop_front();
                self.spilled -= 1;
                self.bytes += entry.bytes;
                group.bytes += entry.bytes;
                self.waiting += 1;
                group.waiting.push_back(entry);
            }
        }
        self.list(key);
    }

    /// An item is settled for good or waits for a retry; when all of its batch are, the group goes on.
    fn close(&mut self, position: u64, key: u128, now: Instant) {
        self.in_flight.remove(&position);
        let group = self.groups.get_mut(&key).expect("invariant: in flight, so its group exists");
        group.open -= 1;
        if group.open > 0 {
            return;
        }
        let mut delay = None;
        for leased in std::mem::take(&mut group.leased).into_iter().rev() {
            if let Some(Fate::Retry(after)) = leased.fate {
                delay = delay.max(Some(after));
                group.bytes += leased.entry.bytes;
                self.waiting += 1;
                group.waiting.push_front(leased.entry);
            } else {
                self.bytes -= leased.entry.bytes;
            }
        }
        if let Some(delay) = delay {
            let due = now + delay;
            group.parked_until = Some(due);
            self.parked_bytes += group.bytes;
            self.parked.insert((due, key));
        }
        self.list(key);
    }

    /// Puts a group where it belongs: among those that can be leased, or away when it has nothing left.
    fn list(&mut self, key: u128) {
        let group = self.groups.get_mut(&key).expect("invariant: called for groups that exist");
        if !group.is_idle() || group.is_listed {
            return;
        }
        if !group.waiting.is_empty() {
            group.is_listed = true;
            let is_short = group.waiting.len() <= SHORT_GROUP_ITEMS;
            if is_short { self.short.push_back(key) } else { self.long.push_back(key) }
        } else if group.spilled.is_empty() {
            self.groups.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
