//! Bringing the store up to date with the journal before anything is served (D8).
//! Applies each record that the tables lack, in journal order, through the same rules as the live path; what was not
//! done with when the process ended goes back into the queue.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::Ordering,
};

use chat::{Change, ConversationId, Decision, Effects, Envelope, Needs};
use journal::Position;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    apply::{
        self,
        effects::{self, Source},
    },
    codec,
    core::{Applied, Core},
    engine::Writer,
    error::{Fault, OpenError},
    limits::{REFILL_BYTES, REFILL_RECORDS, REPLAY_AHEAD_ITEMS, REPLAY_KEPT_BYTES, REPLAY_OVERRUN_FACTOR},
    queue::messages::{Arrival, Restart, item},
    record::{Dead, Moved, Record, Settled, kind},
};

/// Commands applied in one go.
const BATCH_ITEMS: usize = 1_024;

/// What the journal says about its own items.
#[derive(Default)]
struct Survey {
    settled: Settled,
    restart: Restart,
    moved: FxHashSet<u64>,
    /// Took effect at their own places, though others of their groups were moved later.
    in_place: FxHashSet<u64>,
    /// For each group with moved items, where an earlier start had decided everything at its own place.
    decided_before: FxHashMap<u128, u64>,
}

/// A command to be applied.
struct Due {
    /// The item that brought it.
    item: u64,
    /// Where it takes effect.
    position: u64,
    then: Then,
    envelope: Envelope,
}

/// What an item is once it is applied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Done with.
    Done,
    /// To be leased nevertheless: nobody knows whether what it came to has been told.
    Leased,
    /// Settled elsewhere: it was moved.
    Moved,
}

/// What commands of one conversation come to.
struct Decided {
    effects: Option<Effects>,
    /// The items with effect.
    items: Vec<u64>,
    /// Where the last of them takes effect.
    position: u64,
    /// Items without effect that will be leased.
    passed: Vec<u64>,
}

/// What a replay did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) records: u64,
    pub(crate) commands: u64,
    pub(crate) changes: u64,
}

/// A replay in progress.
struct Replay<'a> {
    core: &'a Core,
    applied: Applied,
    survey: Survey,
    /// Items below are done with or put back; from here on the queue reads the journal itself.
    head: u64,
    /// Items not decided before the crash while others of their groups were moved: from now on they count as passed.
    overtaken: Vec<u64>,
    /// Everything below is decided.
    decided_before: u64,
    /// How many more items to apply although it is not known that they had been applied.
    ahead: u64,
    batch: Vec<Due>,
    /// See [`Replay::applied_before`].
    applied_in: FxHashMap<ConversationId, u64>,
    /// Conversations that wait for the worker.
    held: FxHashSet<ConversationId>,
    behind: u64,
    done: Replayed,
}

/// Applies what the tables lack. `last` is the journal's end.
pub(crate) fn replay(core: &Core, applied: Applied, last: u64) -> Result<Replayed, OpenError> {
    let first = applied.items.first_open().min(applied.changes + 1).max(1);
    let (survey, kept) = survey(core, first, last).map_err(in_store(core))?;
    let head = applied.items.head.max(survey.settled.head).max(1);
    let mut replay = Replay {
        core,
        applied,
        survey,
        head,
        overtaken: Vec::new(),
        decided_before: last + 1,
        ahead: REPLAY_AHEAD_ITEMS,
        batch: Vec::with_capacity(BATCH_ITEMS),
        applied_in: FxHashMap::default(),
        held: FxHashSet::default(),
        behind: 0,
        done: Replayed::default(),
    };
    let restart = Restart {
        dead: replay.survey.restart.dead.clone(),
        passed: replay.survey.restart.passed.clone(),
        barriers: replay.survey.restart.barriers.clone(),
    };
    core.messages.set_restart(restart);
    replay.run(kept, first, last).map_err(in_store(core))?;
    core.decided_before.store(replay.decided_before, Ordering::Relaxed);
    core.messages.begin(head, last, replay.behind);
    if !replay.overtaken.is_empty() {
        let overtaken = std::mem::take(&mut replay.overtaken);
        overtaken.iter().for_each(|position| core.messages.note_passed(*position));
        core.append(vec![Record::Passed(overtaken).encode(core.now_ms())], |_| {}).map_err(in_store(core))?;
    }
    Ok(replay.done)
}

