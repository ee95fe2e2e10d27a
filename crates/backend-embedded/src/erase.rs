//! Erasing the text of deleted messages from where it was written once and for all: the journal and old tables.
//! The store's rows lose it at once; here sealed segments are rewritten with blanks of the same length, and tables are
//! merged. Invariant: blanks decide as the bodies did, so that replay gives the same state (D8).

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
};

use chat::{Command, CommandId, ConversationId, Effects, Envelope, EventKind, Seq, TimestampMs, UserId};
use journal::Position;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    codec::{self, decode},
    core::Core,
    engine::Writer,
    error::Fault,
    keys::{self, Keyspace},
    limits::ERASURES_PER_PASS_MAX,
    record::{Dead, Moved, Record, Redrive},
};

/// Enough of a body's SHA-256 to recognise it.
type BodyHash = [u8; 16];

/// A deleted message whose text still stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Erasure {
    /// The item that brought it; nothing of it stands before.
    from: u64,
    /// When it was deleted.
    deleted_at: TimestampMs,
    /// Who wrote it, and under which name: a resend bears the same.
    actor: UserId,
    command_id: CommandId,
    /// Hash and length of each of its bodies, in the order it had them.
    bodies: Vec<(BodyHash, u32)>,
}

/// Notes what will have to be erased. Called before the effects are written, while the bodies can still be read.
pub(crate) fn note(core: &Core, writer: &Writer<'_>, effects: &Effects) -> Result<(), Fault> {
    for (target, _) in &effects.erased {
        let id = effects.conversation;
        let mut bodies = Vec::new();
        let mut author = None;
        let mut deleted_at = effects.meta.active_at;
        if let Some(row) = core.row(id, *target)? {
            bodies.extend(core.versions(id, *target)?.iter().map(|version| hashed(&version.body)));
            if let EventKind::Message { body, .. } = &row.event.kind {
                bodies.push(hashed(body));
            }
            author = Some((row.event.actor, row.event.command_id));
        }
        for event in &effects.events {
            match &event.kind {
                EventKind::Message { body, .. } if event.seq == *target => {
                    bodies.push(hashed(body));
                    author = Some((event.actor, event.command_id));
                }
                EventKind::Edited { target: edited, body, .. } if edited == target => {
                    bodies.push(hashed(body));
                }
                EventKind::Deleted { target: deleted } if deleted == target => deleted_at = event.at,
                _ => {}
            }
        }
        let Some((actor, command_id)) = author else { continue };
        let brought = core.command(&keys::command(id, actor, command_id))?;
        let from = brought.map_or(0, |brought| brought.item);
        let erasure = Erasure { from, deleted_at, actor, command_id, bodies };
        writer.put(&keys::erasure(id, *target), codec::encode(&erasure));
    }
    Ok(())
}

/// Erases what was deleted long enough ago, if there is anything; returns how many messages.
pub(crate) fn erase_due(core: &Arc<Core>) -> Result<usize, Fault> {
    let latest = core.now_ms().saturating_sub(core.config.erase_after_ms);
    let mut due = Vec::new();
    for pair in core.engine.prefix(&keys::Key::new(Keyspace::Erasure)).take(ERASURES_PER_PASS_MAX) {
        let (key, value) = pair?;
        let erasure: Erasure = decode("erasure", &value)?;
        if erasure.deleted_at <= latest {
            due.push((ConversationId::from_bytes(keys::id(&key, 1)), keys::number(&key, 17), erasure));
        }
    }
    if due.is_empty() {
        return Ok(0);
    }
    core.journal.seal()?;
    let first = due.iter().map(|(_, _, erasure)| erasure.from).min().unwrap_or_default().max(1);
    let last = core.journal.committed();
    let eraser = Eraser::new(&due);
    let rewritten = core
        .journal
        .rewrite(Position(first)..=last, |record| eraser.replacement(record))
        .map_err(|error| Fault::Erase(Box::new(error)))?;
    core.cut(&core.engine.writer());
    core.engine.merge_all()?;
    let erased = due.iter().map(|(id, target, _)| (*id, *target)).collect();
    tracing::info!(
        messages = due.len(),
        records = rewritten.records,
        "the text of deleted messages is erased"
    );
    drop(core.begin_change(Record::Erased(erased), |_| {})?);
    Ok(due.len())
}

/// Whether a pass makes sense at all now.
pub(crate) fn is_possible(core: &Core) -> bool {
    !core.failure.has_failed() && !core.is_stopping.load(Ordering::Relaxed)
}

/// Which records hold the text, and what takes its place.
struct Eraser<'a> {
    sent: FxHashMap<(ConversationId, UserId, CommandId), &'a Erasure>,
    edited: FxHashMap<(ConversationId, Seq), &'a Erasure>,
}

