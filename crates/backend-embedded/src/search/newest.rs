//! Collecting results: the newest messages of the reader's conversations among those that match.
//! Knows no text; numbers stand for conversations, and only the reader's own are known here (D7).
//!
//! Segments are walked in blocks, the newest blocks first: a page of a common word looks at the newest messages alone.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Arc, Mutex, PoisonError},
};

use chat::{ConversationId, TimestampMs, search::Place};
use rustc_hash::FxHashMap;
use tantivy::{
    DocId, DocSet, Score, SegmentOrdinal, SegmentReader,
    collector::{Collector, SegmentCollector},
    columnar::ColumnValues,
    index::SegmentId,
    query::Weight,
};

use super::schema::COLUMNS;
use crate::limits::{SEARCH_BLOCK_DOCUMENTS, SEARCH_FIRST_BLOCKS, SEARCH_SEGMENTS_KNOWN_MAX};

/// The time of the newest message in each block of each segment. A segment never changes.
#[derive(Default)]
pub(super) struct BlockTimes(Mutex<FxHashMap<SegmentId, Arc<[TimestampMs]>>>);

/// Which messages are wanted.
#[derive(Clone)]
pub(super) struct Newest {
    /// The reader's conversations by their numbers.
    pub(super) rooms: Arc<FxHashMap<u64, ConversationId>>,
    pub(super) before: Option<TimestampMs>,
    pub(super) since: Option<TimestampMs>,
    /// Only places below.
    pub(super) after: Option<Place>,
    pub(super) places_max: usize,
    pub(super) times: Arc<BlockTimes>,
}

/// The newest ones of a segment.
pub(super) struct NewestOfSegment {
    wanted: Newest,
    at: Arc<dyn ColumnValues<u64>>,
    room: Arc<dyn ColumnValues<u64>>,
    seq: Arc<dyn ColumnValues<u64>>,
    /// The oldest on top.
    found: BinaryHeap<Reverse<Place>>,
}

impl Collector for Newest {
    type Fruit = Vec<Place>;
    type Child = NewestOfSegment;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<NewestOfSegment> {
        let column = |name: &str| Ok(segment.fast_fields().u64(name)?.first_or_default_col(0));
        let [at, room, seq] = COLUMNS;
        let (at, room, seq): (tantivy::Result<_>, tantivy::Result<_>, tantivy::Result<_>) =
            (column(at), column(room), column(seq));
        let found = BinaryHeap::with_capacity(self.places_max + 1);
        Ok(NewestOfSegment { wanted: self.clone(), at: at?, room: room?, seq: seq?, found })
    }

    fn collect_segment(
        &self,
        weight: &dyn Weight,
        number: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<Vec<Place>> {
        let mut newest = self.for_segment(number, segment)?;
        let times = self.times.of(segment, &*newest.at);
        newest.walk(weight, segment, &times)?;
        Ok(newest.harvest())
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<Vec<Place>>) -> tantivy::Result<Vec<Place>> {
        let mut places: Vec<Place> = segments.into_iter().flatten().collect();
        places.sort_unstable_by_key(|place| Reverse(*place));
        places.dedup();
        places.truncate(self.places_max);
        Ok(places)
    }
}

impl BlockTimes {
    fn of(&self, segment: &SegmentReader, at: &dyn ColumnValues<u64>) -> Arc<[TimestampMs]> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&segment.segment_id()).cloned();
        if let Some(times) = known {
            return times;
        }
        let mut buffer = vec![0; SEARCH_BLOCK_DOCUMENTS as usize];
        let starts = (0..segment.max_doc()).step_by(SEARCH_BLOCK_DOCUMENTS as usize);
        let newest = |start: DocId| {
            let documents = (segment.max_doc() - start).min(SEARCH_BLOCK_DOCUMENTS) as usize;
            at.get_range(u64::from(start), &mut buffer[..documents]);
            buffer[..documents].iter().copied().max().unwrap_or_default()
        };
        let times: Arc<[TimestampMs]> = starts.map(newest).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SEARCH_SEGMENTS_KNOWN_MAX {
            known.clear();
        }
        known.insert(segment.segment_id(), Arc::clone(&times));
        times
    }
}

impl NewestOfSegment {
    /// Takes what matches from the blocks with the newest messages, then, if that is not enough, from the others.
    fn walk(
        &mut self,
        weight: &dyn Weight,
        segment: &SegmentReader,
        times: &[TimestampMs],
    ) -> tantivy::Result<()> {
        let mut blocks: Vec<(DocId, TimestampMs)> =
            (0..).step_by(SEARCH_BLOCK_DOCUMENTS as usize).zip(times.iter().copied()).collect();
        blocks.retain(|(_, newest)| self.wanted.since.is_none_or(|since| *newest >= since));
        blocks.sort_unstable_by_key(|(_, newest)| Reverse(*newest));
        let others = blocks.split_off(blocks.len().min(SEARCH_FIRST_BLOCKS));
        self.pass(weight, segment, blocks)?;
        if others.iter().any(|(_, newest)| self.may_have(*newest)) {
            self.pass(weight, segment, others)?;
        }
        Ok(())
    }

    /// Whether something as new as this could still be among the results.
    fn may_have(&self, newest: TimestampMs) -> bool {
        let is_full = self.found.len() >= self.wanted.places_max;
        !is_full || self.found.peek().is_none_or(|Reverse(oldest)| newest >= oldest.at)
    }

    fn pass(
        &mut self,
        weight: &dyn Weight,
        segment: &SegmentReader,
        mut blocks: Vec<(DocId, TimestampMs)>,
    ) -> tantivy::Result<()> {
        blocks.sort_unstable();
        let mut scorer = weight.scorer(segment, 1.0)?;
        let mut matching: Vec<DocId> = Vec::with_capacity(SEARCH_BLOCK_DOCUMENTS as usize);
        for (start, newest) in blocks {
            if !self.may_have(newest) {
                continue;
            }
            let mut document = scorer.doc();
            if document < start {
                document = scorer.seek(start);
            }
            matching.clear();
            while document < start.saturating_add(SEARCH_BLOCK_DOCUMENTS) && document < segment.max_doc() {
                matching.push(document);
                document = scorer.advance();
            }
            // Mostly the newest stand last: with them first, the others are soon told to be too old.
            for document in matching.iter().rev() {
                if segment.alive_bitset().is_none_or(|alive| alive.is_alive(*document)) {
                    self.take(*document);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, doc: DocId) {
        let at = self.at.get_val(doc);
        let is_full = self.found.len() >= self.wanted.places_max;
        if (is_full && self.found.peek().is_some_and(|Reverse(oldest)| at < oldest.at))
            || self.wanted.before.is_some_and(|before| at >= before)
            || self.wanted.since.is_some_and(|since| at < since)
            || self.wanted.after.is_some_and(|after| at > after.at)
        {
            return;
        }
        let Some(conversation) = self.wanted.rooms.get(&self.room.get_val(doc)) else { return };
        let place = Place { at, conversation: *conversation, seq: self.seq.get_val(doc) };
        if self.wanted.after.is_some_and(|after| place >= after) {
            return;
        }
        self.found.push(Reverse(place));
        if is_full {
            self.found.pop();
        }
    }
}

impl SegmentCollector for NewestOfSegment {
    type Fruit = Vec<Place>;

    fn collect(&mut self, doc: DocId, _: Score) {
        self.take(doc);
    }

    fn harvest(self) -> Vec<Place> {
        self.found.into_iter().map(|Reverse(place)| place).collect()
    }
}
