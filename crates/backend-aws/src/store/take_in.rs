//! What another home held, as items: the same that living here would have left.
//! Invariant: a record always becomes the same items, so that it can be taken in twice; nothing here is conditional.

use std::collections::BTreeMap;

use chat::{
    Announcement, CommandId, ConversationId, ConversationKind, EventKind, Invite, Meta, Portable,
    PortableMember, PortablePerson, Preferences, Profile, Row, Seq, Upload, UserId, account::username_key,
    attachment::Shown, change::MarkState, ports::PortError,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::{
    accounts::{USER, invite_items},
    core::Core,
    create::CONVERSATION,
    head::{LAST_MESSAGE, meta_item},
    listing::{CHANNELS, CONVERSATIONS, LOOSE_UPLOADS},
    load::SEQ,
    members::{DELIVERED, JOINED_ORDINAL, READ, READ_ORDINAL, membership_keys},
    people::KEPT_AT,
    uploads::Unsent,
};
use crate::{
    codec::hex,
    item::{Item, Key, REVISION, number, text},
    keys,
    limits::{BATCH_WRITES_MAX, EXPIRED_LIFE_MS, FAILURE_LIFE_MS, REQUESTS_AT_ONCE_MAX},
    queue,
};

/// Items by their keys: of two with one key the later counts, and one request never names a key twice.
#[derive(Default)]
struct Items(BTreeMap<Key, Item>);

impl Core {
    /// Writes records, however many, in any order.
    pub(crate) async fn take_in(&self, records: Vec<Portable>) -> Result<(), PortError> {
        let mut items = Items::default();
        let mut unsent: Vec<Upload> = Vec::new();
        for record in records {
            if let Portable::Upload { upload, .. } = &record
                && upload.claim.is_none()
            {
                unsent.push(upload.clone());
            }
            items.add(record)?;
        }
        let items: Vec<Item> = items.0.into_values().collect();
        let chunks: Vec<Vec<Item>> = items.chunks(BATCH_WRITES_MAX).map(<[Item]>::to_vec).collect();
        let written = stream::iter(chunks).map(|chunk| self.table.put_many(chunk));
        written.buffer_unordered(REQUESTS_AT_ONCE_MAX).try_for_each(|()| async { Ok(()) }).await?;
        for upload in unsent {
            self.list_unsent(&upload).await?;
        }
        Ok(())
    }

    /// The list of somebody's unsent uploads is one item, which others of their uploads change at the same time.
    async fn list_unsent(&self, upload: &Upload) -> Result<(), PortError> {
        let (id, size_bytes) = (upload.file.attachment, upload.file.size_bytes);
        let add = |list: &mut Unsent| {
            if list.iter().all(|(other, _)| *other != id) {
                list.push((id, size_bytes));
            }
        };
        self.modify("unsent uploads", keys::unsent_uploads(upload.owner), add).await.map(drop)
    }
}

impl Items {
    fn put(&mut self, item: Item) {
        self.0.insert(item.key.clone(), item);
    }

    /// A value that changes are conditional on.
    fn hold(&mut self, key: Key, value: &impl Serialize) {
        self.put(Item::new(key).data(value).with(REVISION, number(1)));
    }

    fn add(&mut self, record: Portable) -> Result<(), PortError> {
        match record {
            Portable::Person(person) => self.person(&person),
            Portable::Invite(invite) => self.invite(&invite),
            Portable::Upload { upload, shown } => self.upload(&upload, shown),
            Portable::Conversation { conversation, meta, request } => {
                self.conversation(conversation, &meta, request);
            }
            Portable::Members { conversation, members } => {
                members.iter().for_each(|member| self.member(conversation, member));
            }
            Portable::Rows { conversation, rows, last_message } => {
                self.rows(conversation, &rows, last_message);
            }
            Portable::Versions { conversation, versions } => {
                for version in versions {
                    let key = keys::version(conversation, version.target, version.number);
                    self.put(Item::new(key).data(&version));
                }
            }
            Portable::Reactions { conversation, reactions } => {
                for (target, user, emoji) in reactions {
                    self.put(Item::new(keys::reaction(conversation, target, user, &emoji)));
                    self.put(Item::new(keys::own_reaction(conversation, user, target, &emoji)));
                }
            }
            Portable::Letter(letter) => self.put(queue::dead_letter(&letter)?),
        }
        Ok(())
    }

    fn person(&mut self, person: &PortablePerson) {
        let PortablePerson { account, profile, preferences, sessions, kept } = person;
        let (user, own) = (account.user, text(&hex(&account.user.to_bytes())));
        self.hold(keys::account(user), account);
        self.put(Item::new(keys::username(&username_key(&account.username))).with(USER, own.clone()));
        // That there is an account at all; whose it is does not matter to anybody.
        self.put(Item::new(keys::first_account()).with(USER, own.clone()));
        if *profile != Profile::default() {
            self.hold(keys::profile(user), profile);
        }
        if *preferences != Preferences::default() {
            self.hold(keys::preferences(user), preferences);
        }
        if !sessions.is_empty() {
            self.hold(keys::sessions(user), sessions);
        }
        for session in sessions {
            let end = session.expires_at.max(session.created_at) + EXPIRED_LIFE_MS;
            self.put(Item::new(keys::token(&session.token_hash)).with(USER, own.clone()).expires(end));
        }
        for (conversation, preferences) in &kept.conversations {
            self.hold(keys::conversation_preferences(user, *conversation), preferences);
        }
        for (at, failure) in &kept.failures {
            self.failure(user, *at, failure);
        }
    }

    fn failure(&mut self, whose: UserId, at: u64, failure: &Announcement) {
        let Announcement::Failed { user, conversation, command_id, refusal } = failure else { return };
        if *user == whose {
            let key = keys::failure(whose, *conversation, *command_id, &format!("{refusal:?}"));
            self.put(Item::new(key).data(failure).with(KEPT_AT, number(at)).expires(at + FAILURE_LIFE_MS));
        }
    }

    fn invite(&mut self, invite: &Invite) {
        invite_items(invite).into_iter().for_each(|item| self.put(item));
    }

    fn upload(&mut self, upload: &Upload, shown: Option<Shown>) {
        let id = upload.file.attachment;
        self.hold(keys::upload(id), upload);
        if let Some(shown) = &shown {
            self.put(Item::new(keys::shown(id)).data(shown));
        }
        if !matches!(shown, Some(Shown::With(..))) {
            self.put(LOOSE_UPLOADS.item(id.as_u128()));
        }
    }

    fn conversation(&mut self, id: ConversationId, meta: &Meta, request: CommandId) {
        let named = |key: Key| Item::new(key).with(CONVERSATION, text(&hex(&id.to_bytes())));
        self.put(meta_item(id, meta));
        self.put(named(keys::request(meta.created_by, request)));
        self.put(CONVERSATIONS.item(id.as_u128()));
        if let Some(pair) = meta.pair {
            self.put(named(keys::pair(pair)));
        }
        if meta.kind == ConversationKind::Channel {
            self.put(CHANNELS.item(id.as_u128()));
        }
    }

    fn member(&mut self, conversation: ConversationId, member: &PortableMember) {
        let PortableMember { user, membership, joined_ordinal, mark } = member;
        let [own, reverse] = membership_keys(conversation, *user)
            .map(|key| Item::new(key).data(membership).with(JOINED_ORDINAL, number(*joined_ordinal)));
        self.put(reverse);
        self.put(if *mark == MarkState::default() {
            own
        } else {
            own.with(READ, number(mark.read))
                .with(READ_ORDINAL, number(mark.read_ordinal))
                .with(DELIVERED, number(mark.delivered))
        });
    }

    fn rows(&mut self, conversation: ConversationId, rows: &[Row], last_message: Seq) {
        for (index, row) in rows.iter().enumerate() {
            let (event, is_last) = (&row.event, index + 1 == rows.len());
            let item = Item::new(keys::row(conversation, event.seq)).data(row);
            self.put(if is_last { item.with(LAST_MESSAGE, number(last_message)) } else { item });
            let command = keys::command(conversation, event.actor, event.command_id);
            self.put(Item::new(command).with(SEQ, number(event.seq)));
            if let EventKind::Message { mentions, .. } = &event.kind {
                for user in mentions {
                    self.put(Item::new(keys::mention(*user, conversation, event.seq)));
                }
            }
        }
    }
}
