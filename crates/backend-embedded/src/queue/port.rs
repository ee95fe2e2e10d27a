//! The message queue as the port says: journal first, then memory.
//! Keeps D1: `send` returns once the records are durable; D5: what dies is a record before it is gone from the queue.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chat::{
    Envelope,
    ports::{
        DeadLetter, Depth, ErrorKind, Item, Lease, LeaseId, PortError, Queue, QueueCapabilities, Settlement,
    },
};
use journal::NewRecord;
use tokio::sync::oneshot;

use super::{dead_id, groups::Fate, messages::Arrival, parse_dead_id, parse_lease_id};
use crate::{
    codec::{self, StoredDead},
    core::{Core, invalid},
    erase,
    error::Fault,
    keys::{self, Keyspace},
    limits::{
        APPEND_BYTES_MAX, APPEND_RECORDS_MAX, DEAD_REASON_BYTES_MAX, SEND_ITEMS_MAX,
        SETTLED_NOTE_ALONE_ITEMS, SETTLED_NOTE_ITEMS,
    },
    record::{self, Dead, Record, Redrive},
};

/// Delay before an item that could not be brought to the dead letters is tried again.
const NOT_BURIED_DELAY: Duration = Duration::from_secs(1);

/// The queue of commands.
pub(crate) struct MessageQueue(pub(crate) Arc<Core>);

/// Items that go into one append.
#[derive(Default)]
struct Batch {
    records: Vec<NewRecord>,
    items: Vec<Arrival>,
    bytes: usize,
}

#[async_trait]
impl Queue<Envelope> for MessageQueue {
    fn capabilities(&self) -> QueueCapabilities {
        QueueCapabilities {
            survives_restart: true,
            leases_expire: false,
            batch_max: SEND_ITEMS_MAX,
            lease_max: usize::MAX,
        }
    }

    /// The group of an item is its conversation.
    async fn send(&self, items: Vec<Item<Envelope>>) -> Result<(), PortError> {
        const OPERATION: &str = "messages.send (embedded)";
        self.0.check_running(OPERATION)?;
        if items.len() > SEND_ITEMS_MAX {
            return Err(invalid(OPERATION));
        }
        if !self.0.has_queue_room(u64::MAX) {
            return Err(PortError::new(ErrorKind::Overloaded, OPERATION));
        }
        let mut durable = Vec::with_capacity(1);
        for batch in self.batches(items).map_err(|fault| fault.at(OPERATION))? {
            durable.push(self.begin(batch).map_err(|fault| fault.at(OPERATION))?);
        }
        for outcome in durable {
            outcome.await.unwrap_or(Err(Fault::Stopped)).map_err(|fault| fault.at(OPERATION))?;
        }
        Ok(())
    }

    async fn lease(&self, max: usize, wait: Duration) -> Result<Vec<Lease<Envelope>>, PortError> {
        const OPERATION: &str = "messages.lease (embedded)";
        self.0.messages.lease(&self.0, max, wait).await.map_err(|fault| fault.at(OPERATION))
    }

    async fn settle(&self, settlements: Vec<(LeaseId, Settlement)>) -> Result<(), PortError> {
        const OPERATION: &str = "messages.settle (embedded)";
        let now_ms = self.0.now_ms();
        // Before anything is settled: what came again does not stand before the first open item.
        erase::note_late(&self.0).map_err(|fault| fault.at(OPERATION))?;
        let (mut burials, mut late) = (Vec::new(), Vec::new());
        for (id, settlement) in settlements {
            let Some((position, attempts)) = parse_lease_id(&id) else { continue };
            match settlement {
                Settlement::Done => {
                    if let Some(command) = self.0.messages.settle_done(position, attempts, now_ms) {
                        late.push((position, command));
                    }
                }
                Settlement::RetryAfter(delay) => {
                    self.0.messages.settle(position, attempts, Fate::Retry(delay), now_ms);
                }
                Settlement::Dead { reason } => {
                    burials.extend(self.begin_burial(position, attempts, reason, now_ms));
                }
            }
        }
        self.0.messages.wake();
        let mut failed = self.note_late(&late).and_then(|()| self.note_settled()).err();
        for burial in burials {
            let outcome = match burial {
                Ok(outcome) => outcome.await.unwrap_or(Err(Fault::Stopped)),
                Err(fault) => Err(fault),
            };
            failed = failed.or(outcome.err());
        }
        failed.map_or(Ok(()), |fault| Err(fault.at(OPERATION)))
    }

