//! Collecting results: the newest messages of the reader's conversations among those that match.
//! Knows no text; numbers stand for conversations, and only the reader's own are known here (D7).

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use chat::{ConversationId, TimestampMs, search::Place};
use rustc_hash::FxHashMap;
use tantivy::{
    DocId, Score, SegmentOrdinal, SegmentReader,
    collector::{Collector, SegmentCollector},
    columnar::ColumnValues,
};

use super::schema::COLUMNS;

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

impl NewestOfSegment {
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
