//! Bringing the store up to date with the journal before anything is served (D8).
//! Applies each record that the tables lack, in journal order, through the same rules as the live path; what was not
//! done with when the process ended goes back into the queue.

use std::collections::BTreeMap;

use chat::{ConversationId, Decision, Envelope, Needs};
use journal::Position;
use rustc_hash::FxHashSet;

use crate::{
    apply::{self, effects},
    codec,
    core::{Applied, Core},
    engine::Writer,
    error::{Fault, OpenError},
    limits::{REFILL_BYTES, REFILL_RECORDS},
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
}

/// A command to be applied.
struct Due {
    /// The item that brought it.
    item: u64,
    /// Whether it counts as open until it is applied.
    is_open: bool,
    envelope: Envelope,
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
    batch: Vec<Due>,
    behind: u64,
    done: Replayed,
}

/// Applies what the tables lack. `last` is the journal's end.
pub(crate) fn replay(core: &Core, applied: Applied, last: u64) -> Result<Replayed, OpenError> {
    let first = applied.items.first_open().min(applied.changes + 1).max(1);
    let survey = survey(core, first, last).map_err(in_store(core))?;
    let head = applied.items.head.max(survey.settled.head).max(1);
    let mut replay = Replay {
        core,
        applied,
        survey,
        head,
        batch: Vec::with_capacity(BATCH_ITEMS),
        behind: 0,
        done: Replayed::default(),
    };
    let restart = Restart {
        dead: replay.survey.restart.dead.clone(),
        passed: replay.survey.restart.passed.clone(),
        barriers: replay.survey.restart.barriers.clone(),
    };
    core.messages.set_restart(restart);
    replay.run(first, last).map_err(in_store(core))?;
    core.messages.begin(head, last, replay.behind);
    Ok(replay.done)
}

/// A first look: which items were given up, overtaken or moved, and which are done with.
fn survey(core: &Core, first: u64, last: u64) -> Result<Survey, Fault> {
    let mut survey = Survey::default();
    each(core, first, last, |record| {
        let position = record.position.0;
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
                let group = moved.envelope.conversation.as_u128();
                survey.restart.barriers.insert(group, position);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(survey)
}

impl Replay<'_> {
    fn run(&mut self, first: u64, last: u64) -> Result<(), Fault> {
        let core = self.core;
        each(core, first, last, |record| self.record(record))?;
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
        if is_known || (is_command && position >= self.head) {
            self.behind += u64::from(!is_known);
            return Ok(());
        }
        let decoded = Record::decode(position, record.kind, &record.payload)?;
        if apply::is_change(&decoded) && position > self.applied.changes {
            self.change(position, &decoded)?;
        }
        match decoded {
            Record::Moved(Moved { item, envelope }) => {
                self.apply_later(Due { item, is_open: false, envelope })
            }
            decoded => match item(decoded, record.payload.len()) {
                Some(arrival) => self.item(position, arrival, record.time_ms),
                None => Ok(()),
            },
        }
    }

    fn change(&mut self, position: u64, record: &Record) -> Result<(), Fault> {
        self.core.apply(position, record)?;
        self.done.changes += 1;
        Ok(())
    }

    fn item(&mut self, position: u64, arrival: Arrival, sent_at: u64) -> Result<(), Fault> {
        if position >= self.head {
            self.behind += 1;
            return Ok(());
        }
        if self.applied.items.contains(position) || self.survey.restart.dead.contains(&position) {
            self.core.messages.note_done(position);
            return Ok(());
        }
        if !self.survey.settled.contains(position) {
            self.core.messages.restore(position, arrival, sent_at);
            return Ok(());
        }
        let is_elsewhere =
            self.survey.restart.passed.contains(&position) || self.survey.moved.contains(&position);
        if arrival.is_stray || is_elsewhere {
            self.core.messages.note_done(position);
            return Ok(());
        }
        // It is applied with its batch; until then it counts as open.
        self.core.messages.note_open(position);
        self.apply_later(Due { item: position, is_open: true, envelope: arrival.envelope })
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
        for due in batch.iter().filter(|due| due.is_open) {
            self.core.messages.note_done(due.item);
        }
        self.core.cut_if_due(&writer);
        drop(writer);
        self.core.engine.room_blocking()
    }

    fn apply(&self, writer: &Writer<'_>, id: ConversationId, dues: &[&Due]) -> Result<(), Fault> {
        let mut needs = Needs::default();
        dues.iter().for_each(|due| needs.add(&due.envelope));
        let mut view = self.core.view(id, needs)?;
        let mut items = Vec::with_capacity(dues.len());
        let mut last = 0;
        for due in dues {
            if let Decision::Append(event) = view.decide(&due.envelope) {
                view.apply(&event);
                items.push(due.item);
                last = last.max(due.item);
            }
        }
        if let Some(effects) = view.into_effects() {
            effects::write(self.core, writer, &effects, &items)?;
            self.core.changed.lock().note(id, last, effects.meta.head);
        }
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

fn in_store(core: &Core) -> impl Fn(Fault) -> OpenError {
    let folder = core.config.data.join("store");
    move |fault| match fault {
        Fault::Read(error) => OpenError::Read(error),
        source => OpenError::Store { folder: folder.clone(), source },
    }
}