    async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter<Envelope>>, PortError> {
        const OPERATION: &str = "messages.dead_letters (embedded)";
        let after = after.map(|id| parse_dead_id(id).unwrap_or(u64::MAX));
        self.dead(after, limit).map_err(|fault| fault.at(OPERATION))
    }

    async fn redrive(&self, ids: &[String]) -> Result<usize, PortError> {
        const OPERATION: &str = "messages.redrive (embedded)";
        self.0.check_running(OPERATION)?;
        let _letters = self.0.messages.letters.lock().await;
        let mut sent = 0;
        for item in unique(ids) {
            let Some(dead) = self.one_dead(item).map_err(|fault| fault.at(OPERATION))? else { continue };
            self.redrive_one(item, dead).await.map_err(|fault| fault.at(OPERATION))?;
            sent += 1;
        }
        Ok(sent)
    }

    async fn drop_dead(&self, ids: &[String]) -> Result<usize, PortError> {
        const OPERATION: &str = "messages.drop_dead (embedded)";
        self.0.check_running(OPERATION)?;
        let _letters = self.0.messages.letters.lock().await;
        let mut items = Vec::new();
        for item in unique(ids) {
            if self.0.engine.contains(&keys::dead(item)).map_err(|fault| fault.at(OPERATION))? {
                items.push(item);
            }
        }
        let count = items.len();
        if count > 0 {
            self.0.change(Record::Drop(items)).await.map_err(|fault| fault.at(OPERATION))?;
        }
        Ok(count)
    }

    async fn depth(&self) -> Result<Depth, PortError> {
        let dead = self.0.engine.prefix(&keys::Key::new(Keyspace::Dead)).count() as u64;
        Ok(Depth { dead, ..self.0.messages.depth(self.0.now_ms()) })
    }
}

impl MessageQueue {
    /// Hands a batch to the journal; its items arrive in memory before the outcome is told.
    fn begin(&self, mut batch: Batch) -> Result<oneshot::Receiver<Result<(), Fault>>, Fault> {
        let core = Arc::clone(&self.0);
        let now_ms = core.now_ms();
        let mut offset = 0;
        if let Some(note) = core.messages.due_note(SETTLED_NOTE_ITEMS) {
            batch.records.insert(0, Record::Settled(note).encode(now_ms));
            offset = 1;
        }
        let (told, outcome) = oneshot::channel();
        let items = batch.items;
        self.0.append(batch.records, move |appended| {
            let outcome = appended.map_err(Fault::from).map(|appended| {
                core.messages.arrive(appended.first.0 + offset, items, now_ms);
            });
            // Whoever waits to be told goes first; the worker has time.
            drop(told.send(outcome));
            core.messages.wake();
        })?;
        Ok(outcome)
    }

    /// Items in portions that one append to the journal takes.
    fn batches(&self, items: Vec<Item<Envelope>>) -> Result<Vec<Batch>, Fault> {
        let now_ms = self.0.now_ms();
        let mut batches: Vec<Batch> = Vec::with_capacity(1);
        let room = items.len().min(APPEND_RECORDS_MAX);
        let mut known = None;
        for Item { body: envelope, .. } in items {
            // Neighbours are often of one conversation.
            let is_stray =
                known != Some(envelope.conversation) && self.0.meta(envelope.conversation)?.is_none();
            known = (!is_stray).then_some(envelope.conversation);
            let record = record::command(&envelope, is_stray, now_ms);
            let bytes = record.payload.len();
            let fits = batches.last().is_some_and(|batch| {
                batch.bytes + bytes <= APPEND_BYTES_MAX && batch.items.len() < APPEND_RECORDS_MAX
            });
            if !fits {
                // One more for a note of what is settled.
                let (records, items) = (Vec::with_capacity(room + 1), Vec::with_capacity(room));
                batches.push(Batch { records, items, bytes: 0 });
            }
            let batch = batches.last_mut().expect("invariant: pushed just now if there was none");
            batch.bytes += bytes;
            batch.records.push(record);
            batch.items.push(Arrival { envelope, bytes, is_stray });
        }
        Ok(batches)
    }

