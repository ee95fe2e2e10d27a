//! Items that are there before the write they belong to: they count once that write's first row is in the log.
//! Invariant: an item that still names its row counts exactly if that row is by the command it names (decision 0020).

use std::collections::{BTreeSet, HashMap};

use chat::{CommandId, ConversationId, Event, Row, Seq, UserId, ports::PortError};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::core::Core;
use crate::{
    codec::{from_hex, hex},
    error::corrupt,
    item::{Attributes, Key, Write, data, key_of, text, text_of},
    keys,
    limits::REQUESTS_AT_ONCE_MAX,
};

/// Names the row that makes the item count.
pub(super) const PENDING: &str = "pn";

/// The row that makes items count, and the command it must be by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token {
    conversation: ConversationId,
    seq: Seq,
    actor: UserId,
    command: CommandId,
}

impl Token {
    /// The token of a write that begins with this event.
    pub(super) fn of(first: &Event) -> Token {
        Token {
            conversation: first.conversation,
            seq: first.seq,
            actor: first.actor,
            command: first.command_id,
        }
    }

    pub(super) fn row(&self) -> Key {
        keys::row(self.conversation, self.seq)
    }

    pub(super) fn text(&self) -> String {
        let [conversation, actor, command] =
            [self.conversation.to_bytes(), self.actor.to_bytes(), self.command.to_bytes()].map(|id| hex(&id));
        format!("{conversation}#{:020}#{actor}#{command}", self.seq)
    }

    fn parse(written: &str) -> Result<Token, PortError> {
        let parts: Vec<&str> = written.split('#').collect();
        let [conversation, seq, actor, command] = parts.as_slice() else {
            return Err(corrupt("pending item", "its name has not four parts"));
        };
        Ok(Token {
            conversation: ConversationId::from_u128(from_hex("pending item", conversation)?),
            seq: seq.parse().map_err(|error| corrupt("pending item", &error))?,
            actor: UserId::from_u128(from_hex("pending item", actor)?),
            command: CommandId::from_u128(from_hex("pending item", command)?),
        })
    }

    /// Whether the row is in the log, by the command that was meant.
    pub(super) fn is_met_by(&self, row: Option<&Attributes>) -> Result<bool, PortError> {
        let Some(row) = row else { return Ok(false) };
        let row: Row = data("row", row)?;
        Ok((row.event.actor, row.event.command_id) == (self.actor, self.command))
    }
}

fn token_of(item: &Attributes) -> Result<Option<Token>, PortError> {
    text_of(item, PENDING).map(Token::parse).transpose()
}

impl Core {
    /// Leaves out items that do not count.
    pub(super) async fn that_count(&self, items: Vec<Attributes>) -> Result<Vec<Attributes>, PortError> {
        if items.iter().all(|item| !item.contains_key(PENDING)) {
            return Ok(items);
        }
        let tokens: BTreeSet<Token> =
            items.iter().filter_map(|item| token_of(item).transpose()).collect::<Result<_, _>>()?;
        let rows = self.table.get_many(tokens.iter().map(Token::row)).await?;
        let mut counting = Vec::with_capacity(items.len());
        for item in items {
            let counts = match token_of(&item)? {
                None => true,
                Some(token) => token.is_met_by(rows.get(&token.row()))?,
            };
            if counts {
                counting.push(item);
            }
        }
        Ok(counting)
    }

    /// The same for items by their keys.
    pub(super) async fn those_that_count(
        &self,
        found: HashMap<Key, Attributes>,
    ) -> Result<HashMap<Key, Attributes>, PortError> {
        let (pending, plain): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(_, item)| item.contains_key(PENDING));
        let mut kept: HashMap<Key, Attributes> = plain.into_iter().collect();
        let counting = self.that_count(pending.into_iter().map(|(_, item)| item).collect()).await?;
        kept.extend(counting.into_iter().map(|item| (key_of(&item), item)));
        Ok(kept)
    }

    /// Makes items that count plain ones, so that readers need no second look. Safe to repeat.
    pub(super) async fn make_plain(&self, keys: Vec<Key>) -> Result<(), PortError> {
        let found: Vec<Attributes> = self.table.get_many(keys).await?.into_values().collect();
        let pending: Vec<Attributes> = found.into_iter().filter(|item| item.contains_key(PENDING)).collect();
        let writes = self.that_count(pending).await?.into_iter().filter_map(|item| {
            let token = text(text_of(&item, PENDING)?);
            Some(Write::update(key_of(&item), "REMOVE pn", []).only_if("pn = :pn", [(":pn", token)]))
        });
        self.write_each(writes.collect()).await
    }

    /// Removes what was prepared for a write that can never come, because its place in the log is taken.
    pub(super) async fn discard(&self, token: &Token, keys: Vec<Key>) -> Result<(), PortError> {
        let row = self.table.get(&token.row()).await?;
        if row.is_none() || token.is_met_by(row.as_ref())? {
            return Ok(());
        }
        let written = text(&token.text());
        let writes =
            keys.into_iter().map(|key| Write::delete(key).only_if("pn = :pn", [(":pn", written.clone())]));
        self.write_each(writes.collect()).await
    }

    /// Each on its own; conditions that do not hold are no error.
    async fn write_each(&self, writes: Vec<Write>) -> Result<(), PortError> {
        let written = stream::iter(writes).map(|write| self.table.write(write));
        written.buffer_unordered(REQUESTS_AT_ONCE_MAX).try_for_each(|_| async { Ok(()) }).await
    }
}
