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
    keys::{self, Key},
    limits::{PARKED_MEMORY_PERCENT, REFILL_BYTES, REFILL_RECORDS, SPILLED_ITEMS_MAX},
    record::{Record, Redrive, Settled},
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

/// An item as it comes from its sender or from the journal.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) envelope: Envelope,
    /// Encoded.
    pub(crate) bytes: usize,
    /// Its conversation did not exist when it was sent.
    pub(crate) is_stray: bool,
}

/// Which items brought the commands of an append.
pub(crate) enum Brought {
    /// These, in order.
    By(Vec<u64>),
    /// Some of these.
    Unclear(Vec<(u64, Envelope)>),
}

/// What has to be written down before an append, so that replay decides alike.
#[derive(Default)]
pub(crate) struct Passing {
    /// Decided, without effect now, before others that have one; with the names of their commands.
    pub(crate) passed: Vec<(u64, Key)>,
    /// Taking effect later than their place says.
    pub(crate) moved: Vec<(u64, Envelope)>,
    /// The items that take effect, in order; empty when they are not known.
    pub(crate) items: Vec<u64>,
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

    /// During a start: an item came to nothing at its place. Should it come to something when it is leased, it has to
    /// be written down where.
    pub(crate) fn note_passed(&self, position: u64) {
        self.state.lock().restart.passed.insert(position);
    }

    /// During a start: what was found out about items not done with.
    pub(crate) fn set_restart(&self, restart: Restart) {
        self.state.lock().restart = restart;
    }

