//! The thread that fills the index: a first time from the store's rows, then behind the journal.
//! Invariant: what is written for an item is the message as the store has it now, so writing it again changes nothing;
//! only an item met for the first time, in its order, may be added without replacing.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use chat::{Command, ConversationId, Envelope, Seq};
use journal::Position;
use std::sync::Arc;
use tantivy::{IndexWriter, TantivyDocument, index::SegmentId, merge_policy::LogMergePolicy};

use super::{
    SearchIndex, Waiter,
    folder::Opened,
    progress::{Progress, together, up_to},
    reload,
};
use crate::{
    codec,
    core::Core,
    error::Fault,
    keys::{self, Keyspace},
    limits::{
        REFILL_BYTES, REFILL_RECORDS, REPLAY_AHEAD_ITEMS, SEARCH_COMMIT_DOCUMENTS, SEARCH_COMMIT_INTERVAL_MS,
        SEARCH_FILL_ROWS, SEARCH_HEAP_BYTES, SEARCH_ITEMS_APART_MAX, SEARCH_LINGER_MS, SEARCH_OPEN_ITEMS_MAX,
    },
    queue::messages::item,
    record::Record,
    record::Settled,
};

/// Feeds until nothing new has come for a while, or the backend stops.
pub(super) fn feed(search: &Arc<SearchIndex>) -> Result<(), Fault> {
    let mut feeder = Feeder::new(search)?;
    let mut quiet_since = Instant::now();
    loop {
        let waiters = std::mem::take(&mut search.lock().waiters);
        if feeder.round(!waiters.is_empty())? {
            quiet_since = Instant::now();
        }
        feeder.tell(waiters)?;
        feeder.forget_stale()?;
        let is_idle = feeder.pending == 0 && quiet_since.elapsed() >= Duration::from_millis(SEARCH_LINGER_MS);
        let state = search.lock();
        if state.is_stopping || (is_idle && state.waiters.is_empty()) {
            drop(state);
            return feeder.end(is_idle);
        }
        if state.waiters.is_empty() {
            let pause = Duration::from_millis(SEARCH_COMMIT_INTERVAL_MS / 2);
            drop(search.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

struct Feeder<'a> {
    search: &'a Arc<SearchIndex>,
    core: &'a Core,
    /// Made when there is something to write.
    target: Option<Target>,
    progress: Progress,
    /// Documents written and not committed.
    pending: u64,
    pending_since: Instant,
}

struct Target {
    opened: Arc<Opened>,
    writer: IndexWriter,
}

/// How a message gets into the index.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It is not there yet.
    New,
    /// It may be there.
    Again,
}

impl<'a> Feeder<'a> {
    fn new(search: &'a Arc<SearchIndex>) -> Result<Feeder<'a>, Fault> {
        let core = &*search.core;
        let known = search.lock().progress.clone();
        let progress = match search.opened(false)? {
            Some(opened) => known.unwrap_or_else(|| opened.progress.clone()),
            None => super::folder::stored_progress(core),
        };
        let pending_since = Instant::now();
        Ok(Feeder { search, core, target: None, progress, pending: 0, pending_since })
    }

    /// Takes what is new; returns whether there was anything. `all`: also what is applied and not settled yet.
    fn round(&mut self, all: bool) -> Result<bool, Fault> {
        if self.progress.filling.is_none() && self.progress.settled.first_open() < self.core.journal.first().0
        {
            tracing::info!(
                "the journal begins after the search index ends; the index is filled from the store"
            );
            self.begin_again()?;
        }
        self.fill()?;
        let settled = self.core.messages.settled();
        let is_new = settled != self.progress.settled;
        if is_new {
            self.follow(&settled)?;
        }
        if all {
            let open: Vec<u64> = settled.open_positions().take(SEARCH_OPEN_ITEMS_MAX).collect();
            self.items_at(&open)?;
            self.ahead(&settled)?;
        }
        if self.is_commit_due() {
            self.commit()?;
        }
        self.publish();
        Ok(is_new)
    }

    fn begin_again(&mut self) -> Result<(), Fault> {
        self.target = None;
        self.search.lock().opened = None;
        super::folder::remove(self.core)?;
        self.progress = Progress::new(self.core.epoch, self.core.messages.settled());
        Ok(())
    }

    /// Fills the index from the store's rows, from where that ended.
    fn fill(&mut self) -> Result<(), Fault> {
        while let Some(after) = self.progress.filling.clone() {
            if after.is_empty() {
                // What is settled now is in the store; what follows is met in the journal.
                self.progress.settled = self.core.messages.settled();
            }
            self.publish();
            if self.is_stopping() {
                return Ok(());
            }
            self.progress.filling = self.fill_from(&after)?;
            if self.progress.filling.is_none() {
                self.progress.filled_head = self.core.messages.settled().head;
                self.commit()?;
            } else if self.is_commit_due() {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// Writes some rows after a key; returns the last key, or `None` at the end.
    fn fill_from(&mut self, after: &str) -> Result<Option<String>, Fault> {
        let all = keys::Key::new(Keyspace::Row);
        let first = match unhex(after) {
            Some(key) if !key.is_empty() => [&key[..], &[0]].concat(),
            _ => all.to_vec(),
        };
        let mut last = None;
        let core = self.core;
        for (count, pair) in core.engine.range(first..).enumerate() {
            let (key, value) = pair?;
            if !key.starts_with(&all) {
                return Ok(None);
            }
            if count >= SEARCH_FILL_ROWS {
                return Ok(last);
            }
            let id = ConversationId::from_bytes(keys::id(&key, 1));
            let row = codec::decode_row(id, keys::number(&key, 17), &value)?;
            // A store without a message needs no index.
            if row.message.is_some()
                && let Some(document) = self.target()?.opened.fields.document(&row)
            {
                self.add(document)?;
            }
            last = Some(hex(&key));
        }
        Ok(None)
    }

    /// Takes the items that are settled now and were not before.
    fn follow(&mut self, settled: &Settled) -> Result<(), Fault> {
        let before = self.progress.settled.clone();
        let settled = &together(&before, settled);
        let done = before.open_positions().filter(|position| settled.contains(*position));
        self.items_at(&done.collect::<Vec<u64>>())?;
        if self.is_stopping() {
            // Whatever was written is written again.
            return Ok(());
        }
        let mut reader = self.core.journal.reader(Position(before.head.max(1)));
        let mut records = Vec::new();
        while reader.position().0 < settled.head {
            records.clear();
            if reader.read(REFILL_RECORDS, REFILL_BYTES, &mut records)? == 0 {
                break;
            }
            for record in records.iter().filter(|record| settled.contains(record.position.0)) {
                let way = if record.position.0 < self.progress.filled_head { Way::Again } else { Way::New };
                self.record(record, way)?;
            }
            let reached = reader.position().0.min(settled.head);
            self.progress.settled = up_to(&before, settled, reached);
            if self.is_commit_due() {
                self.commit()?;
            }
            if self.is_stopping() {
                return Ok(());
            }
        }
        self.progress.settled = settled.clone();
        Ok(())
    }

    /// Takes what a start has applied before the queue came to it. It is met again, so from now on nothing up to here is
    /// new.
    fn ahead(&mut self, settled: &Settled) -> Result<(), Fault> {
        let last = self.core.journal.committed().0;
        let last = last.min(settled.head.saturating_add(REPLAY_AHEAD_ITEMS));
        let mut reader = self.core.journal.reader(Position(settled.head.max(1)));
        let mut records = Vec::new();
        while reader.position().0 <= last {
            records.clear();
            if reader.read(REFILL_RECORDS, REFILL_BYTES, &mut records)? == 0 {
                break;
            }
            self.progress.filled_head = self.progress.filled_head.max(reader.position().0);
            records.iter().try_for_each(|record| self.record(record, Way::Again))?;
        }
        Ok(())
    }

    /// Takes items at ascending positions, or some of them when the backend stops. Those near to each other are read in
    /// one go: after much at once from many, what is settled late lies in as many places.
    fn items_at(&mut self, positions: &[u64]) -> Result<(), Fault> {
        let mut records = Vec::new();
        for near in positions.chunk_by(|one, next| next - one <= SEARCH_ITEMS_APART_MAX) {
            let last = near[near.len() - 1];
            let mut reader = self.core.journal.reader(Position(near[0]));
            while reader.position().0 <= last && !self.is_stopping() {
                records.clear();
                if reader.read(REFILL_RECORDS, REFILL_BYTES, &mut records)? == 0 {
                    break;
                }
                for record in records.iter().filter(|record| near.binary_search(&record.position.0).is_ok()) {
                    self.record(record, Way::Again)?;
                }
            }
        }
        Ok(())
    }

    fn record(&mut self, record: &journal::Record, way: Way) -> Result<(), Fault> {
        use crate::record::kind::{COMMAND, REDRIVE, STRAY};
        if !matches!(record.kind, COMMAND | STRAY | REDRIVE) {
            return Ok(());
        }
        let position = record.position.0;
        let decoded = Record::decode(position, record.kind, &record.payload)?;
        match item(decoded, record.payload.len()) {
            Some(arrival) => self.command(position, &arrival.envelope, way),
            None => Ok(()),
        }
    }

    fn command(&mut self, position: u64, envelope: &Envelope, way: Way) -> Result<(), Fault> {
        let id = envelope.conversation;
        match &envelope.command {
            Command::Send { .. } => match self.core.command(&keys::command_of(envelope))? {
                Some(applied) if applied.item == position => self.message(id, applied.seq, way),
                Some(applied) => self.message(id, applied.seq, Way::Again),
                None => Ok(()),
            },
            Command::Edit { target, .. } | Command::Delete { target } => {
                self.message(id, *target, Way::Again)
            }
            _ => Ok(()),
        }
    }

    /// Writes a message as it is now.
    fn message(&mut self, id: ConversationId, seq: Seq, way: Way) -> Result<(), Fault> {
        let Some(row) = self.core.row(id, seq)? else { return Ok(()) };
        let target = self.target()?;
        let document = target.opened.fields.document(&row);
        if way == Way::Again {
            target.writer.delete_term(target.opened.fields.key(id, seq));
            self.wrote();
            let now_ms = self.core.now_ms();
            let changed =
                row.message.as_ref().is_some_and(|state| state.edits > 0 || state.deleted_at.is_some());
            if changed {
                self.progress.stale_since.get_or_insert(now_ms);
            }
        }
        match document {
            Some(document) => self.add(document),
            None => Ok(()),
        }
    }

    fn add(&mut self, document: TantivyDocument) -> Result<(), Fault> {
        self.target()?.writer.add_document(document)?;
        self.wrote();
        Ok(())
    }

    fn wrote(&mut self) {
        if self.pending == 0 {
            self.pending_since = Instant::now();
        }
        self.pending += 1;
    }

    fn target(&mut self) -> Result<&mut Target, Fault> {
        if self.target.is_none() {
            let opened = self.search.opened(true)?.ok_or(Fault::Stopped)?;
            let writer: IndexWriter = opened.index.writer_with_num_threads(1, SEARCH_HEAP_BYTES)?;
            let mut policy = LogMergePolicy::default();
            policy.set_del_docs_ratio_before_merge(0.3);
            writer.set_merge_policy(Box::new(policy));
            self.target = Some(Target { opened, writer });
        }
        self.target.as_mut().ok_or(Fault::Stopped)
    }

    fn is_commit_due(&self) -> bool {
        let waited = self.pending_since.elapsed() >= Duration::from_millis(SEARCH_COMMIT_INTERVAL_MS);
        self.pending >= SEARCH_COMMIT_DOCUMENTS || (self.pending > 0 && waited)
    }

    fn commit(&mut self) -> Result<(), Fault> {
        let payload = self.progress.payload();
        let Some(Target { opened, writer }) = self.target.as_mut() else { return Ok(()) };
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        reload(&opened.reader)?;
        self.pending = 0;
        Ok(())
    }

    /// Answers who waited for everything that was there when the round began.
    fn tell(&mut self, waiters: Vec<Waiter>) -> Result<(), Fault> {
        if waiters.is_empty() {
            return Ok(());
        }
        if self.pending > 0 {
            self.commit()?;
        }
        for waiter in waiters {
            // Who went away needs no answer.
            let _ = waiter.send(Ok(()));
        }
        Ok(())
    }

    /// Merges away what was deleted and replaced long enough ago, so that no file of the index has its words any more.
    fn forget_stale(&mut self) -> Result<(), Fault> {
        if !self.progress.is_stale(self.core.now_ms(), self.core.config.erase_after_ms) {
            return Ok(());
        }
        self.target()?;
        self.commit()?;
        let Some(Target { opened, writer }) = self.target.as_mut() else { return Ok(()) };
        let segments = opened.index.searchable_segment_metas()?;
        let stale: Vec<SegmentId> =
            segments.iter().filter(|segment| segment.has_deletes()).map(|segment| segment.id()).collect();
        for segment in &stale {
            // One that is merged already at this moment is looked at again in the next round.
            if let Err(error) = writer.merge(&[*segment]).wait() {
                tracing::debug!(%error, "a segment of the search index is merged later");
                return Ok(());
            }
        }
        reload(&opened.reader)?;
        writer.garbage_collect_files().wait()?;
        if opened.has_leftovers()? {
            tracing::debug!("a search still reads files of the index that have deleted words; removed later");
            return Ok(());
        }
        tracing::info!(segments = stale.len(), "deleted messages are merged away from the search index");
        self.progress.stale_since = None;
        self.commit()
    }

    /// Tells searches how far it is.
    fn publish(&self) {
        self.search.lock().progress = Some(self.progress.clone());
    }

    fn is_stopping(&self) -> bool {
        self.search.lock().is_stopping
    }

    fn end(mut self, wait: bool) -> Result<(), Fault> {
        if self.pending > 0 {
            self.commit()?;
        }
        if let Some(Target { writer, .. }) = self.target.take()
            && wait
        {
            writer.wait_merging_threads()?;
        }
        let mut state = self.search.lock();
        state.progress = Some(self.progress.clone());
        state.is_feeding = false;
        // Somebody may have come meanwhile.
        if !state.waiters.is_empty() && !state.is_stopping {
            self.search.start(&mut state);
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_as_they_went() {
        let key = [0x30, 0, 255, 16, 1];
        assert_eq!(unhex(&hex(&key)).as_deref(), Some(&key[..]));
        assert_eq!(unhex("x"), None);
    }
}
