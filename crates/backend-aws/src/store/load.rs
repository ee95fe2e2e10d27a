//! Loading what deciding needs: the head first, from memory where it is known, then everything else at once.
//! Invariant: what is read is never older than the head it is read for, so an append on that head was decided on the
//! state it changes.

use std::collections::{BTreeSet, HashMap};

use chat::{ConversationId, EventKind, Needs, Row, Seq, View, ports::PortError};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    append::after_commit,
    core::Core,
    head::{Head, meta_of},
    log::row_of,
    members::member_in,
};
use crate::{
    error::corrupt,
    item::{Attributes, Key, number_of},
    keys,
    limits::REQUESTS_AT_ONCE_MAX,
};

/// The place of a command's event.
pub(super) const SEQ: &str = "s";

type Found = HashMap<Key, Attributes>;

impl Core {
    pub(crate) async fn load(&self, needs: Vec<(ConversationId, Needs)>) -> Result<Vec<View>, PortError> {
        let ids: Vec<ConversationId> = needs.iter().map(|(id, _)| *id).collect();
        let heads = stream::iter(ids).map(async |id| match self.hints.get(&id) {
            Some(hint) => Ok(Some(hint)),
            None => self.head(id).await,
        });
        let heads: Vec<Option<Head>> = heads.buffered(REQUESTS_AT_ONCE_MAX).try_collect().await?;
        let asked = needs.iter().zip(&heads).filter(|(_, head)| head.is_some());
        let first = self.table.get_many(asked.flat_map(|((id, needs), _)| keys_of(*id, needs))).await?;
        let mut found = self.those_that_count(first).await?;
        self.rows_of_commands(&needs, &mut found).await?;
        let mut views = Vec::with_capacity(needs.len());
        for ((id, needs), head) in needs.iter().zip(heads) {
            views.push(view(*id, needs, head, &found)?);
        }
        self.finish_again(&needs, &found).await?;
        Ok(views)
    }

    /// For commands that were applied before: the row each made, and the message that one is about.
    async fn rows_of_commands(
        &self,
        needs: &[(ConversationId, Needs)],
        found: &mut Found,
    ) -> Result<(), PortError> {
        let made: BTreeSet<Key> =
            applied(needs, found)?.into_iter().map(|(id, seq)| keys::row(id, seq)).collect();
        if made.is_empty() {
            return Ok(());
        }
        let missing = made.iter().filter(|key| !found.contains_key(*key)).cloned();
        let rows = self.table.get_many(missing.collect::<Vec<_>>()).await?;
        found.extend(rows);
        let mut targets = Vec::new();
        for key in &made {
            let Some(row) = found.get(key).map(row_of).transpose()? else { continue };
            targets.extend(row.event.kind.target().map(|seq| keys::row(row.event.conversation, seq)));
        }
        targets.retain(|key| !found.contains_key(key));
        found.extend(self.table.get_many(targets).await?);
        Ok(())
    }

    /// What follows a commit is done again with every resend, so that a worker may die between the two.
    async fn finish_again(&self, needs: &[(ConversationId, Needs)], found: &Found) -> Result<(), PortError> {
        for (id, seq) in applied(needs, found)? {
            let Some(row) = found.get(&keys::row(id, seq)) else { continue };
            if let Some(rest) = after_commit(&row_of(row)?, row) {
                self.finish(rest).await?;
            }
        }
        Ok(())
    }
}

/// Places of the commands that were applied before.
fn applied(
    needs: &[(ConversationId, Needs)],
    found: &Found,
) -> Result<Vec<(ConversationId, Seq)>, PortError> {
    let mut places = Vec::new();
    for (id, needs) in needs {
        for (user, command) in &needs.commands {
            if let Some(item) = found.get(&keys::command(*id, *user, *command)) {
                places.push((*id, place(item)?));
            }
        }
    }
    Ok(places)
}

fn place(item: &Attributes) -> Result<Seq, PortError> {
    number_of(item, SEQ).ok_or_else(|| corrupt("command", "it names no place"))
}

fn keys_of(id: ConversationId, needs: &Needs) -> Vec<Key> {
    let mut wanted = vec![keys::meta(id)];
    wanted.extend(needs.members.iter().map(|user| keys::member(id, *user)));
    wanted.extend(needs.rows.iter().map(|seq| keys::row(id, *seq)));
    wanted.extend(needs.commands.iter().map(|(user, command)| keys::command(id, *user, *command)));
    wanted.extend(needs.reactions.iter().map(|(seq, user, emoji)| keys::reaction(id, *seq, *user, emoji)));
    wanted
}

fn view(id: ConversationId, needs: &Needs, head: Option<Head>, found: &Found) -> Result<View, PortError> {
    let (Some(head), Some(item)) = (head, found.get(&keys::meta(id))) else { return Ok(View::new(id, None)) };
    let mut view = View::new(id, Some(meta_of(item, head)?));
    for user in &needs.members {
        if let Some(member) = member_in(found, id, *user)? {
            view.with_member(*user, member.membership);
        }
    }
    let mut rows: BTreeSet<Seq> = needs.rows.iter().copied().collect();
    for (user, command) in &needs.commands {
        let Some(item) = found.get(&keys::command(id, *user, *command)) else { continue };
        let seq = place(item)?;
        view.with_command(*user, *command, seq);
        rows.insert(seq);
    }
    let mut loaded: Vec<Row> = Vec::with_capacity(rows.len());
    for seq in rows {
        let Some(row) = found.get(&keys::row(id, seq)).map(row_of).transpose()? else { continue };
        let target = row.event.kind.target().and_then(|target| found.get(&keys::row(id, target)));
        loaded.extend(target.map(row_of).transpose()?);
        loaded.push(row);
    }
    loaded.into_iter().for_each(|row| view.with_row(row));
    for (seq, user, emoji) in &needs.reactions {
        let stands = found.contains_key(&keys::reaction(id, *seq, *user, emoji));
        let target = found.get(&keys::row(id, *seq)).map(row_of).transpose()?;
        if stands && !target.is_some_and(|row| is_erased(&row)) {
            view.with_reaction(*seq, *user, emoji.clone());
        }
    }
    Ok(view)
}

/// A deleted message has no reactions, whether their items are removed already or not.
fn is_erased(row: &Row) -> bool {
    matches!(row.event.kind, EventKind::Message { .. })
        && row.message.as_ref().is_some_and(|state| state.deleted_at.is_some())
}
