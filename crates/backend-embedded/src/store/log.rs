//! Reading a conversation's log: pages of rows, superseded bodies, reactions.
//! A page never shows rows beyond the head it names, and rows are as they are now (D10).

use std::ops::ControlFlow;

use chat::{
    ConversationId, Event, EventKind, Row, Seq, UserId, Version,
    ports::{EventsPage, EventsQuery},
};

use crate::{codec, core::Core, error::Fault, keys};

/// Rows gathered for a page.
struct Page {
    rows: Vec<Row>,
    bytes: usize,
    rows_max: usize,
    bytes_max: usize,
    has_more: bool,
}

impl Core {
    pub(crate) fn events(
        &self,
        id: ConversationId,
        query: EventsQuery,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<EventsPage, Fault> {
        let head = self.meta(id)?.map_or(0, |meta| meta.head);
        let (first, last) = match query {
            EventsQuery::After(after) => (after.saturating_add(1), head),
            EventsQuery::Before(before) => (1, before.saturating_sub(1).min(head)),
        };
        let mut page = Page { rows: Vec::new(), bytes: 0, rows_max, bytes_max, has_more: false };
        if first <= last {
            let (first, last) = (keys::row(id, first), keys::row(id, last));
            let range = self.engine.range::<&[u8], _>(&first[..]..=&last[..]);
            match query {
                EventsQuery::After(_) => self.gather(&mut page, id, range)?,
                EventsQuery::Before(_) => {
                    self.gather(&mut page, id, range.rev())?;
                    page.rows.reverse();
                }
            }
        }
        Ok(EventsPage { rows: page.rows, head, more: page.has_more })
    }

    fn gather<K: AsRef<[u8]>>(
        &self,
        page: &mut Page,
        id: ConversationId,
        pairs: impl Iterator<Item = Result<(K, lsm_tree::Slice), Fault>>,
    ) -> Result<(), Fault> {
        for pair in pairs {
            let (key, value) = pair?;
            let row = codec::decode_row(id, keys::number(key.as_ref(), 17), &value)?;
            let row = self.completed(row)?;
            if page.push(row).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The row, an edit with the text of its message as it is now.
    pub(crate) fn full_row(&self, id: ConversationId, seq: Seq) -> Result<Option<Row>, Fault> {
        self.row(id, seq)?.map(|row| self.completed(row)).transpose()
    }

    fn completed(&self, mut row: Row) -> Result<Row, Fault> {
        let id = row.event.conversation;
        if let EventKind::Edited { target, body, mentions } = &mut row.event.kind
            && let Some(message) = self.row(id, *target)?
            && let EventKind::Message { body: now, mentions: named, .. } = message.event.kind
        {
            (*body, *mentions) = (now, named);
        }
        Ok(row)
    }

    pub(crate) fn versions(&self, id: ConversationId, target: Seq) -> Result<Vec<Version>, Fault> {
        let all = keys::versions(id, target);
        let versions = self.engine.prefix(&all).map(|pair| {
            let (key, value) = pair?;
            let number = keys::array(&key, all.len()).map_or(0, u32::from_be_bytes);
            codec::decode_version(target, number, &value)
        });
        versions.collect()
    }

    pub(crate) fn reactions(
        &self,
        id: ConversationId,
        target: Seq,
        after: Option<&(UserId, String)>,
        limit: usize,
    ) -> Result<Vec<(UserId, String)>, Fault> {
        let all = keys::reactions(id, target);
        let first: Vec<u8> = match after {
            Some((user, emoji)) => {
                [&keys::reactions_of(id, target, *user)[..], emoji.as_bytes(), &[0]].concat()
            }
            None => all.to_vec(),
        };
        let mut reactions = Vec::new();
        for pair in self.engine.range(first..) {
            let key = pair?.0;
            if reactions.len() >= limit || !key.starts_with(&all) {
                break;
            }
            reactions.push((UserId::from_bytes(keys::id(&key, all.len())), text(&key, all.len() + 16)));
        }
        Ok(reactions)
    }

    pub(crate) fn own_reactions(
        &self,
        id: ConversationId,
        user: UserId,
        targets: &[Seq],
    ) -> Result<Vec<(Seq, String)>, Fault> {
        let mut reactions = Vec::new();
        for target in targets {
            let own = keys::reactions_of(id, *target, user);
            for pair in self.engine.prefix(&own) {
                reactions.push((*target, text(&pair?.0, own.len())));
            }
        }
        Ok(reactions)
    }
}

fn text(key: &[u8], at: usize) -> String {
    String::from_utf8_lossy(key.get(at..).unwrap_or_default()).into_owned()
}

impl Page {
    fn push(&mut self, row: Row) -> ControlFlow<()> {
        let bytes = body_bytes(&row.event);
        let is_full = self.rows.len() >= self.rows_max || self.bytes.saturating_add(bytes) > self.bytes_max;
        if is_full && !(self.rows.is_empty() && self.rows_max > 0) {
            self.has_more = true;
            return ControlFlow::Break(());
        }
        self.bytes += bytes;
        self.rows.push(row);
        ControlFlow::Continue(())
    }
}

fn body_bytes(event: &Event) -> usize {
    match &event.kind {
        EventKind::Message { body, .. } | EventKind::Edited { body, .. } => body.len(),
        _ => 0,
    }
}
