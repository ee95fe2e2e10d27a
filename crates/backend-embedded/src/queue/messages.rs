//! The message queue's state: a cursor over the journal with the next items in memory, and what is done with.
//! Keeps D6: memory is bounded; items beyond the bound are left in the journal and read back when their turn comes.

use std::{sync::atomic::Ordering, time::Duration};

use chat::{
    CommandId, ConversationId, Envelope, Seq, TimestampMs, UserId,
    ports::{Depth, Lease},
};
use journal::{Position, Reader};
use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::{sync::Notify, time::Instant};

use super::{
    groups::{Entry, Fate, Groups},
    progress::Progress,
};
use crate::{
    core::Core,
    error::Fault,
    limits::{PARKED_MEMORY_PERCENT, REFILL_BYTES, REFILL_RECORDS, SETTLED_NOTE_ITEMS, SPILLED_ITEMS_MAX},
    record::{Record, Settled},
};

/// What an item takes in memory besides its text, bytes.
const ENTRY_OVERHEAD_BYTES: usize = 320;

/// The queue of accepted commands.
pub(crate) struct Messages {
    state: Mutex<State>,
    /// Something can be leased, or will be at another time than thought.
    arrived: Notify,
    /// Held through a redrive or drop, so that a dead letter is sent again once.
    pub(crate) letters: tokio::sync::Mutex<()>,
    /// Where the journal was read last.
    reader: Mutex<Option<Reader>>,
    memory_bytes_max: usize,
}

struct State {
    groups: Groups<Envelope>,
    progress: Progress,
    /// The next items are in the journal, from `progress.head()` on, not in memory.
    is_behind: bool,
    /// Items of which only the journal knows.
    behind: u64,
    /// Position of the last record the journal has told of.
    last: u64,
    is_refilling: bool,
    /// Items settled since the last note of it.
    settled_since_note: u64,
    note_bytes: u64,
    restart: Restart,
}

/// What a start found out about items not done with. Empty in ordinary times.
#[derive(Debug, Default)]
pub(crate) struct Restart {
    /// Given up before: they do not come again.
    pub(crate) dead: FxHashSet<u64>,
    /// Items that later ones of their groups have overtaken.
    pub(crate) passed: FxHashSet<u64>,
    /// For each group, the position below which its items take effect where they are put, not at their own place.
    pub(crate) barriers: FxHashMap<u128, u64>,
}

/// What has to be written down before an append, so that replay decides alike.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Passing {
    /// Decided, without effect, before others that have one.
    pub(crate) passed: Vec<u64>,
    /// Taking effect later than their place says.
    pub(crate) moved: Vec<(u64, Envelope)>,
    /// The highest position that takes effect, 0 when it is not known.
    pub(crate) last: u64,
}

impl Messages {
    /// An empty queue that knows what is done with.
    pub(crate) fn new(progress: Progress, memory_bytes_max: usize) -> Messages {
        Messages {
            state: Mutex::new(State {
                groups: Groups::default(),
                is_behind: false,
                last: progress.head().saturating_sub(1),
                progress,
                behind: 0,
                is_refilling: false,
                settled_since_note: 0,
                note_bytes: 0,
                restart: Restart::default(),
            }),
            arrived: Notify::new(),
            letters: tokio::sync::Mutex::new(()),
            reader: Mutex::new(None),
            memory_bytes_max,
        }
    }

    /// During a start: what was found out about items not done with.
    pub(crate) fn set_restart(&self, restart: Restart) {
        self.state.lock().restart = restart;
    }

    /// During a start, in the order of positions: brings an item back that is not done with.
    pub(crate) fn restore(&self, position: u64, envelope: Envelope, sent_at: TimestampMs, bytes: usize) {
        self.push(&mut self.state.lock(), position, envelope, sent_at, bytes);
    }

    /// During a start: an item is about to be applied without being leased.
    pub(crate) fn note_open(&self, position: u64) {
        self.state.lock().progress.open(position);
    }

    /// During a start: it is applied.
    pub(crate) fn note_done(&self, position: u64) {
        self.state.lock().progress.done(position);
    }

    /// Ends a start: what comes from `head` on is read from the journal, which holds `behind` items there and ends
    /// at `last`.
    pub(crate) fn begin(&self, head: u64, last: u64, behind: u64) {
        let mut state = self.state.lock();
        state.progress.advance(head);
        state.last = last;
        state.behind = behind;
        state.is_behind = state.progress.head() <= last;
        drop(state);
        self.arrived.notify_one();
    }

