//! What another home held, as rows.
//! Every record is whole by itself and says how things are, so that taking it in again changes nothing.

use std::sync::Arc;

use chat::{
    Announcement, ChangeOutcome, CommandId, ConversationId, ConversationKind, EventKind, Meta, Portable,
    PortableLetter, PortableMember, PortablePerson, Preferences, Profile, Row, Session, Upload,
    account::username_key, attachment::Shown,
};

use super::accounts;
use crate::{
    codec::{self, ConversationRef, StoredCommand, StoredDead, StoredMember, decode},
    core::Core,
    engine::Writer,
    erase,
    error::Fault,
    keys,
    record::{Import, StoredArrival},
};

/// Name of the system row that says what was taken in, and how far that is.
const ARRIVAL_ROW: &str = "arrival";

/// Dead letters that were taken in have names behind those of all items of this journal.
const FIRST_LETTER: u64 = 1 << 63;

pub(crate) fn import(
    core: &Core,
    writer: &Writer<'_>,
    position: u64,
    import: &Import,
) -> Result<ChangeOutcome, Fault> {
    match import {
        Import::Begin(export) => {
            if arrival(core)?.is_none() {
                note(writer, StoredArrival { export: *export, batches: 0, is_finished: false });
            }
        }
        Import::Records(records) => {
            for record in records {
                take_in(core, writer, position, record)?;
            }
        }
        Import::Reached(batches) => {
            if let Some(arrival) = arrival(core)? {
                note(writer, StoredArrival { batches: arrival.batches.max(*batches), ..arrival });
            }
        }
        Import::Finish => {
            if let Some(arrival) = arrival(core)? {
                note(writer, StoredArrival { is_finished: true, ..arrival });
            }
        }
    }
    Ok(ChangeOutcome::Done)
}

pub(crate) fn arrival(core: &Core) -> Result<Option<StoredArrival>, Fault> {
    let bytes = core.engine.get(&keys::system(ARRIVAL_ROW))?;
    bytes.map(|bytes| decode("arrival", &bytes)).transpose()
}

fn note(writer: &Writer<'_>, arrival: StoredArrival) {
    writer.put(&keys::system(ARRIVAL_ROW), codec::encode(&arrival));
}

fn take_in(core: &Core, writer: &Writer<'_>, position: u64, record: &Portable) -> Result<(), Fault> {
    match record {
        Portable::Person(person) => put_person(core, writer, position, person)?,
        Portable::Invite(invite) => drop(accounts::put_invite(writer, invite)),
        Portable::Upload { upload, shown } => put_upload(writer, upload, *shown),
        Portable::Conversation { conversation, meta, request } => {
            put_conversation(core, writer, position, *conversation, meta, *request);
        }
        Portable::Members { conversation, members } => {
            members.iter().for_each(|member| put_member(core, writer, *conversation, member));
        }
        Portable::Rows { conversation, rows, .. } => {
            rows.iter().for_each(|row| put_row(writer, *conversation, row));
        }
        Portable::Versions { conversation, versions } => {
            for version in versions {
                let key = keys::version(*conversation, version.target, version.number);
                writer.put(&key, codec::encode_version(version));
            }
        }
        Portable::Reactions { conversation, reactions } => {
            for (target, user, emoji) in reactions {
                writer.put(&keys::reaction(*conversation, *target, *user, emoji), Vec::new());
            }
        }
        Portable::Letter(letter) => put_letter(writer, letter),
    }
    Ok(())
}

