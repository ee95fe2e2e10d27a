//! The end of a conversation's log, and what a conversation is: a small item that rarely changes, completed by the
//! last row. Invariant: no counter is written per message; head, messages and time are those of the last row.

use std::collections::HashMap;

use chat::{
    ConversationId, ConversationKind, Effects, EventKind, Meta, Row, Seq, TimestampMs, UserId,
    ports::PortError,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::core::Core;
use crate::{
    error::corrupt,
    item::{Attributes, Item, Key, Write, data, number, number_of, sort_of},
    keys::{self, bucket},
    limits::{REQUESTS_AT_ONCE_MAX, SEQS_PER_BUCKET},
    table::Range,
};

/// The last message of the log, on the row that ends a write.
pub(super) const LAST_MESSAGE: &str = "lm";
/// The last partition of the log.
const BUCKET: &str = "bk";

/// What the last row of a log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: Seq,
    pub(crate) messages: u64,
    pub(crate) last_message: Seq,
    pub(crate) at: TimestampMs,
}

/// What is known of a conversation without its log. Stored: never gains a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredMeta {
    kind: ConversationKind,
    title: Option<String>,
    description: Option<String>,
    created_at: TimestampMs,
    created_by: UserId,
    pair: Option<(UserId, UserId)>,
    members: u64,
    owners: u64,
}

impl Head {
    pub(super) fn of_meta(meta: &Meta) -> Head {
        Head { seq: meta.head, messages: meta.messages, last_message: meta.last_message, at: meta.active_at }
    }

    fn of_row(item: &Attributes) -> Result<Head, PortError> {
        let row: Row = data("row", item)?;
        let last_message =
            number_of(item, LAST_MESSAGE).ok_or_else(|| corrupt("row", "the last one names no message"))?;
        Ok(Head { seq: row.event.seq, messages: row.ordinal, last_message, at: row.event.at })
    }
}

impl Core {
    /// The head as the table has it now; `None` when there is no such conversation.
    pub(crate) async fn head(&self, id: ConversationId) -> Result<Option<Head>, PortError> {
        let mut at = self.hints.get(&id).map_or(0, |hint| bucket(hint.seq));
        let mut last = None;
        loop {
            let newest = Range::prefix(keys::log(id, at), "").reversed();
            let Some(item) = self.table.query(&newest, 1).await?.pop() else { break };
            let is_full = seq_of(&item)? % SEQS_PER_BUCKET == SEQS_PER_BUCKET - 1;
            last = Some(item);
            if !is_full {
                break;
            }
            // A full partition: the conversation knows how far its log reaches by now.
            let meta = self.table.get(&keys::meta(id)).await?;
            at = meta.and_then(|item| number_of(&item, BUCKET)).unwrap_or(0).max(at + 1);
        }
        let head = last.as_ref().map(Head::of_row).transpose()?;
        if let Some(head) = head {
            self.remember(id, head);
        }
        Ok(head)
    }

    /// Keeps a head as a hint, unless a later one is known.
    pub(super) fn remember(&self, id: ConversationId, head: Head) {
        if self.hints.get(&id).is_none_or(|known| known.seq < head.seq) {
            self.hints.insert(id, head);
        }
    }

    pub(crate) async fn heads(&self, ids: &[ConversationId]) -> Result<Vec<Seq>, PortError> {
        let heads = stream::iter(ids.to_vec()).map(|id| self.head(id)).buffered(REQUESTS_AT_ONCE_MAX);
        let heads: Vec<Option<Head>> = heads.try_collect().await?;
        Ok(heads.into_iter().map(|head| head.map_or(0, |head| head.seq)).collect())
    }

    pub(crate) async fn conversation(&self, id: ConversationId) -> Result<Option<Meta>, PortError> {
        Ok(self.metas(&[id]).await?.remove(&id))
    }

    /// Those that exist.
    pub(crate) async fn metas(
        &self,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Meta>, PortError> {
        let found = self.table.get_many(ids.iter().map(|id| keys::meta(*id))).await?;
        self.metas_of(ids, &found).await
    }

    /// Those whose item is among the found ones.
    pub(super) async fn metas_of(
        &self,
        ids: &[ConversationId],
        found: &HashMap<Key, Attributes>,
    ) -> Result<HashMap<ConversationId, Meta>, PortError> {
        let there: Vec<ConversationId> =
            ids.iter().copied().filter(|id| found.contains_key(&keys::meta(*id))).collect();
        let heads = stream::iter(there).map(async |id| Ok((id, self.head(id).await?)));
        let heads: Vec<(ConversationId, Option<Head>)> =
            heads.buffer_unordered(REQUESTS_AT_ONCE_MAX).try_collect().await?;
        let mut metas = HashMap::with_capacity(heads.len());
        for (id, head) in heads {
            if let (Some(head), Some(item)) = (head, found.get(&keys::meta(id))) {
                metas.insert(id, meta_of(item, head)?);
            }
        }
        Ok(metas)
    }
}

/// What a conversation is, from its item and its head.
pub(super) fn meta_of(item: &Attributes, head: Head) -> Result<Meta, PortError> {
    let stored: StoredMeta = data("conversation", item)?;
    Ok(Meta {
        kind: stored.kind,
        title: stored.title,
        description: stored.description,
        created_at: stored.created_at,
        created_by: stored.created_by,
        pair: stored.pair,
        head: head.seq,
        messages: head.messages,
        members: stored.members,
        owners: stored.owners,
        last_message: head.last_message,
        active_at: head.at,
    })
}

/// The conversation's item, if these effects change it.
pub(super) fn meta_write(effects: &Effects) -> Option<Write> {
    let enters_partition = bucket(effects.meta.head) > bucket(effects.expected_head);
    let describes = effects.events.iter().any(|event| {
        matches!(
            event.kind,
            EventKind::Created { .. }
                | EventKind::Described { .. }
                | EventKind::MembersAdded { .. }
                | EventKind::MemberRemoved { .. }
                | EventKind::RoleChanged { .. }
        )
    });
    (enters_partition || describes).then(|| meta_item(effects.conversation, &effects.meta).put())
}

/// The item that says what a conversation is.
pub(super) fn meta_item(id: ConversationId, meta: &Meta) -> Item {
    let stored = StoredMeta {
        kind: meta.kind,
        title: meta.title.clone(),
        description: meta.description.clone(),
        created_at: meta.created_at,
        created_by: meta.created_by,
        pair: meta.pair,
        members: meta.members,
        owners: meta.owners,
    };
    Item::new(keys::meta(id)).data(&stored).with(BUCKET, number(bucket(meta.head)))
}

/// The `seq` of a row by its key.
pub(super) fn seq_of(item: &Attributes) -> Result<Seq, PortError> {
    sort_of(item).parse().map_err(|error| corrupt("row", &error))
}
