//! A home as records: people, invitations, conversations with their logs, files, dead letters.
//! Reads through the ports alone, so every home is read alike. Invariant: a log is read without a gap (D3), or nothing is
//! exported.

use std::{sync::Mutex, time::Duration};

use chat::{
    Account, Attachment, ConversationId, EventKind, Meta, Portable, PortableLetter, PortablePerson, Row, Seq,
    UserId,
    attachment::Shown,
    ports::{EventsQuery, PortError, UploadEntry},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::{
    House,
    blobs::Wanted,
    error::MovingError,
    limits::{
        INVITES_MAX, PAGE_BYTES, PAGE_ROWS, PAUSE_MS, PAUSE_MS_MAX, READS_AT_ONCE, RECORD_BYTES, TRIES_MAX,
    },
    tally::Tally,
};

/// Where records go.
pub(crate) struct Out {
    pub(crate) records: mpsc::Sender<Portable>,
    /// Where files that somebody may still see go, if anybody wants them.
    pub(crate) files: Option<mpsc::Sender<Wanted>>,
}

/// Reads everything. Whoever reads a home that is in use learns it at the end.
pub(crate) async fn read_out(house: &House, out: &Out) -> Result<(), MovingError> {
    let reading = Reading { house, out, seen: Mutex::default() };
    reading.people().await?;
    reading.invites().await?;
    reading.conversations().await?;
    reading.loose_files().await?;
    reading.letters().await?;
    reading.check_unused().await
}

/// Refuses a home in which something is on its way.
pub(crate) async fn check_idle(house: &House) -> Result<(), MovingError> {
    let (messages, notifications) = (house.messages.depth().await?, house.notifications.depth().await?);
    let commands = messages.waiting + messages.in_flight;
    let announcements = notifications.waiting + notifications.in_flight;
    if commands == 0 && announcements == 0 {
        Ok(())
    } else {
        Err(MovingError::Busy { commands, announcements })
    }
}

/// Calls until it succeeds, as long as another try makes sense.
pub(crate) async fn patiently<T>(
    mut call: impl AsyncFnMut() -> Result<T, PortError>,
) -> Result<T, MovingError> {
    let mut pause_ms = PAUSE_MS;
    for _ in 1..TRIES_MAX {
        match call().await {
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, pause_ms, "tried again");
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
            }
            other => return other.map_err(MovingError::from),
        }
    }
    Ok(call().await?)
}

struct Reading<'a> {
    house: &'a House,
    out: &'a Out,
    /// Accounts and conversations as they were when they were read.
    seen: Mutex<Tally>,
}