    /// During a start, in the order of positions: brings an item back that is not done with.
    pub(crate) fn restore(&self, position: u64, arrival: Arrival, sent_at: TimestampMs) {
        self.push(&mut self.state.lock(), position, arrival, sent_at);
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
    /// first item. Lessees are to be woken after it.
    pub(crate) fn arrive(&self, first: u64, items: Vec<Arrival>, sent_at: TimestampMs) {
        let mut state = self.state.lock();
        let count = items.len() as u64;
        state.last = (first + count).saturating_sub(1);
        let bytes: usize = items.iter().map(|item| item.bytes + ENTRY_OVERHEAD_BYTES).sum();
        let is_full = state.groups.bytes() + bytes > self.memory_bytes_max
            || state.groups.spilled() > SPILLED_ITEMS_MAX;
        if state.is_behind || is_full {
            // Some may have been read back from the journal already.
            state.is_behind = state.progress.head() <= state.last;
            state.behind += (first..first + count).filter(|at| *at >= state.progress.head()).count() as u64;
        } else {
            for (position, arrival) in (first..).zip(items) {
                if position >= state.progress.head() {
                    self.push(&mut state, position, arrival, sent_at);
                }
            }
        }
    }

    fn push(&self, state: &mut State, position: u64, arrival: Arrival, sent_at: TimestampMs) {
        state.progress.open(position);
        let entry = state.entry(position, arrival, sent_at);
        let key = entry.body.conversation.as_u128();
        let parked_bytes_max = self.memory_bytes_max / 100 * PARKED_MEMORY_PERCENT;
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
            if let Some(arrival) = item(decoded, record.payload.len()) {
                state.behind = state.behind.saturating_sub(1);
                if !state.restart.dead.contains(&position) {
                    self.push(&mut state, position, arrival, record.time_ms);
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
                if let Some(arrival) = item(decoded, record.payload.len()) {
                    entries.push(self.state.lock().entry(position, arrival, record.time_ms));
                }
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

    /// Settles a lease as done. Returns the name of its command when replay has to be told if it came to nothing: it
    /// was decided later than its place says, and at its place it might come to something.
    #[must_use]
    pub(crate) fn settle_done(&self, position: u64, attempts: u32, now_ms: TimestampMs) -> Option<Key> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let late = if state.restart.barriers.is_empty() {
            None
        } else {
            state.groups.leased_entry(position, attempts).and_then(|(key, entry)| {
                let barrier = state.restart.barriers.get(&key).copied().unwrap_or_default();
                let is_passed = entry.is_passed || state.restart.passed.contains(&position);
                let is_late = position < barrier && !is_passed && !entry.is_moved;
                is_late.then(|| keys::command_of(&entry.body))
            })
        };
        let counts = state.groups.settle(position, attempts, Fate::Done, (Instant::now(), now_ms));
        if counts {
            state.done(position);
        }
        late.filter(|_| counts)
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

    /// The leased items that brought commands, in order, or, where several items of the same command make that
    /// unclear, all items leased of the conversation.
    pub(crate) fn items(&self, id: ConversationId, commands: &[(UserId, CommandId, Seq)]) -> Brought {
        let mut state = self.state.lock();
        let mut items = Vec::with_capacity(commands.len());
        let mut next = commands.iter();
        let mut wanted = next.next();
        let mut others = Vec::new();
        for entry in state.groups.leased(id.as_u128()) {
            let name = (entry.body.actor, entry.body.command_id);
            match wanted {
                Some((user, command, _)) if name == (*user, *command) => {
                    items.push(entry.position);
                    wanted = next.next();
                }
                _ => others.push(name),
            }
        }
        let is_resend = |(user, command): &(UserId, CommandId)| {
            commands.iter().any(|(other, name, _)| (other, name) == (user, command))
        };
        if others.iter().any(is_resend) {
            let leased = state.groups.leased(id.as_u128());
            return Brought::Unclear(leased.map(|entry| (entry.position, entry.body.clone())).collect());
        }
        Brought::By(items)
    }

    /// Compares the items that take effect in a conversation with what is leased of it.
    pub(crate) fn pass(&self, id: ConversationId, items: Vec<u64>) -> Passing {
        let mut state = self.state.lock();
        let State { groups, restart, .. } = &mut *state;
        let key = id.as_u128();
        let barrier = restart.barriers.get(&key).copied().unwrap_or_default();
        let is_passed = |entry: &Entry<Envelope>| entry.is_passed || restart.passed.contains(&entry.position);
        let mut passing = Passing::default();
        let Some(last) = items.last() else { return passing };
        for entry in groups.leased(key).filter(|entry| entry.position <= *last) {
            if items.binary_search(&entry.position).is_ok() {
                let is_late = is_passed(entry) || entry.position < barrier || !passing.moved.is_empty();
                if is_late {
                    passing.moved.push((entry.position, entry.body.clone()));
                }
            } else if !is_passed(entry) {
                passing.passed.push((entry.position, keys::command_of(&entry.body)));
            }
        }
        passing.items = items;
        passing
    }

    /// Items of a conversation that are open, with the names of their commands.
    pub(crate) fn open(&self, id: ConversationId) -> Vec<(u64, Key)> {
        let state = self.state.lock();
        let open = state.groups.open(id.as_u128());
        open.map(|entry| (entry.position, keys::command_of(&entry.body))).collect()
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
            entry.is_passed |= passing.passed.iter().any(|(position, _)| *position == entry.position);
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

    /// What is done with by now, if that is worth a note in the journal: if at least so many items were settled since
    /// the last one, and (unless a single one is enough) as many as the last note had bytes.
    pub(crate) fn due_note(&self, items_min: u64) -> Option<Settled> {
        let mut state = self.state.lock();
        let worth = if items_min > 1 { items_min.max(state.note_bytes) } else { 1 };
        if state.settled_since_note < worth {
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
    fn entry(&self, position: u64, arrival: Arrival, sent_at: TimestampMs) -> Entry<Envelope> {
        Entry {
            position,
            bytes: arrival.bytes + ENTRY_OVERHEAD_BYTES,
            attempts: 0,
            sent_at,
            first_failed_at: None,
            is_passed: arrival.is_stray || self.restart.passed.contains(&position),
            is_moved: false,
            body: arrival.envelope,
        }
    }

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
pub(crate) fn item(record: Record, bytes: usize) -> Option<Arrival> {
    match record {
        Record::Command(envelope) => Some(Arrival { envelope, bytes, is_stray: false }),
        Record::Redrive(Redrive { is_stray, envelope, .. }) => Some(Arrival { envelope, bytes, is_stray }),
        Record::Stray(envelope) => Some(Arrival { envelope, bytes, is_stray: true }),
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