    /// Writes down which items came to nothing later than their place says. Nobody waits for it: whatever says that
    /// they are settled comes later in the journal.
    fn note_late(&self, late: &[(u64, keys::Key)]) -> Result<(), Fault> {
        let mut passed = Vec::new();
        for (position, command) in late {
            if !self.0.is_applied(command, *position)? {
                passed.push(*position);
            }
        }
        if passed.is_empty() {
            return Ok(());
        }
        self.0.append(vec![Record::Passed(passed).encode(self.0.now_ms())], |_| {})
    }

    /// Writes down what is settled where no send has taken the note along for long.
    fn note_settled(&self) -> Result<(), Fault> {
        match self.0.messages.due_note(SETTLED_NOTE_ALONE_ITEMS) {
            Some(note) => self.0.append(vec![Record::Settled(note).encode(self.0.now_ms())], |_| {}),
            None => Ok(()),
        }
    }

    /// Starts bringing a leased item to the dead letters; `None` when the lease is not open.
    fn begin_burial(
        &self,
        position: u64,
        attempts: u32,
        mut reason: String,
        now_ms: u64,
    ) -> Option<Result<Outcome, Fault>> {
        let core = &self.0;
        let (envelope, first_failed_at) = core.messages.leased(position, attempts)?;
        let is_applied = match core.is_applied(&keys::command_of(&envelope), position) {
            Ok(is_applied) => is_applied,
            Err(fault) => return Some(Err(fault)),
        };
        if !core.messages.settle(position, attempts, Fate::Dying, now_ms) {
            return None;
        }
        if let Err(fault) = erase::notice_dead(core, &envelope).and_then(|()| erase::note_late(core)) {
            return Some(Err(fault));
        }
        truncate(&mut reason, DEAD_REASON_BYTES_MAX);
        let dead = Dead {
            item: position,
            is_applied,
            reason,
            attempts,
            first_failed_at: first_failed_at.unwrap_or(now_ms),
            last_failed_at: now_ms,
            envelope,
        };
        let begun = core.begin_change(Record::Dead(dead), |_| {});
        if begun.is_err() {
            core.messages.not_buried(position, NOT_BURIED_DELAY);
        }
        Some(begun)
    }

    fn one_dead(&self, item: u64) -> Result<Option<StoredDead>, Fault> {
        let bytes = self.0.engine.get(&keys::dead(item))?;
        bytes.map(|bytes| codec::decode("dead letter", &bytes)).transpose()
    }

    fn dead(&self, after: Option<u64>, limit: usize) -> Result<Vec<DeadLetter<Envelope>>, Fault> {
        let Some(first) = after.map_or(Some(0), |after| after.checked_add(1)) else { return Ok(Vec::new()) };
        let (first, last) = (keys::dead(first), keys::dead(u64::MAX));
        let pairs = self.0.engine.range::<&[u8], _>(&first[..]..=&last[..]).take(limit);
        pairs
            .map(|pair| {
                let (key, value) = pair?;
                let dead: StoredDead = codec::decode("dead letter", &value)?;
                Ok(DeadLetter {
                    id: dead_id(keys::number(&key, 1)),
                    body: Some(dead.envelope),
                    reason: dead.reason,
                    attempts: dead.attempts,
                    first_failed_at: dead.first_failed_at,
                    last_failed_at: dead.last_failed_at,
                })
            })
            .collect()
    }

    async fn redrive_one(&self, item: u64, dead: StoredDead) -> Result<(), Fault> {
        let is_stray = self.0.meta(dead.envelope.conversation)?.is_none();
        let redrive = Redrive { item, is_stray, envelope: dead.envelope.clone() };
        let core = Arc::clone(&self.0);
        let sent_at = core.now_ms();
        let bytes = codec::encode(&dead.envelope).len();
        let begun = self.0.begin_change(Record::Redrive(redrive), move |position| {
            let arrival = Arrival { envelope: dead.envelope, bytes, is_stray };
            core.messages.arrive(position, vec![arrival], sent_at);
            core.messages.wake();
        })?;
        begun.await.unwrap_or(Err(Fault::Stopped)).map(drop)
    }
}

type Outcome = oneshot::Receiver<Result<chat::ChangeOutcome, Fault>>;

/// The items named, each once, in order; what is no name of a dead letter is left out.
fn unique(ids: &[String]) -> Vec<u64> {
    let mut items: Vec<u64> = ids.iter().filter_map(|id| parse_dead_id(id)).collect();
    items.sort_unstable();
    items.dedup();
    items
}

fn truncate(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
}