impl Reading<'_> {
    async fn send(&self, record: Portable) -> Result<(), MovingError> {
        self.out.records.send(record).await.map_err(|_| MovingError::Stopped)
    }

    async fn want(&self, wanted: Wanted) -> Result<(), MovingError> {
        match &self.out.files {
            Some(files) => files.send(wanted).await.map_err(|_| MovingError::Stopped),
            None => Ok(()),
        }
    }

    fn see(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    // ---- people ----

    async fn people(&self) -> Result<(), MovingError> {
        let mut after: Option<String> = None;
        loop {
            let page = self.accounts(after.as_deref()).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.username.clone());
            let people = stream::iter(page).map(|account| self.person(account));
            people.buffer_unordered(READS_AT_ONCE).try_for_each(|()| async { Ok(()) }).await?;
        }
    }

    async fn accounts(&self, after: Option<&str>) -> Result<Vec<Account>, MovingError> {
        patiently(async || self.house.store.accounts("", after, PAGE_ROWS).await).await
    }

    async fn person(&self, account: Account) -> Result<(), MovingError> {
        let (store, user) = (&self.house.store, account.user);
        let profiles = patiently(async || store.profiles(&[user]).await).await?;
        let profile = profiles.into_iter().next().unwrap_or_default();
        let preferences = patiently(async || store.preferences(user).await).await?;
        let sessions = patiently(async || store.sessions(user).await).await?;
        let kept = patiently(async || self.house.moving.kept(user).await).await?;
        self.see(|seen| seen.put("people", &account));
        if let Some(avatar) = profile.avatar {
            self.want(Wanted::avatar(user, avatar)).await?;
        }
        let person = PortablePerson { account, profile, preferences, sessions, kept };
        self.send(Portable::Person(Box::new(person))).await
    }

    async fn invites(&self) -> Result<(), MovingError> {
        for invite in patiently(async || self.house.store.invites(INVITES_MAX).await).await? {
            self.send(Portable::Invite(invite)).await?;
        }
        Ok(())
    }

    // ---- conversations ----

    async fn conversations(&self) -> Result<(), MovingError> {
        let mut after = None;
        loop {
            let page = self.metas(after).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(*last);
            let conversations = stream::iter(page).map(|(id, meta)| self.conversation(id, meta));
            conversations.buffer_unordered(READS_AT_ONCE).try_for_each(|()| async { Ok(()) }).await?;
        }
    }

    async fn metas(&self, after: Option<ConversationId>) -> Result<Vec<(ConversationId, Meta)>, MovingError> {
        patiently(async || self.house.store.conversations(after, PAGE_ROWS).await).await
    }

    async fn conversation(&self, conversation: ConversationId, meta: Meta) -> Result<(), MovingError> {
        self.see(|seen| seen.put("conversations", &(conversation, &meta)));
        let first = patiently(async || self.house.store.row(conversation, 1).await).await?;
        let request = first.ok_or_else(|| gap(conversation, 0))?.event.command_id;
        self.log(conversation, &meta).await?;
        self.members(conversation).await?;
        self.send(Portable::Conversation { conversation, meta, request }).await
    }

    async fn log(&self, conversation: ConversationId, meta: &Meta) -> Result<(), MovingError> {
        let (mut at, mut last_message, mut messages): (Seq, Seq, u64) = (0, 0, 0);
        while at < meta.head {
            let query = EventsQuery::After(at);
            let store = &self.house.store;
            let page =
                patiently(async || store.events(conversation, query, PAGE_ROWS, PAGE_BYTES).await).await?;
            let mut rows = page.rows;
            rows.retain(|row| row.event.seq <= meta.head);
            if rows.is_empty() {
                return Err(gap(conversation, at));
            }
            for row in &mut rows {
                if row.event.seq != at + 1 {
                    return Err(gap(conversation, at));
                }
                at = row.event.seq;
                messages = row.ordinal;
                row.event = row.event.for_log();
            }
            self.belongings(conversation, &rows).await?;
            for rows in pieces(rows) {
                let mut seqs = rows.iter().filter(|row| row.message.is_some()).map(|row| row.event.seq);
                last_message = seqs.next_back().unwrap_or(last_message);
                self.send(Portable::Rows { conversation, rows, last_message }).await?;
            }
        }
        if (messages, last_message) == (meta.messages, meta.last_message) {
            Ok(())
        } else {
            let why = format!(
                "the log of {conversation} has {messages} messages, it should have {}",
                meta.messages
            );
            Err(MovingError::Contradiction(why))
        }
    }

    /// What belongs to messages and stands outside their rows.
    async fn belongings(&self, conversation: ConversationId, rows: &[Row]) -> Result<(), MovingError> {
        let messages = rows.iter().filter(|row| row.message.is_some());
        let read = stream::iter(messages).map(|row| self.belongings_of(conversation, row));
        read.buffer_unordered(READS_AT_ONCE).try_for_each(|()| async { Ok(()) }).await
    }

    async fn belongings_of(&self, conversation: ConversationId, row: &Row) -> Result<(), MovingError> {
        let Some(state) = row.message.as_ref().filter(|state| state.deleted_at.is_none()) else {
            return Ok(());
        };
        let seq = row.event.seq;
        if state.edits > 0 {
            let versions = patiently(async || self.house.store.versions(conversation, seq).await).await?;
            for versions in pieces(versions) {
                self.send(Portable::Versions { conversation, versions }).await?;
            }
        }
        if !state.reactions.is_empty() {
            self.reactions(conversation, seq).await?;
        }
        if let EventKind::Message { attachments, .. } = &row.event.kind {
            for file in attachments {
                self.shown_file(file).await?;
            }
        }
        Ok(())
    }

    async fn reactions(&self, conversation: ConversationId, seq: Seq) -> Result<(), MovingError> {
        let mut after: Option<(UserId, String)> = None;
        loop {
            let store = &self.house.store;
            let page = patiently(async || store.reactions(conversation, seq, after.clone(), PAGE_ROWS).await);
            let page = page.await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            let reactions = page.into_iter().map(|(user, emoji)| (seq, user, emoji)).collect();
            self.send(Portable::Reactions { conversation, reactions }).await?;
        }
    }

    async fn members(&self, conversation: ConversationId) -> Result<(), MovingError> {
        let mut after = None;
        loop {
            let moving = &self.house.moving;
            let members = patiently(async || moving.members(conversation, after, PAGE_ROWS).await).await?;
            let Some(last) = members.last() else { return Ok(()) };
            after = Some(last.user);
            self.send(Portable::Members { conversation, members }).await?;
        }
    }

    // ---- files ----

    async fn shown_file(&self, file: &Attachment) -> Result<(), MovingError> {
        let entry = patiently(async || self.house.store.upload(file.attachment).await).await?;
        match entry {
            Some(entry) if matches!(entry.shown, Some(Shown::With(..))) => self.file(entry).await,
            // One without a row has been lost before; one that is loose comes with the loose ones.
            _ => Ok(()),
        }
    }

    async fn loose_files(&self) -> Result<(), MovingError> {
        let mut after = None;
        loop {
            let page = patiently(async || self.house.store.loose_uploads(after, PAGE_ROWS).await).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.upload.file.attachment);
            for entry in page.into_iter().filter(|entry| !matches!(entry.shown, Some(Shown::With(..)))) {
                self.file(entry).await?;
            }
        }
    }

    async fn file(&self, entry: UploadEntry) -> Result<(), MovingError> {
        let UploadEntry { upload, shown } = entry;
        if shown != Some(Shown::Erased) {
            self.want(Wanted::file(&upload)).await?;
            if upload.file.has_thumbnail {
                self.want(Wanted::thumbnail(upload.file.attachment)).await?;
            }
        }
        self.send(Portable::Upload { upload, shown }).await
    }

    // ---- dead letters ----

    async fn letters(&self) -> Result<(), MovingError> {
        let mut after: Option<String> = None;
        let mut number = 0;
        loop {
            let messages = &self.house.messages;
            let page = patiently(async || messages.dead_letters(after.as_deref(), PAGE_ROWS).await).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for letter in page {
                number += 1;
                let Some(envelope) = letter.body else {
                    return Err(MovingError::UnreadableLetter { id: letter.id, reason: letter.reason });
                };
                let letter = PortableLetter {
                    number,
                    envelope,
                    reason: letter.reason,
                    attempts: letter.attempts,
                    first_failed_at: letter.first_failed_at,
                    last_failed_at: letter.last_failed_at,
                };
                self.send(Portable::Letter(Box::new(letter))).await?;
            }
        }
    }

    // ---- whether the home was left alone ----

    /// Accounts and conversations are as they were when they were read.
    async fn check_unused(&self) -> Result<(), MovingError> {
        let mut now = Tally::default();
        let mut after: Option<String> = None;
        loop {
            let page = self.accounts(after.as_deref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.username.clone());
            page.iter().for_each(|account| now.put("people", account));
        }
        let mut after = None;
        loop {
            let page = self.metas(after).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            page.iter().for_each(|entry| now.put("conversations", entry));
        }
        let mut changed = None;
        self.see(|seen| changed = now.first_difference(seen));
        changed.map_or(Ok(()), |kind| Err(MovingError::InUse { kind }))
    }
}