    /// Items are durable: called by the journal's writer in the order of positions. `first` is the position of the
    /// first item, each with its encoded bytes.
    pub(crate) fn arrive(&self, first: u64, items: Vec<(Envelope, usize)>, sent_at: TimestampMs) {
        let mut state = self.state.lock();
        let count = items.len() as u64;
        state.last = (first + count).saturating_sub(1);
        let bytes: usize = items.iter().map(|(_, bytes)| bytes + ENTRY_OVERHEAD_BYTES).sum();
        let is_full = state.groups.bytes() + bytes > self.memory_bytes_max
            || state.groups.spilled() > SPILLED_ITEMS_MAX;
        if state.is_behind || is_full {
            // Some may have been read back from the journal already.
            state.is_behind = state.progress.head() <= state.last;
            state.behind += (first..first + count).filter(|at| *at >= state.progress.head()).count() as u64;
        } else {
            for (position, (envelope, bytes)) in (first..).zip(items) {
                if position >= state.progress.head() {
                    self.push(&mut state, position, envelope, sent_at, bytes);
                }
            }
        }
        drop(state);
        self.arrived.notify_one();
    }

    fn push(
        &self,
        state: &mut State,
        position: u64,
        body: Envelope,
        sent_at: TimestampMs,
        payload_bytes: usize,
    ) {
        state.progress.open(position);
        let entry = Entry {
            position,
            bytes: payload_bytes + ENTRY_OVERHEAD_BYTES,
            attempts: 0,
            sent_at,
            first_failed_at: None,
            is_passed: state.restart.passed.contains(&position),
            is_moved: false,
            body,
        };
        let parked_bytes_max = self.memory_bytes_max / 100 * PARKED_MEMORY_PERCENT;
        let key = entry.body.conversation.as_u128();
        // Callers keep within the bound; a start with more open items than fit keeps the positions of the rest.
        let bytes_max = self.memory_bytes_max.saturating_mul(2);
        state.groups.push(key, entry, parked_bytes_max, bytes_max);
    }

    /// Leases up to `max` items, waiting up to `wait` for the first.
    pub(crate) async fn lease(
        &self,
        core: &Core,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Lease<Envelope>>, Fault> {
        let until = Instant::now() + wait;
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let has_read = self.refill(core)?;
            let due = {
                let mut state = self.state.lock();
                state.groups.unpark(Instant::now());
                let leases = state.groups.take(max);
                if !leases.is_empty() {
                    let has_more = state.groups.has_ready() || state.is_behind;
                    drop(state);
                    if has_more {
                        self.arrived.notify_one();
                    }
                    return Ok(leases);
                }
                if has_read {
                    continue;
                }
                state.groups.next_due()
            };
            if core.check_running("lease").is_err() {
                return Err(Fault::Stopped);
            }
            let wake = due.map_or(until, |due| due.min(until));
            let is_over = tokio::time::timeout_at(wake, arrived).await.is_err() && wake == until;
            if is_over || Instant::now() >= until {
                let mut state = self.state.lock();
                state.groups.unpark(Instant::now());
                return Ok(state.groups.take(max));
            }
        }
    }

    /// Reads items back from the journal where memory has room for them; whether it read any records.
    fn refill(&self, core: &Core) -> Result<bool, Fault> {
        let from = {
            let mut state = self.state.lock();
            if state.groups.spilled() > 0 {
                drop(state);
                self.refill_spilled(core)?;
                state = self.state.lock();
            }
            let has_room = !state.groups.has_ready()
                && state.groups.bytes() < self.memory_bytes_max
                && state.groups.spilled() <= SPILLED_ITEMS_MAX;
            if !state.is_behind || state.is_refilling || !has_room {
                return Ok(false);
            }
            state.is_refilling = true;
            state.progress.head()
        };
        let outcome = self.read(core, from, REFILL_RECORDS);
        let mut state = self.state.lock();
        state.is_refilling = false;
        let records = outcome?;
        let has_read = !records.is_empty();
        for record in records {
            let position = record.position.0;
            let decoded = Record::decode(position, record.kind, &record.payload)?;
            if let Some(envelope) = item(decoded) {
                state.behind = state.behind.saturating_sub(1);
                if !state.restart.dead.contains(&position) {
                    self.push(&mut state, position, envelope, record.time_ms, record.payload.len());
                }
            }
            state.progress.advance(position + 1);
        }
        state.is_behind = state.progress.head() <= state.last;
        Ok(has_read)
    }

