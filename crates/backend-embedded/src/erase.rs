//! Erasing the text of deleted messages from where it was written once and for all: the journal and old tables.
//! The store's rows lose it at once; here sealed segments are rewritten with blanks of the same length, and tables are
//! merged. Invariant: blanks decide as the bodies did, so that replay gives the same state (D8).

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
};

use chat::{
    Command, CommandId, ConversationId, Effects, Envelope, Event, EventKind, Outcome, Portable, Row, Seq,
    TimestampMs, UserId,
};
use journal::Position;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    codec::{self, StoredDead, decode},
    core::Core,
    engine::Writer,
    error::Fault,
    keys::{self, Keyspace},
    limits::ERASURES_PER_PASS_MAX,
    record::{Dead, Import, Late, Moved, Record, Redrive},
};

/// Enough of a body's SHA-256 to recognise it.
type BodyHash = [u8; 16];

/// A deleted message: one whose text still stands in the journal, or, once it is erased, what tells its blanks from
/// text that comes later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Erasure {
    /// The item that brought it; nothing of it stands before.
    from: u64,
    /// When it was deleted.
    deleted_at: TimestampMs,
    /// Who wrote it, and under which name: a resend bears the same.
    actor: UserId,
    command_id: CommandId,
    /// Hash and length of each of its bodies, in the order it had them; of their blanks, once they are erased.
    bodies: Vec<(BodyHash, u32)>,
}

/// What the live server knows of erasing besides the rows.
#[derive(Debug, Default)]
pub(crate) struct Erasing {
    /// What the last pass was about. Text that comes again during a pass is for the next one.
    passing: Mutex<BTreeSet<(ConversationId, Seq)>>,
    /// Deleted messages of which text may have come again.
    late: Mutex<BTreeSet<(ConversationId, Seq)>>,
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

/// Notes that the text of a message deleted before it was taken in stands nowhere here: what comes of it later is
/// recognised by that (see [`note_late`]).
pub(crate) fn note_taken_in(writer: &Writer<'_>, row: &Row) {
    let Some(deleted_at) = row.message.as_ref().and_then(|message| message.deleted_at) else { return };
    let Event { conversation, seq, actor, command_id, .. } = row.event;
    let erasure = Erasure { from: 0, deleted_at, actor, command_id, bodies: Vec::new() };
    writer.put(&keys::erased(conversation, seq), codec::encode(&erasure));
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
    let keys = due.iter().map(|(id, target, _)| (*id, *target)).collect();
    *core.erasing.passing.lock() = keys;
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
    blank_letters(core, &eraser)?;
    core.engine.merge_all()?;
    tracing::info!(
        messages = due.len(),
        records = rewritten.records,
        "the text of deleted messages is erased"
    );
    // Held until the record has its place: what comes again stands after it, or is not named by it.
    let passing = core.erasing.passing.lock();
    let erased = passing.iter().copied().collect();
    drop(core.begin_change(Record::Erased(erased), |_| {})?);
    drop(passing);
    Ok(due.len())
}

/// Dead letters become what the journal says of them now.
fn blank_letters(core: &Core, eraser: &Eraser<'_>) -> Result<(), Fault> {
    let writer = core.engine.writer();
    for pair in core.engine.prefix(&keys::Key::new(Keyspace::Dead)) {
        let (key, value) = pair?;
        let dead: StoredDead = decode("dead letter", &value)?;
        let item = keys::number(&key, 1);
        if let Some(envelope) = eraser.blanked(item, dead.envelope.clone()) {
            writer.put(&keys::dead(item), codec::encode(&StoredDead { envelope, ..dead }));
        }
    }
    core.cut(&writer);
    Ok(())
}

impl Erasing {
    /// A command came again that had become this row.
    pub(crate) fn notice(&self, row: &Row) {
        if row.message.as_ref().is_some_and(|message| message.deleted_at.is_some()) {
            self.late.lock().insert((row.event.conversation, row.event.seq));
        }
    }
}

/// Notices an edit without effect: its text may be that of a message that was erased before.
pub(crate) fn notice_edit(core: &Core, envelope: &Envelope, outcome: &Outcome) {
    if let (Command::Edit { target, .. }, Outcome::Unchanged | Outcome::Refused(_)) =
        (&envelope.command, outcome)
    {
        match core.row(envelope.conversation, *target) {
            Ok(row) => row.iter().for_each(|row| core.erasing.notice(row)),
            Err(fault) => tracing::warn!(%fault, "a refused edit's message cannot be read"),
        }
    }
}

/// Notices a command that is given up, if it has the text of a deleted message.
pub(crate) fn notice_dead(core: &Core, envelope: &Envelope) -> Result<(), Fault> {
    let target = match &envelope.command {
        Command::Send { .. } => core.command(&keys::command_of(envelope))?.map(|applied| applied.seq),
        Command::Edit { target, .. } => Some(*target),
        _ => None,
    };
    let row = target.map(|target| core.row(envelope.conversation, target)).transpose()?.flatten();
    row.iter().for_each(|row| core.erasing.notice(row));
    Ok(())
}

/// Makes a note of every text noticed that the passes so far do not cover, so that another one erases it.
pub(crate) fn note_late(core: &Arc<Core>) -> Result<(), Fault> {
    let noticed = std::mem::take(&mut *core.erasing.late.lock());
    if noticed.is_empty() {
        return Ok(());
    }
    let (from, at) = (core.messages.settled().first_open(), core.now_ms());
    for (conversation, target) in noticed {
        let mut passing = core.erasing.passing.lock();
        // Where neither holds, the text stands before a pass that is still to come.
        if passing.remove(&(conversation, target))
            || core.engine.contains(&keys::erased(conversation, target))?
        {
            let late = Late { conversation, target, from, at };
            drop(core.begin_change(Record::Late(late), |_| {})?);
        }
    }
    Ok(())
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
        let position = record.position.0;
        let blanked = match decoded {
            Record::Command(envelope) => Record::Command(self.blanked(position, envelope)?),
            Record::Stray(envelope) => Record::Stray(self.blanked(position, envelope)?),
            Record::Redrive(redrive) => {
                Record::Redrive(Redrive { envelope: self.blanked(position, redrive.envelope)?, ..redrive })
            }
            Record::Moved(moved) => {
                Record::Moved(Moved { envelope: self.blanked(moved.item, moved.envelope)?, ..moved })
            }
            Record::Dead(dead) => {
                Record::Dead(Dead { envelope: self.blanked(dead.item, dead.envelope)?, ..dead })
            }
            Record::Import(Import::Records(records)) => {
                Record::Import(Import::Records(self.blanked_portables(records)?))
            }
            _ => return None,
        };
        Some(blanked.encode(record.time_ms).payload.to_vec())
    }