fn put_person(core: &Core, writer: &Writer<'_>, position: u64, person: &PortablePerson) -> Result<(), Fault> {
    let PortablePerson { account, profile, preferences, sessions, kept } = person;
    let user = account.user;
    writer.put(&keys::account(user), codec::encode(account));
    writer.put(&keys::username(&username_key(&account.username)), user.to_bytes().to_vec());
    if *profile != Profile::default() {
        writer.put(&keys::profile(user), codec::encode(profile));
    }
    if *preferences != Preferences::default() {
        writer.put(&keys::preferences(user), codec::encode(preferences));
    }
    sessions.iter().for_each(|session| put_session(core, writer, session));
    for (conversation, preferences) in &kept.conversations {
        let key = keys::conversation_preferences(user, *conversation);
        writer.put(&key, codec::encode(preferences));
    }
    // They are named by the record that brings them: those of the same record taken in before give way.
    for pair in core.engine.prefix(&keys::failures(user)) {
        writer.remove(&pair?.0);
    }
    for (index, (at, failure)) in (0_u32..).zip(&kept.failures) {
        if matches!(failure, Announcement::Failed { user: whose, .. } if *whose == user) {
            writer.put(&keys::failure(user, position, index), codec::encode(&(*at, failure)));
        }
    }
    Ok(())
}

fn put_session(core: &Core, writer: &Writer<'_>, session: &Session) {
    writer.put(&keys::session(&session.token_hash), codec::encode(session));
    writer.put(&keys::session_of(session.user, session.session), codec::encode(&session.token_hash));
    core.caches.sessions.set(&session.token_hash, Some(session.clone()));
}

fn put_upload(writer: &Writer<'_>, upload: &Upload, shown: Option<Shown>) {
    let id = upload.file.attachment;
    writer.put(&keys::upload(id), codec::encode(upload));
    if upload.claim.is_none() {
        writer.put(&keys::upload_unsent(upload.owner, id), codec::encode(&upload.file.size_bytes));
    }
    if !matches!(shown, Some(Shown::With(..))) {
        writer.put(&keys::upload_loose(id), Vec::new());
    }
    if let Some(shown) = shown {
        writer.put(&keys::shown(id), codec::encode(&shown));
    }
}

fn put_conversation(
    core: &Core,
    writer: &Writer<'_>,
    position: u64,
    id: ConversationId,
    meta: &Meta,
    request: CommandId,
) {
    writer.put(&keys::request(meta.created_by, request), id.to_bytes().to_vec());
    if let Some(pair) = meta.pair {
        writer.put(&keys::direct(pair), id.to_bytes().to_vec());
    }
    if meta.kind == ConversationKind::Channel {
        writer.put(&keys::channel(id), Vec::new());
    }
    writer.put(&keys::conversation(id), codec::encode(&ConversationRef { meta, applied: position }));
    core.caches.metas.set(&id, Arc::new(meta.clone()));
    core.changed.lock().note(id, meta.head);
}

fn put_member(core: &Core, writer: &Writer<'_>, id: ConversationId, member: &PortableMember) {
    let PortableMember { user, membership, joined_ordinal, mark } = *member;
    let stored = StoredMember { membership, joined_ordinal };
    let value = codec::encode(&stored);
    writer.put(&keys::member(id, user), value.clone());
    writer.put(&keys::membership(user, id), value);
    if mark != chat::change::MarkState::default() {
        writer.put(&keys::mark(id, user), codec::encode(&mark));
    }
    core.caches.members.set(&(id, user), Some(stored));
}

fn put_row(writer: &Writer<'_>, id: ConversationId, row: &Row) {
    let event = &row.event;
    writer.put(&keys::row(id, event.seq), codec::encode_row(row));
    let command = StoredCommand { seq: event.seq, item: 0 };
    writer.put(&keys::command(id, event.actor, event.command_id), codec::encode(&command));
    if let EventKind::Message { mentions, .. } = &event.kind {
        for user in mentions {
            writer.put(&keys::mention(*user, id, event.seq), Vec::new());
        }
    }
    erase::note_taken_in(writer, row);
}

fn put_letter(writer: &Writer<'_>, letter: &PortableLetter) {
    let stored = StoredDead {
        envelope: letter.envelope.clone(),
        reason: letter.reason.clone(),
        attempts: letter.attempts,
        first_failed_at: letter.first_failed_at,
        last_failed_at: letter.last_failed_at,
    };
    writer.put(&keys::dead(FIRST_LETTER | letter.number), codec::encode(&stored));
}