    /// Reads back the next items of a group whose followers were left on disk.
    fn refill_spilled(&self, core: &Core) -> Result<(), Fault> {
        let Some((group, positions)) = self.state.lock().groups.wanted(REFILL_RECORDS) else { return Ok(()) };
        let mut entries = Vec::with_capacity(positions.len());
        for position in positions {
            for record in self.read(core, position, 1)? {
                let decoded = Record::decode(position, record.kind, &record.payload)?;
                let Some(body) = item(decoded) else { continue };
                entries.push(Entry {
                    position,
                    bytes: record.payload.len() + ENTRY_OVERHEAD_BYTES,
                    attempts: 0,
                    sent_at: record.time_ms,
                    first_failed_at: None,
                    is_passed: self.state.lock().restart.passed.contains(&position),
                    is_moved: false,
                    body,
                });
            }
        }
        self.state.lock().groups.refill(group, entries);
        Ok(())
    }

    fn read(&self, core: &Core, from: u64, records_max: usize) -> Result<Vec<journal::Record>, Fault> {
        let kept = self.reader.lock().take();
        let mut reader = kept
            .filter(|reader| reader.position() == Position(from))
            .unwrap_or_else(|| core.journal.reader(Position(from)));
        let mut records = Vec::new();
        reader.read(records_max, REFILL_BYTES, &mut records)?;
        *self.reader.lock() = Some(reader);
        Ok(records)
    }

    /// Settles a lease as on its way to the dead letters or to be tried again; whether it counted.
    pub(crate) fn settle(&self, position: u64, attempts: u32, fate: Fate, now_ms: TimestampMs) -> bool {
        self.state.lock().groups.settle(position, attempts, fate, (Instant::now(), now_ms))
    }

    /// Settles a lease as done. True when replay has to be told that it came to nothing: it was decided later than
    /// its place says, and at its place it might come to something.
    #[must_use]
    pub(crate) fn settle_done(&self, position: u64, attempts: u32, now_ms: TimestampMs) -> bool {
        let mut state = self.state.lock();
        let state = &mut *state;
        let came_to_nothing_late = !state.restart.barriers.is_empty()
            && state.groups.leased_entry(position, attempts).is_some_and(|(key, entry)| {
                let barrier = state.restart.barriers.get(&key).copied().unwrap_or_default();
                position < barrier && !entry.is_passed && !entry.is_moved
            });
        let counts = state.groups.settle(position, attempts, Fate::Done, (Instant::now(), now_ms));
        if counts {
            state.done(position);
        }
        counts && came_to_nothing_late
    }

    /// Lets lessees look again.
    pub(crate) fn wake(&self) {
        self.arrived.notify_one();
    }

    /// Lets all of them look again.
    pub(crate) fn wake_all(&self) {
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }

    /// The item of a lease that is not settled: itself, its tries, and when it failed first.
    pub(crate) fn leased(&self, position: u64, attempts: u32) -> Option<(Envelope, Option<TimestampMs>)> {
        let state = self.state.lock();
        let (_, entry) = state.groups.leased_entry(position, attempts)?;
        Some((entry.body.clone(), entry.first_failed_at))
    }

    /// An item on its way to the dead letters could not be brought there: it comes again.
    pub(crate) fn not_buried(&self, position: u64, delay: Duration) {
        self.state.lock().groups.finish_dying(position, Fate::Retry(delay), Instant::now());
        self.wake();
    }

    /// A change was applied that the queue waited for.
    pub(crate) fn after_change(&self, core: &Core, record: &Record) {
        if let Record::Dead(dead) = record {
            let mut state = self.state.lock();
            state.groups.finish_dying(dead.item, Fate::Done, Instant::now());
            state.done(dead.item);
            drop(state);
            core.waiters.died(&dead.envelope, dead.is_applied);
            self.wake();
        }
    }