impl<'a> Eraser<'a> {
    fn new(due: &'a [(ConversationId, Seq, Erasure)]) -> Eraser<'a> {
        let sent = |(id, _, erasure): &'a (ConversationId, Seq, Erasure)| {
            ((*id, erasure.actor, erasure.command_id), erasure)
        };
        let edited = |(id, target, erasure): &'a (ConversationId, Seq, Erasure)| ((*id, *target), erasure);
        Eraser { sent: due.iter().map(sent).collect(), edited: due.iter().map(edited).collect() }
    }

    /// The record's payload without the text; `None` when there is nothing to erase in it.
    fn replacement(&self, record: &journal::Record) -> Option<Vec<u8>> {
        // What cannot be decoded is none of ours; reading it elsewhere reports it.
        let decoded = Record::decode(record.position.0, record.kind, &record.payload).ok()?;
        let blanked = match decoded {
            Record::Command(envelope) => Record::Command(self.blanked(envelope)?),
            Record::Stray(envelope) => Record::Stray(self.blanked(envelope)?),
            Record::Redrive(redrive) => {
                Record::Redrive(Redrive { envelope: self.blanked(redrive.envelope)?, ..redrive })
            }
            Record::Moved(moved) => Record::Moved(Moved { envelope: self.blanked(moved.envelope)?, ..moved }),
            Record::Dead(dead) => Record::Dead(Dead { envelope: self.blanked(dead.envelope)?, ..dead }),
            _ => return None,
        };
        Some(blanked.encode(record.time_ms).payload.to_vec())
    }

    fn blanked(&self, mut envelope: Envelope) -> Option<Envelope> {
        let (id, actor) = (envelope.conversation, envelope.actor);
        let (erasure, body) = match &mut envelope.command {
            Command::Send { body, .. } => (self.sent.get(&(id, actor, envelope.command_id))?, body),
            Command::Edit { target, body, .. } => (self.edited.get(&(id, *target))?, body),
            _ => return None,
        };
        *body = blank(erasure, body)?;
        Some(envelope)
    }
}

/// Stands for a body: as long as it, equal for equal bodies of the message, different for different ones. `None` for
/// what was never a body of it, which includes blanks.
///
/// The n-th of the bodies of this length is the number n in bytes of 7 bits. There are not more bodies of a length
/// than such numbers, because a body of one byte is one of 128, and a message has at most 201.
fn blank(erasure: &Erasure, body: &str) -> Option<String> {
    let (wanted, length) = hashed(body);
    let mut same_length: Vec<BodyHash> = Vec::new();
    for (hash, other) in &erasure.bodies {
        if *other == length && !same_length.contains(hash) {
            same_length.push(*hash);
        }
    }
    let mut number = same_length.iter().position(|hash| *hash == wanted)?;
    let digits = (0..body.len()).map(|_| {
        let digit = u8::try_from(number % 128).unwrap_or_default();
        number /= 128;
        char::from(digit)
    });
    Some(digits.collect())
}

fn hashed(body: &str) -> (BodyHash, u32) {
    let digest = Sha256::digest(body.as_bytes());
    let mut hash = BodyHash::default();
    hash.copy_from_slice(&digest[..16]);
    (hash, u32::try_from(body.len()).unwrap_or(u32::MAX))
}

/// Applies the note that erasures are done.
pub(crate) fn forget(writer: &Writer<'_>, erased: &[(ConversationId, Seq)]) {
    let unique: BTreeSet<_> = erased.iter().collect();
    for (id, target) in unique {
        writer.remove(&keys::erasure(*id, *target));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Blanks keep what decisions look at: whether two bodies are equal, and how long they are.
        #[test]
        fn blanks_are_equal_exactly_where_bodies_are(
            bodies in prop::collection::vec("[a-c]{1,3}|ä|[a-z]{40}", 1..60),
        ) {
            let erasure = Erasure {
                from: 1,
                deleted_at: 1,
                actor: UserId::from_u128(1),
                command_id: CommandId::from_u128(1),
                bodies: bodies.iter().map(|body| hashed(body)).collect(),
            };
            let blanks: Vec<String> = bodies.iter().map(|body| blank(&erasure, body).unwrap()).collect();
            for (body, blank) in bodies.iter().zip(&blanks) {
                prop_assert_eq!(body.len(), blank.len());
                prop_assert_ne!(body, blank);
                for (other, other_blank) in bodies.iter().zip(&blanks) {
                    prop_assert_eq!(body == other, blank == other_blank);
                }
                prop_assert_eq!(super::blank(&erasure, blank), None, "erasing again changes nothing");
            }
        }
    }
}