    /// What was taken in, without the text; `None` when there is nothing to erase in it.
    fn blanked_portables(&self, mut records: Vec<Portable>) -> Option<Vec<Portable>> {
        let mut has_changed = false;
        for record in &mut records {
            has_changed |= self.blank_portable(record);
        }
        has_changed.then_some(records)
    }

    fn blank_portable(&self, record: &mut Portable) -> bool {
        let mut has_changed = false;
        let mut replace = |id: ConversationId, target: Seq, body: &mut String| {
            let erasure = self.edited.get(&(id, target));
            if let Some(blank) = erasure.and_then(|erasure| blank(erasure, body)) {
                *body = blank;
                has_changed = true;
            }
        };
        match record {
            Portable::Rows { conversation, rows, .. } => {
                for row in rows {
                    if let EventKind::Message { body, .. } = &mut row.event.kind {
                        replace(*conversation, row.event.seq, body);
                    }
                }
            }
            Portable::Versions { conversation, versions } => {
                for version in versions {
                    replace(*conversation, version.target, &mut version.body);
                }
            }
            Portable::Letter(letter) => {
                if let Some(blanked) = self.blanked(u64::MAX, letter.envelope.clone()) {
                    letter.envelope = blanked;
                    has_changed = true;
                }
            }
            _ => {}
        }
        has_changed
    }

    /// What an item brought, without the text. What came before the message was none of its text.
    fn blanked(&self, item: u64, mut envelope: Envelope) -> Option<Envelope> {
        let (id, actor) = (envelope.conversation, envelope.actor);
        let (erasure, body) = match &mut envelope.command {
            Command::Send { body, .. } => (self.sent.get(&(id, actor, envelope.command_id))?, body),
            Command::Edit { target, body, .. } => (self.edited.get(&(id, *target))?, body),
            _ => return None,
        };
        if item < erasure.from {
            return None;
        }
        *body = blank(erasure, body)?;
        Some(envelope)
    }
}

