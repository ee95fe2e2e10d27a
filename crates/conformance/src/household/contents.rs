//! Everything that the ports of a home can read, for comparing two homes: what is equal here is equal for everybody.
//! Leaves out what names things by a home's own way: ids of dead letters, tokens of positions.

use std::collections::BTreeMap;

use chat::{
    ConversationId, Envelope, EventKind, UserId,
    ports::{EventsQuery, Moving, Queue, Store},
};

/// Everything that the ports can read, as lines by what they are about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents(BTreeMap<&'static str, Vec<String>>);

const PAGE: usize = 500;

impl Contents {
    /// Reads everything.
    ///
    /// # Panics
    /// When the home fails.
    pub async fn read(store: &dyn Store, messages: &dyn Queue<Envelope>, moving: &dyn Moving) -> Contents {
        let mut contents = Contents::default();
        contents.put("epoch", store.epoch());
        contents.people(store, moving).await;
        contents.conversations(store, moving).await;
        for entry in store.loose_uploads(None, usize::MAX).await.expect("uploads") {
            contents.put("loose uploads", entry);
        }
        for (id, meta) in store.channels(None, usize::MAX).await.expect("channels") {
            contents.put("channels", (id, meta));
        }
        for letter in messages.dead_letters(None, usize::MAX).await.expect("dead letters") {
            let times = (letter.first_failed_at, letter.last_failed_at);
            contents.put("dead letters", (letter.body, letter.reason, letter.attempts, times));
        }
        contents
    }

    /// What is different in another home, a few lines of it.
    #[must_use]
    pub fn differences(&self, other: &Contents) -> Vec<String> {
        let kinds = self.0.keys().chain(other.0.keys());
        let mut lines = Vec::new();
        for kind in kinds {
            let (one, two) = (self.lines(kind), other.lines(kind));
            let gone = one.iter().filter(|line| !two.contains(line)).map(|line| format!("- {kind}: {line}"));
            let come = two.iter().filter(|line| !one.contains(line)).map(|line| format!("+ {kind}: {line}"));
            lines.extend(gone.chain(come).take(4));
            if one.len() != two.len() {
                lines.push(format!("{kind}: {} and {}", one.len(), two.len()));
            }
        }
        lines
    }

    /// How many lines there are about something.
    #[must_use]
    pub fn count(&self, kind: &str) -> usize {
        self.lines(kind).len()
    }

    fn lines(&self, kind: &str) -> &[String] {
        self.0.get(kind).map_or(&[], Vec::as_slice)
    }

    fn put(&mut self, kind: &'static str, thing: impl std::fmt::Debug) {
        self.0.entry(kind).or_default().push(format!("{thing:?}"));
    }

    async fn people(&mut self, store: &dyn Store, moving: &dyn Moving) {
        let accounts = store.accounts("", None, usize::MAX >> 1).await.expect("accounts");
        let users: Vec<UserId> = accounts.iter().map(|account| account.user).collect();
        for profile in store.profiles(&users).await.expect("profiles") {
            self.put("profiles", profile);
        }
        for account in accounts {
            let user = account.user;
            let found =
                store.account_by_username(&account.username.to_ascii_uppercase()).await.expect("an account");
            assert_eq!(found.as_ref(), Some(&account));
            self.put("preferences", (user, store.preferences(user).await.expect("preferences")));
            let mut sessions = store.sessions(user).await.expect("sessions");
            sessions.sort_by_key(|session| session.session);
            for session in sessions {
                let found = store.session_by_token(&session.token_hash).await.expect("a session");
                assert_eq!(found.as_ref(), Some(&session));
                self.put("sessions", session);
            }
            for failure in store.failures(user).await.expect("failures") {
                self.put("failures", failure);
            }
            let mut kept = moving.kept(user).await.expect("kept").conversations;
            kept.sort_by_key(|(conversation, _)| *conversation);
            self.put("kept", (user, kept));
            let own = store.memberships(user).await.expect("memberships");
            let ids: Vec<ConversationId> = own.iter().map(|(id, ..)| *id).collect();
            for entry in store.entries(user, &ids).await.expect("entries") {
                self.put("entries", (user, entry));
            }
            self.put("people", account);
        }
        for invite in store.invites(usize::MAX >> 1).await.expect("invitations") {
            self.put("invitations", invite);
        }
    }

    async fn conversations(&mut self, store: &dyn Store, moving: &dyn Moving) {
        for (id, meta) in store.conversations(None, usize::MAX >> 1).await.expect("conversations") {
            self.put("conversations", (id, &meta));
            for member in store.members(id, None, usize::MAX >> 1).await.expect("members") {
                self.put("members", (id, member));
            }
            for member in moving.members(id, None, usize::MAX >> 1).await.expect("members") {
                self.put("joined", (id, member));
            }
            let mut at = 0;
            while at < meta.head {
                let page = store.events(id, EventsQuery::After(at), PAGE, usize::MAX).await.expect("events");
                for row in page.rows {
                    at = row.event.seq;
                    for version in store.versions(id, at).await.expect("versions") {
                        self.put("versions", (id, version));
                    }
                    for reaction in store.reactions(id, at, None, PAGE).await.expect("reactions") {
                        let own = store.own_reactions(id, reaction.0, &[at]).await.expect("own reactions");
                        assert!(own.contains(&(at, reaction.1.clone())));
                        self.put("reactions", (id, at, reaction));
                    }
                    if let EventKind::Message { attachments, .. } = &row.event.kind {
                        for file in attachments {
                            let upload = store.upload(file.attachment).await.expect("an upload");
                            self.put("uploads", upload);
                        }
                    }
                    self.put("events", row);
                }
            }
        }
    }
}
