//! Reading logs: pages across partitions, rows with the text of now, versions, reactions.
//! Invariant: what is deleted is shown by nothing, whether its traces are removed already or not (D7).

use std::collections::{BTreeSet, HashMap};

use chat::{
    ConversationId, EventKind, Row, Seq, UserId, Version,
    ports::{EventsPage, EventsQuery, PortError},
};

use super::{core::Core, head::seq_of};
use crate::{
    codec::from_hex,
    error::corrupt,
    item::{Attributes, Key, data, sort_of},
    keys::{self, bucket},
    table::Range,
};

impl Core {
    pub(crate) async fn events(
        &self,
        conversation: ConversationId,
        query: EventsQuery,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<EventsPage, PortError> {
        // Before the rows: a row read is never beyond a head read later, and `more` is never missed.
        let Some(head) = self.head(conversation).await? else { return Ok(EventsPage::default()) };
        let rows = match query {
            EventsQuery::After(seq) if seq >= head.seq => Vec::new(),
            EventsQuery::After(seq) => self.upwards(conversation, seq + 1, head.seq, rows_max).await?,
            EventsQuery::Before(seq) => {
                self.downwards(conversation, seq.saturating_sub(1).min(head.seq), rows_max).await?
            }
        };
        let mut rows = fitting(self.with_text_of_now(conversation, rows).await?, bytes_max);
        let more = match (query, rows.last()) {
            (EventsQuery::After(seq), None) => seq < head.seq,
            (EventsQuery::After(_), Some(last)) => last.event.seq < head.seq,
            (EventsQuery::Before(_), None) => false,
            (EventsQuery::Before(_), Some(last)) => last.event.seq > 1,
        };
        if matches!(query, EventsQuery::Before(_)) {
            rows.reverse();
        }
        Ok(EventsPage { rows, head: head.seq, more })
    }

    async fn upwards(
        &self,
        conversation: ConversationId,
        from: Seq,
        to: Seq,
        rows_max: usize,
    ) -> Result<Vec<Row>, PortError> {
        let mut rows = Vec::new();
        for part in bucket(from)..=bucket(to) {
            let range = between(conversation, part, from, to);
            let items = self.table.query(&range, rows_max - rows.len()).await?;
            rows.extend(items.iter().map(row_of).collect::<Result<Vec<_>, _>>()?);
            if rows.len() >= rows_max {
                break;
            }
        }
        Ok(rows)
    }

    /// Rows from this place down, newest first; an edit's has no text.
    pub(crate) async fn downwards(
        &self,
        conversation: ConversationId,
        from: Seq,
        rows_max: usize,
    ) -> Result<Vec<Row>, PortError> {
        let mut rows = Vec::new();
        for part in (0..=bucket(from)).rev() {
            let range = between(conversation, part, 0, from).reversed();
            let items = self.table.query(&range, rows_max - rows.len()).await?;
            rows.extend(items.iter().map(row_of).collect::<Result<Vec<_>, _>>()?);
            if rows.len() >= rows_max {
                break;
            }
        }
        Ok(rows)
    }

    /// A row as it is stored: an edit's has no text.
    pub(super) async fn stored_row(
        &self,
        conversation: ConversationId,
        at: Seq,
    ) -> Result<Option<Row>, PortError> {
        self.table.get(&keys::row(conversation, at)).await?.as_ref().map(row_of).transpose()
    }

    pub(crate) async fn row(&self, conversation: ConversationId, at: Seq) -> Result<Option<Row>, PortError> {
        let Some(row) = self.stored_row(conversation, at).await? else { return Ok(None) };
        Ok(self.with_text_of_now(conversation, vec![row]).await?.pop())
    }

    /// Rows by their places, those that are there.
    pub(super) async fn rows_at(
        &self,
        conversation: ConversationId,
        seqs: Vec<Seq>,
    ) -> Result<HashMap<Seq, Row>, PortError> {
        let wanted: Vec<Key> = seqs.into_iter().map(|seq| keys::row(conversation, seq)).collect();
        let found = self.table.get_many(wanted).await?;
        found.values().map(|item| Ok((seq_of(item)?, row_of(item)?))).collect()
    }

    /// Rows of edits get the text of their message as it is now.
    async fn with_text_of_now(
        &self,
        conversation: ConversationId,
        mut rows: Vec<Row>,
    ) -> Result<Vec<Row>, PortError> {
        let edited: BTreeSet<Seq> = rows.iter().filter_map(edited).collect();
        if edited.is_empty() {
            return Ok(rows);
        }
        let here: HashMap<Seq, Row> = rows
            .iter()
            .filter(|row| edited.contains(&row.event.seq))
            .map(|row| (row.event.seq, row.clone()))
            .collect();
        let away = edited.into_iter().filter(|seq| !here.contains_key(seq)).collect();
        let mut targets = self.rows_at(conversation, away).await?;
        targets.extend(here);
        for row in &mut rows {
            if let EventKind::Edited { target, body, mentions } = &mut row.event.kind
                && let Some(EventKind::Message { body: now, mentions: named, .. }) =
                    targets.get(target).map(|row| &row.event.kind)
            {
                now.clone_into(body);
                named.clone_into(mentions);
            }
        }
        Ok(rows)
    }

    pub(crate) async fn versions(
        &self,
        conversation: ConversationId,
        target: Seq,
    ) -> Result<Vec<Version>, PortError> {
        if self.is_gone(conversation, target).await? {
            return Ok(Vec::new());
        }
        let all = Range::prefix(keys::versions(conversation, target), "");
        let items = self.table.query(&all, usize::MAX).await?;
        items.iter().map(|item| data("version", item)).collect()
    }

    pub(crate) async fn reactions(
        &self,
        conversation: ConversationId,
        target: Seq,
        after: Option<(UserId, String)>,
        limit: usize,
    ) -> Result<Vec<(UserId, String)>, PortError> {
        if self.is_gone(conversation, target).await? {
            return Ok(Vec::new());
        }
        let all = Range::prefix(keys::reactions(conversation, target), "");
        let range = match after {
            Some((user, emoji)) => all.after(&keys::reaction_sort(user, &emoji)),
            None => all,
        };
        let items = self.table.query(&range, limit).await?;
        let pair = |item| {
            let (user, emoji) = cut("reaction", item, 32)?;
            Ok((UserId::from_u128(from_hex("reaction", user)?), emoji.to_owned()))
        };
        items.iter().map(pair).collect()
    }

    pub(crate) async fn own_reactions(
        &self,
        conversation: ConversationId,
        user: UserId,
        targets: &[Seq],
    ) -> Result<Vec<(Seq, String)>, PortError> {
        let (Some(first), Some(last)) = (targets.iter().min(), targets.iter().max()) else {
            return Ok(Vec::new());
        };
        let mut range = Range::prefix(keys::own_reactions(conversation, user), "");
        range.from = keys::seq(*first);
        range.to = format!("{}{}", keys::seq(*last), crate::table::LAST);
        let mut own: Vec<(Seq, String)> = Vec::new();
        for item in self.table.query(&range, usize::MAX).await? {
            let (seq, emoji) = cut("reaction", &item, 20)?;
            let seq: Seq = seq.parse().map_err(|error| corrupt("reaction", &error))?;
            if targets.contains(&seq) {
                own.push((seq, emoji.to_owned()));
            }
        }
        let rows = self.rows_at(conversation, own.iter().map(|(seq, _)| *seq).collect()).await?;
        own.retain(|(seq, _)| rows.get(seq).is_some_and(|row| !is_deleted(row)));
        Ok(own)
    }

    /// Whether there is no such message (any more).
    async fn is_gone(&self, conversation: ConversationId, target: Seq) -> Result<bool, PortError> {
        Ok(self.stored_row(conversation, target).await?.is_none_or(|row| is_deleted(&row)))
    }
}

/// As many rows from the front as fit the page, at least one.
fn fitting(rows: Vec<Row>, bytes_max: usize) -> Vec<Row> {
    let mut bytes = 0;
    let fits = |(place, row): &(usize, Row)| {
        bytes += body_bytes(row);
        *place == 0 || bytes <= bytes_max
    };
    rows.into_iter().enumerate().take_while(fits).map(|(_, row)| row).collect()
}

fn body_bytes(row: &Row) -> usize {
    match &row.event.kind {
        EventKind::Message { body, .. } | EventKind::Edited { body, .. } => body.len(),
        _ => 0,
    }
}

/// The part of a log between two places that lies in one partition.
fn between(conversation: ConversationId, part: u64, from: Seq, to: Seq) -> Range {
    let partition = keys::log(conversation, part);
    Range { partition, from: keys::seq(from), to: keys::seq(to), reverse: false }
}

pub(super) fn row_of(item: &Attributes) -> Result<Row, PortError> {
    data("row", item)
}

fn is_deleted(row: &Row) -> bool {
    row.message.as_ref().is_some_and(|state| state.deleted_at.is_some())
}

fn edited(row: &Row) -> Option<Seq> {
    if let EventKind::Edited { target, .. } = row.event.kind { Some(target) } else { None }
}

/// A sort key of a part of fixed length, `#`, and the rest.
fn cut<'a>(what: &'static str, item: &'a Attributes, digits: usize) -> Result<(&'a str, &'a str), PortError> {
    let parts = sort_of(item).split_at_checked(digits);
    let parts = parts.and_then(|(first, rest)| Some((first, rest.strip_prefix('#')?)));
    parts.ok_or_else(|| corrupt(what, "its key is not one"))
}