/// Stands for a text of the message: as long as it, equal for equal bodies, different for different ones. `None` when
/// the text is a blank already.
///
/// The n-th of the bodies of this length is the number n in bytes of 7 bits, and what was never a body (a refused edit)
/// is the number after them: it decides nothing. There are not more texts of a length than such numbers, because a
/// text of one byte is one of 128, and a message has at most 201 bodies.
fn blank(erasure: &Erasure, body: &str) -> Option<String> {
    let (wanted, length) = hashed(body);
    let same_length = erasure.distinct(length);
    let blank = match same_length.iter().position(|hash| *hash == wanted) {
        Some(number) => numbered(number, body.len()),
        None if (0..=same_length.len()).any(|number| numbered(number, body.len()) == body) => return None,
        None => numbered(same_length.len(), body.len()),
    };
    (blank != body).then_some(blank)
}

fn numbered(mut number: usize, length: usize) -> String {
    let digits = (0..length).map(|_| {
        let digit = u8::try_from(number % 128).unwrap_or_default();
        number /= 128;
        char::from(digit)
    });
    digits.collect()
}

impl Erasure {
    /// The different bodies of a length, in the order the message had them.
    fn distinct(&self, length: u32) -> Vec<BodyHash> {
        let mut distinct = Vec::new();
        for (hash, _) in self.bodies.iter().filter(|(_, other)| *other == length) {
            if !distinct.contains(hash) {
                distinct.push(*hash);
            }
        }
        distinct
    }

    /// What is kept once the text is erased: nothing that could tell it.
    fn erased(&self) -> Erasure {
        let blank = |(hash, length): &(BodyHash, u32)| {
            let number = self.distinct(*length).iter().position(|other| other == hash).unwrap_or_default();
            hashed(&numbered(number, usize::try_from(*length).unwrap_or_default()))
        };
        Erasure { bodies: self.bodies.iter().map(blank).collect(), ..self.clone() }
    }
}

fn hashed(body: &str) -> (BodyHash, u32) {
    let digest = Sha256::digest(body.as_bytes());
    let mut hash = BodyHash::default();
    hash.copy_from_slice(&digest[..16]);
    (hash, u32::try_from(body.len()).unwrap_or(u32::MAX))
}

/// Applies the note that erasures are done.
pub(crate) fn forget(
    core: &Core,
    writer: &Writer<'_>,
    erased: &[(ConversationId, Seq)],
) -> Result<(), Fault> {
    let unique: BTreeSet<_> = erased.iter().copied().collect();
    for (id, target) in unique {
        if let Some(bytes) = core.engine.get(&keys::erasure(id, target))? {
            let erasure: Erasure = decode("erasure", &bytes)?;
            writer.remove(&keys::erasure(id, target));
            writer.put(&keys::erased(id, target), codec::encode(&erasure.erased()));
        }
    }
    Ok(())
}

/// Applies the note that text of a message has come after it was erased.
pub(crate) fn again(core: &Core, writer: &Writer<'_>, late: &Late) -> Result<(), Fault> {
    let Late { conversation, target, from, at } = *late;
    if let Some(bytes) = core.engine.get(&keys::erased(conversation, target))? {
        let erasure = Erasure { from, deleted_at: at, ..decode("erasure", &bytes)? };
        writer.remove(&keys::erased(conversation, target));
        writer.put(&keys::erasure(conversation, target), codec::encode(&erasure));
    }
    Ok(())
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
                prop_assert_eq!(super::blank(&erasure.erased(), blank), None, "nor does it later");
            }
            for never in ["d", "dd", "ddd", "\u{20ac}"] {
                let refused = super::blank(&erasure, never).unwrap();
                prop_assert_eq!(refused.len(), never.len());
                prop_assert!(!blanks.contains(&refused), "what was no body is none afterwards");
                prop_assert_eq!(super::blank(&erasure, &refused), None);
                prop_assert_eq!(super::blank(&erasure.erased(), &refused), None);
                prop_assert_eq!(super::blank(&erasure.erased(), never), Some(refused));
            }
        }
    }
}
