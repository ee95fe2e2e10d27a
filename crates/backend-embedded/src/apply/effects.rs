//! What a batch of commands did to one conversation, as rows.
//! Order of writes: what a reader finds through a row is written before that row; the conversation's meta, which
//! holds the head, comes last.

use std::sync::Arc;

use chat::{ConversationId, ConversationKind, Effects, Membership, Seq, UserId};

use crate::{
    codec::{self, ConversationRef, StoredCommand, StoredMember, decode},
    core::Core,
    engine::Writer,
    erase,
    error::Fault,
    keys,
};

/// Where effects come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The queue items that brought the commands, as far as they are known.
    pub(crate) items: &'a [u64],
    /// Position of the record that takes effect last, 0 when it is not known.
    pub(crate) position: u64,
}

/// Writes effects. The caller has checked the expected head.
pub(crate) fn write(
    core: &Core,
    writer: &Writer<'_>,
    effects: &Effects,
    source: Source<'_>,
) -> Result<(), Fault> {
    let id = effects.conversation;
    // Written first: the item of a message sent in this batch is looked up by it.
    let items = source.items.iter().copied().chain(std::iter::repeat(0));
    for ((user, command, seq), item) in effects.commands.iter().zip(items) {
        let stored = StoredCommand { seq: *seq, item };
        writer.put(&keys::command(id, *user, *command), codec::encode(&stored));
    }
    erase::note(core, writer, effects)?;
    for row in &effects.rows {
        writer.put(&keys::row(id, row.event.seq), codec::encode_row(row));
    }
    for version in &effects.versions {
        writer.put(&keys::version(id, version.target, version.number), codec::encode_version(version));
    }
    for (target, number) in &effects.erased {
        erase(core, writer, id, *target, *number)?;
    }
    for (target, user, emoji, is_set) in &effects.reactions {
        let key = keys::reaction(id, *target, *user, emoji);
        if *is_set { writer.put(&key, Vec::new()) } else { writer.remove(&key) }
    }
    for (user, seq, is_set) in &effects.mentions {
        let key = keys::mention(*user, id, *seq);
        if *is_set { writer.put(&key, Vec::new()) } else { writer.remove(&key) }
    }
    for (user, membership) in &effects.members {
        write_member(core, writer, effects, *user, *membership)?;
    }
    super::uploads::show(writer, effects);
    if effects.expected_head == 0 {
        write_indexes(writer, effects);
    }
    let conversation = ConversationRef { meta: &effects.meta, applied: source.position };
    writer.put(&keys::conversation(id), codec::encode(&conversation));
    core.caches.metas.set(&id, Arc::new(effects.meta.clone()));
    Ok(())
}

/// Takes away what a deleted message leaves: its superseded bodies and its reactions.
fn erase(
    core: &Core,
    writer: &Writer<'_>,
    id: ConversationId,
    target: Seq,
    number: u32,
) -> Result<(), Fault> {
    let versions = keys::versions(id, target);
    let end = keys::version(id, target, number);
    for pair in core.engine.range::<&[u8], _>(&versions[..]..&end[..]) {
        writer.remove(&pair?.0);
    }
    for pair in core.engine.prefix(&keys::reactions(id, target)) {
        writer.remove(&pair?.0);
    }
    Ok(())
}

fn write_member(
    core: &Core,
    writer: &Writer<'_>,
    effects: &Effects,
    user: UserId,
    membership: Option<Membership>,
) -> Result<(), Fault> {
    let id = effects.conversation;
    let (key, reverse) = (keys::member(id, user), keys::membership(user, id));
    let stored = match membership {
        Some(membership) => {
            let joined_ordinal = joined_ordinal(core, effects, user, membership)?;
            Some(StoredMember { membership, joined_ordinal })
        }
        None => None,
    };
    match &stored {
        Some(stored) => {
            let value = codec::encode(stored);
            writer.put(&key, value.clone());
            writer.put(&reverse, value);
        }
        None => {
            writer.remove(&key);
            writer.remove(&reverse);
        }
    }
    core.caches.members.set(&(id, user), stored);
    Ok(())
}

/// The message count at the event that began a membership: that of its row, which is in these effects or was stored
/// earlier.
fn joined_ordinal(
    core: &Core,
    effects: &Effects,
    user: UserId,
    membership: Membership,
) -> Result<u64, Fault> {
    let joined = membership.joined_seq;
    if let Some(row) = effects.rows.iter().find(|row| row.event.seq == joined) {
        return Ok(row.ordinal);
    }
    if let Some(bytes) = core.engine.get(&keys::member(effects.conversation, user))? {
        let before: StoredMember = decode("member", &bytes)?;
        if before.membership.joined_seq == joined {
            return Ok(before.joined_ordinal);
        }
    }
    let row = core.engine.get(&keys::row(effects.conversation, joined))?;
    let row = row.map(|bytes| codec::decode_row(effects.conversation, joined, &bytes)).transpose()?;
    Ok(row.map_or(0, |row| row.ordinal))
}

fn write_indexes(writer: &Writer<'_>, effects: &Effects) {
    let id = effects.conversation;
    if let Some(pair) = effects.meta.pair {
        writer.put(&keys::direct(pair), id.to_bytes().to_vec());
    }
    if effects.meta.kind == ConversationKind::Channel {
        writer.put(&keys::channel(id), Vec::new());
    }
}