/// Things in portions that fit into a record.
fn pieces<T: Serialize>(things: Vec<T>) -> Vec<Vec<T>> {
    let mut pieces: Vec<Vec<T>> = Vec::new();
    let mut bytes = usize::MAX;
    for thing in things {
        let own = postcard::to_stdvec(&thing).map_or(0, |encoded| encoded.len());
        bytes = bytes.saturating_add(own);
        if bytes > RECORD_BYTES {
            pieces.push(Vec::new());
            bytes = own;
        }
        pieces.last_mut().expect("invariant: pushed for the first thing").push(thing);
    }
    pieces
}

fn gap(conversation: ConversationId, after: Seq) -> MovingError {
    MovingError::Contradiction(format!("the log of {conversation} has a gap after {after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_bounded_and_keep_the_order() {
        let things: Vec<String> = (0..50).map(|n| format!("{n:010000}")).collect();
        let pieces = pieces(things.clone());
        assert!(pieces.len() > 5);
        assert!(pieces.iter().all(|piece| (1..=6).contains(&piece.len())));
        assert_eq!(pieces.concat(), things);
        assert_eq!(super::pieces(vec!["x".repeat(RECORD_BYTES * 2)]).len(), 1, "a large one is alone");
        assert!(super::pieces(Vec::<u8>::new()).is_empty());
    }
}