    /// Compares what takes effect in a conversation with what is leased of it.
    pub(crate) fn pass(&self, id: ConversationId, commands: &[(UserId, CommandId, Seq)]) -> Passing {
        let mut state = self.state.lock();
        let key = id.as_u128();
        let barrier = state.restart.barriers.get(&key).copied().unwrap_or_default();
        let mut passing = Passing::default();
        let mut behind = Vec::new();
        let mut next = commands.iter();
        let mut wanted = next.next();
        for entry in state.groups.leased(key) {
            let Some((user, command, _)) = wanted else { break };
            if (entry.body.actor, entry.body.command_id) != (*user, *command) {
                if !entry.is_passed {
                    behind.push(entry.position);
                }
                continue;
            }
            wanted = next.next();
            passing.last = passing.last.max(entry.position);
            passing.passed.append(&mut behind);
            let is_late = entry.is_passed || entry.position < barrier || !passing.moved.is_empty();
            if is_late {
                passing.moved.push((entry.position, entry.body.clone()));
            }
        }
        passing
    }

    /// What [`Messages::pass`] found is durable: `at` is the position of the group's last record of it.
    pub(crate) fn passed(&self, id: ConversationId, passing: &Passing, at: u64) {
        let mut state = self.state.lock();
        let key = id.as_u128();
        if !passing.moved.is_empty() {
            let barrier = state.restart.barriers.entry(key).or_default();
            *barrier = at.max(*barrier);
        }
        for entry in state.groups.leased(key) {
            entry.is_passed |= passing.passed.contains(&entry.position);
            entry.is_moved |= passing.moved.iter().any(|(position, _)| *position == entry.position);
        }
    }

    /// What is done with by now.
    pub(crate) fn settled(&self) -> Settled {
        self.state.lock().progress.settled()
    }

    /// The last position with everything up to it done.
    pub(crate) fn low_position(&self) -> u64 {
        self.state.lock().progress.low().saturating_sub(1)
    }

    /// What is done with by now, if that is worth a note in the journal.
    pub(crate) fn due_note(&self, is_forced: bool) -> Option<Settled> {
        let mut state = self.state.lock();
        let worth = SETTLED_NOTE_ITEMS.max(state.note_bytes);
        if state.settled_since_note == 0 || (!is_forced && state.settled_since_note < worth) {
            return None;
        }
        let note = state.progress.settled();
        state.settled_since_note = 0;
        state.note_bytes = 4 * note.open.len() as u64;
        Some(note)
    }

    /// How full it is; dead letters are counted elsewhere.
    pub(crate) fn depth(&self, now_ms: TimestampMs) -> Depth {
        let state = self.state.lock();
        let oldest = state.groups.oldest().map_or(0, |sent_at| now_ms.saturating_sub(sent_at));
        Depth {
            waiting: state.groups.waiting() as u64 + state.behind,
            in_flight: state.groups.in_flight() as u64,
            dead: 0,
            oldest_age_ms: oldest,
        }
    }

    /// Items waiting, and how long the next one has been ready, milliseconds.
    pub(crate) fn lag(&self, now_ms: TimestampMs) -> (u64, u64) {
        let state = self.state.lock();
        let waiting = state.groups.waiting() as u64 + state.behind;
        let since = state.groups.ready_since();
        (waiting, since.map_or(0, |sent_at| now_ms.saturating_sub(sent_at)))
    }

    /// Bytes of items in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.state.lock().groups.bytes()
    }
}

impl State {
    fn done(&mut self, position: u64) {
        self.progress.done(position);
        self.settled_since_note += 1;
        if !self.restart.is_empty() {
            self.restart.passed.remove(&position);
            let low = self.progress.low();
            self.restart.barriers.retain(|_, barrier| *barrier > low);
            self.restart.dead.retain(|dead| *dead >= low);
        }
    }
}

impl Restart {
    fn is_empty(&self) -> bool {
        self.dead.is_empty() && self.passed.is_empty() && self.barriers.is_empty()
    }
}

/// The queue item a record is, if it is one.
pub(crate) fn item(record: Record) -> Option<Envelope> {
    match record {
        Record::Command(envelope) => Some(envelope),
        Record::Redrive(redrive) => Some(redrive.envelope),
        _ => None,
    }
}

impl Core {
    /// Whether more may be sent: neither too many items wait nor have they waited for too long.
    pub(crate) fn has_queue_room(&self, age_max_ms: u64) -> bool {
        let (waiting, age_ms) = self.messages.lag(self.now_ms());
        waiting < self.config.queue_items_max && age_ms <= age_max_ms
    }

    /// Ends the wait of everybody who leases.
    pub(crate) fn stop_queue(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.messages.wake_all();
    }
}