/// A first look: which items were given up, overtaken or moved, and which are done with. Also returns the records it
/// saw, as far as memory allows: without a gap from the first on.
fn survey(core: &Core, first: u64, last: u64) -> Result<(Survey, Vec<journal::Record>), Fault> {
    let mut survey = Survey::default();
    let (mut kept, mut room) = (Vec::new(), REPLAY_KEPT_BYTES);
    each(core, first, last, |record| {
        let position = record.position.0;
        let bytes = record.payload.len() + size_of::<journal::Record>();
        room = room.saturating_sub(bytes);
        if room > 0 {
            kept.push(record.clone());
        }
        match record.kind {
            kind::SETTLED => survey.settled = codec::decode("settled", &record.payload)?,
            kind::DEAD => {
                let dead: Dead = codec::decode("dead letter", &record.payload)?;
                if !dead.is_applied {
                    survey.restart.dead.insert(dead.item);
                }
            }
            kind::PASSED => {
                let passed: Vec<u64> = codec::decode("passed", &record.payload)?;
                survey.restart.passed.extend(passed);
            }
            kind::MOVED => {
                let moved: Moved = codec::decode("moved", &record.payload)?;
                survey.moved.insert(moved.item);
                survey.in_place.extend(moved.in_place);
                let group = moved.envelope.conversation.as_u128();
                survey.restart.barriers.insert(group, position);
                let decided = survey.decided_before.entry(group).or_default();
                *decided = moved.decided_before.max(*decided);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok((survey, kept))
}

impl Replay<'_> {
    fn run(&mut self, kept: Vec<journal::Record>, first: u64, last: u64) -> Result<(), Fault> {
        let core = self.core;
        kept.iter().try_for_each(|record| self.record(record))?;
        let next = kept.last().map_or(first, |record| record.position.0 + 1);
        drop(kept);
        each(core, next, last, |record| self.record(record))?;
        self.flush()
    }

    fn record(&mut self, record: &journal::Record) -> Result<(), Fault> {
        let position = record.position.0;
        self.done.records += 1;
        // Whether an item moved here is in the tables, only its own row can say.
        let is_known = record.kind != kind::MOVED
            && position <= self.applied.changes
            && self.applied.items.contains(position);
        let is_command = matches!(record.kind, kind::COMMAND | kind::STRAY);
        if is_known || (is_command && position >= self.head && self.ahead == 0) {
            if !is_known {
                self.decided_before = self.decided_before.min(position);
                self.behind += 1;
            }
            return Ok(());
        }
        let decoded = Record::decode(position, record.kind, &record.payload)?;
        if apply::is_change(&decoded) && position > self.applied.changes {
            self.change(position, &decoded)?;
        }
        match decoded {
            Record::Moved(Moved { item, envelope, .. }) => {
                self.apply_later(Due { item, position, then: Then::Moved, envelope })
            }
            decoded => match item(decoded, record.payload.len()) {
                Some(arrival) => self.item(position, arrival, record.time_ms),
                None => Ok(()),
            },
        }
    }

    fn change(&mut self, position: u64, record: &Record) -> Result<(), Fault> {
        if is_after_commands(record) {
            // It builds on what commands before it have noted, which may still wait in the batch.
            self.flush()?;
        }
        self.core.apply(position, record)?;
        self.done.changes += 1;
        Ok(())
    }

    fn item(&mut self, position: u64, arrival: Arrival, sent_at: u64) -> Result<(), Fault> {
        if self.applied.items.contains(position) || self.survey.restart.dead.contains(&position) {
            if position < self.head {
                self.core.messages.note_done(position);
            }
            return Ok(());
        }
        let is_settled = self.survey.settled.contains(position);
        let group = arrival.envelope.conversation.as_u128();
        // The tables are already beyond its place: its effect, if it has one, is in them.
        let is_in_tables = position < self.applied_before(arrival.envelope.conversation)?;
        let is_overtaken = self.survey.restart.barriers.get(&group).is_some_and(|at| position < *at)
            && !is_settled
            && !self.survey.in_place.contains(&position)
            && self.survey.decided_before.get(&group).is_none_or(|at| position >= *at);
        let is_elsewhere = arrival.is_stray
            || is_overtaken
            || is_in_tables
            || self.survey.restart.passed.contains(&position)
            || self.survey.moved.contains(&position);
        if is_settled && is_elsewhere {
            self.core.messages.note_done(position);
            return Ok(());
        }
        if is_settled {
            // It is applied with its batch; until then it counts as open.
            self.core.messages.note_open(position);
            let envelope = arrival.envelope;
            return self.apply_later(Due { item: position, position, then: Then::Done, envelope });
        }
        if is_overtaken {
            self.overtaken.push(position);
        }
        if is_in_tables {
            self.core.messages.note_passed(position);
        }
        match self.put_back(position, arrival, sent_at) {
            Some(envelope) if !is_elsewhere => {
                self.apply_later(Due { item: position, position, then: Then::Leased, envelope })
            }
            _ => Ok(()),
        }
    }

    /// Position of the record that took effect in a conversation last, according to the tables as they were found.
    fn applied_before(&mut self, id: ConversationId) -> Result<u64, Fault> {
        if let Some(position) = self.applied_in.get(&id) {
            return Ok(*position);
        }
        let position = self.core.applied(id)?;
        self.applied_in.insert(id, position);
        Ok(position)
    }

    /// Puts an item back into the queue, where it still is if it comes after the head; returns its command if that is
    /// to be applied as well.
    fn put_back(&mut self, position: u64, arrival: Arrival, sent_at: u64) -> Option<Envelope> {
        let is_applied = self.ahead > 0;
        if !is_applied {
            self.decided_before = self.decided_before.min(position);
        }
        self.ahead = self.ahead.saturating_sub(1);
        let envelope = is_applied.then(|| arrival.envelope.clone());
        if position < self.head {
            self.core.messages.restore(position, arrival, sent_at);
        } else {
            self.behind += 1;
        }
        envelope
    }

    fn apply_later(&mut self, due: Due) -> Result<(), Fault> {
        self.batch.push(due);
        if self.batch.len() >= BATCH_ITEMS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_ITEMS));
        let mut conversations: BTreeMap<ConversationId, Vec<&Due>> = BTreeMap::new();
        for due in &batch {
            conversations.entry(due.envelope.conversation).or_default().push(due);
        }
        let writer = self.core.engine.writer();
        for (id, dues) in conversations {
            self.apply(&writer, id, &dues)?;
        }
        self.done.commands += batch.len() as u64;
        for due in batch.iter().filter(|due| due.then == Then::Done) {
            self.core.messages.note_done(due.item);
        }
        self.core.cut_if_due(&writer);
        drop(writer);
        self.core.engine.room_blocking(REPLAY_OVERRUN_FACTOR)
    }

    /// Applies what is due in a conversation. A rule that panics is left to the queue's worker, which isolates it.
    fn apply(&mut self, writer: &Writer<'_>, id: ConversationId, dues: &[&Due]) -> Result<(), Fault> {
        let is_due = |due: &&&Due| due.then != Then::Leased || !self.held.contains(&id);
        let dues: Vec<&Due> = dues.iter().filter(is_due).copied().collect();
        let decided = catch_unwind(AssertUnwindSafe(|| self.decide(id, &dues)));
        match decided {
            Ok(decided) => self.write(writer, decided?),
            Err(_) if dues.iter().any(|due| due.then == Then::Leased) => {
                tracing::error!(conversation = %id, "a rule panicked; the conversation is left to the worker");
                self.held.insert(id);
                self.apply(writer, id, &dues)
            }
            Err(panic) => resume_unwind(panic),
        }
    }

    fn decide(&self, id: ConversationId, dues: &[&Due]) -> Result<Decided, Fault> {
        let mut needs = Needs::default();
        dues.iter().for_each(|due| needs.add(&due.envelope));
        let mut view = self.core.view(id, needs)?;
        let mut position = 0;
        let (mut items, mut passed) = (Vec::with_capacity(dues.len()), Vec::new());
        for due in dues {
            match view.decide(&due.envelope) {
                Decision::Append(event) => {
                    view.apply(&event);
                    items.push(due.item);
                    position = due.position;
                }
                Decision::Unchanged | Decision::Refused(_) if due.then == Then::Leased => {
                    passed.push(due.item);
                }
                Decision::Duplicate(_) | Decision::Unchanged | Decision::Refused(_) => {}
            }
        }
        Ok(Decided { effects: view.into_effects(), items, position, passed })
    }

    fn write(&self, writer: &Writer<'_>, decided: Decided) -> Result<(), Fault> {
        if let Some(effects) = &decided.effects {
            let source = Source { items: &decided.items, position: decided.position };
            effects::write(self.core, writer, effects, source)?;
            self.core.changed.lock().note(effects.conversation, effects.meta.head);
        }
        decided.passed.into_iter().for_each(|item| self.core.messages.note_passed(item));
        Ok(())
    }
}

/// Calls `each` with every record from `first` to `last`.
fn each(
    core: &Core,
    first: u64,
    last: u64,
    mut each: impl FnMut(&journal::Record) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut reader = core.journal.reader(Position(first));
    let mut records = Vec::new();
    while reader.position().0 <= last {
        records.clear();
        if reader.read(REFILL_RECORDS, REFILL_BYTES, &mut records)? == 0 {
            return Ok(());
        }
        records.iter().filter(|record| record.position.0 <= last).try_for_each(&mut each)?;
    }
    Ok(())
}

/// Whether a change was written down because commands before it had taken effect.
fn is_after_commands(record: &Record) -> bool {
    match record {
        Record::Erased(_) | Record::Late(_) => true,
        Record::Change(journaled) => matches!(journaled.change, Change::RemoveUploads(_)),
        _ => false,
    }
}

fn in_store(core: &Core) -> impl Fn(Fault) -> OpenError {
    let folder = core.config.data.join("store");
    move |fault| match fault {
        Fault::Read(error) => OpenError::Read(error),
        source => OpenError::Store { folder: folder.clone(), source },
    }
}
