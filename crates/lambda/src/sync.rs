//! Catching up (D4) without a process that holds the socket: pages are posted in order, then `synced`, and the socket
//! becomes live by one conditional write that fails if an event passed it by meanwhile.
//! Invariant: while a sync runs no live event goes to its socket, and none is lost: who would have told it notes that
//! (decision 0030).

use std::collections::{HashMap, HashSet};

use backend_aws::{Endpoint, Posted};
use chat::{
    ConversationId, Seq,
    event::Row,
    ports::{ErrorKind, EventsPage, EventsQuery, PortError},
};
use protocol::{
    Code, Ref,
    frame::{
        ChatEvent, ServerFrame, event_pages,
        server::{Resync, Synced, Unlisted},
    },
    limits::UNLISTED_PER_SYNCED_MAX,
    session::SyncRequest,
};

use crate::{
    frames::Answers,
    home::Home,
    kept::Kept,
    limits::{SYNC_PAGE_BYTES, SYNC_PAGE_ROWS, SYNC_ROUNDS_MAX},
};

/// One sync under way.
struct Sync<'a> {
    home: &'a Home,
    endpoint: Endpoint,
    /// How far the client is told, in every conversation of its person.
    told: HashMap<ConversationId, Seq>,
    /// Conversations that the person was a member of when the sync began, or has become one of since.
    own: HashSet<ConversationId>,
    has_looked: bool,
}

/// Why a sync ended before its time.
enum Stopped {
    /// The socket is gone.
    Gone,
    Failed(PortError),
}

type Progress<T> = Result<T, Stopped>;

impl From<PortError> for Stopped {
    fn from(error: PortError) -> Self {
        Stopped::Failed(error)
    }
}

impl Home {
    /// Carries out a sync. Everything is posted; a failure closes the socket, whose client then resumes.
    pub(crate) async fn sync(&self, endpoint: &Endpoint, request: SyncRequest) -> Answers {
        let reference = request.reference.clone();
        let sync = Sync {
            home: self,
            endpoint: endpoint.clone(),
            told: HashMap::new(),
            own: HashSet::new(),
            has_looked: false,
        };
        match Box::pin(sync.run(request)).await {
            Ok(()) => Answers::new(),
            Err(Stopped::Gone) => {
                if let Err(error) = self.left(endpoint.user, endpoint.connection).await {
                    tracing::warn!(%error, "rows of a socket that is gone could not be removed");
                }
                Answers::new()
            }
            Err(Stopped::Failed(error)) => {
                tracing::warn!(%error, user = %endpoint.user, "a sync failed: its socket is closed to resume");
                self.give_up(endpoint, reference, &error).await
            }
        }
    }

    async fn give_up(&self, endpoint: &Endpoint, reference: Option<Ref>, error: &PortError) -> Answers {
        let closed = self.close(endpoint.user, endpoint.connection, &endpoint.name).await;
        if let Err(error) = closed {
            tracing::warn!(%error, "a socket could not be closed");
        }
        const MESSAGE: &str = "The sync could not be finished. Connect again, and sync.";
        vec![ServerFrame::error(reference, Code::from(error), MESSAGE, None).encode()]
    }
}

impl Sync<'_> {
    async fn run(mut self, request: SyncRequest) -> Progress<()> {
        let store = &self.home.app.store;
        if request.epoch.is_some_and(|epoch| epoch != store.epoch()) {
            self.post(ServerFrame::Resync(Resync { epoch: store.epoch() }).encode()).await?;
            let now_ms = self.home.now_ms();
            self.home.change_kept(self.endpoint.clone(), |kept| kept.synced(now_ms)).await?;
            return Ok(());
        }
        // Taken before anything is read: what happens from here on is after it.
        let token = store.position_token().await?;
        self.tell_failures().await?;
        let named: HashSet<ConversationId> = request.cursors.iter().map(|(id, _)| *id).collect();
        let heads = self.look().await?;
        for (conversation, seq) in &request.cursors {
            match heads.get(conversation) {
                Some(head) => drop(self.told.insert(*conversation, (*seq).min(*head))),
                None => self.refuse(request.reference.clone(), *conversation).await?,
            }
        }
        let mut unlisted: Vec<Unlisted> = Vec::new();
        for (conversation, head) in &heads {
            if named.contains(conversation) {
                self.catch_up(*conversation, *head).await?;
            } else {
                self.told.insert(*conversation, *head);
                unlisted.push(Unlisted { conversation_id: *conversation, head_seq: *head });
            }
        }
        let more = unlisted.len() > UNLISTED_PER_SYNCED_MAX;
        unlisted.truncate(UNLISTED_PER_SYNCED_MAX);
        let synced = Synced { reference: request.reference, token, unlisted, more };
        self.post(ServerFrame::Synced(synced).encode()).await?;
        self.go_live().await
    }

    /// Becomes live, once nothing has passed by since the last look.
    async fn go_live(mut self) -> Progress<()> {
        for _ in 0..SYNC_ROUNDS_MAX {
            let mut kept = Kept::of(&self.endpoint)?;
            kept.synced(self.home.now_ms());
            let live = self.home.endpoints.replace_if_told_all(&self.endpoint, kept.to_bytes()).await?;
            if live.is_some() {
                return Ok(());
            }
            let heads = self.look().await?;
            for (conversation, head) in heads {
                self.catch_up(conversation, head).await?;
            }
        }
        Err(PortError::new(ErrorKind::Overloaded, "lambda.sync (events come faster than they are told)")
            .into())
    }

    /// Reads the socket's row first, then where its person's conversations end: an event that passed by before is
    /// below those heads, one that passes by later shows in the row.
    async fn look(&mut self) -> Progress<HashMap<ConversationId, Seq>> {
        let Endpoint { user, connection, .. } = self.endpoint;
        self.endpoint = self.home.endpoints.get(user, connection).await?.ok_or(Stopped::Gone)?;
        let store = &self.home.app.store;
        let memberships = store.memberships(user).await?;
        let ids: Vec<ConversationId> = memberships.iter().map(|(id, ..)| *id).collect();
        let heads = store.heads(&ids).await?;
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        for (conversation, _, membership) in &memberships {
            if self.own.insert(*conversation) && !is_first {
                // It became theirs meanwhile: they are told from the event on that says so.
                self.told.insert(*conversation, membership.joined_seq.saturating_sub(1));
            }
        }
        let still: HashSet<ConversationId> = ids.iter().copied().collect();
        let gone: Vec<ConversationId> = self.own.difference(&still).copied().collect();
        for conversation in gone {
            self.own.remove(&conversation);
            self.told.remove(&conversation);
            self.refuse(None, conversation).await?;
        }
        Ok(ids.into_iter().zip(heads).collect())
    }

    /// Commands of this person that came to nothing while nobody was there to hear of it (D5).
    async fn tell_failures(&self) -> Progress<()> {
        let failures = self.home.app.store.failures(self.endpoint.user).await?;
        for frame in failures.iter().filter_map(ServerFrame::of) {
            self.post(frame.encode()).await?;
        }
        Ok(())
    }

    /// A conversation that is not there for this person (D7).
    async fn refuse(&self, reference: Option<Ref>, conversation: ConversationId) -> Progress<()> {
        self.post(ServerFrame::not_in_sync(reference, conversation).encode()).await
    }

    /// Posts what is missing of a conversation up to this head.
    async fn catch_up(&mut self, conversation: ConversationId, head: Seq) -> Progress<()> {
        let Some(mut told) = self.told.get(&conversation).copied() else { return Ok(()) };
        while told < head {
            let query = EventsQuery::After(told);
            let store = &self.home.app.store;
            let page = store.events(conversation, query, SYNC_PAGE_ROWS, SYNC_PAGE_BYTES).await?;
            let Some(last) = page.rows.last() else {
                let error = PortError::new(ErrorKind::Unavailable, "lambda.sync (a head without its row)");
                return Err(error.into());
            };
            told = last.event.seq;
            self.post_page(conversation, &page).await?;
        }
        self.told.insert(conversation, told);
        Ok(())
    }

    async fn post_page(&self, conversation: ConversationId, page: &EventsPage) -> Progress<()> {
        let mine = self.own_reactions(conversation, &page.rows).await?;
        let none = Vec::new();
        let events =
            page.rows.iter().map(|row| ChatEvent::of_row(row, mine.get(&row.event.seq).unwrap_or(&none)));
        for frame in event_pages(conversation, page.head, page.more, events) {
            self.post(frame).await?;
        }
        Ok(())
    }

    async fn own_reactions(
        &self,
        conversation: ConversationId,
        rows: &[Row],
    ) -> Progress<HashMap<Seq, Vec<String>>> {
        let reacted = |row: &&Row| row.message.as_ref().is_some_and(|state| !state.reactions.is_empty());
        let targets: Vec<Seq> = rows.iter().filter(reacted).map(|row| row.event.seq).collect();
        let mut mine: HashMap<Seq, Vec<String>> = HashMap::new();
        if !targets.is_empty() {
            let store = &self.home.app.store;
            for (seq, emoji) in store.own_reactions(conversation, self.endpoint.user, &targets).await? {
                mine.entry(seq).or_default().push(emoji);
            }
        }
        Ok(mine)
    }

    /// Posts one frame behind the others, waiting out that the account posts too fast.
    async fn post(&self, frame: Vec<u8>) -> Progress<()> {
        match self.home.post_patiently(&self.endpoint.name, frame).await? {
            Posted::Yes => Ok(()),
            Posted::Gone => Err(Stopped::Gone),
            Posted::Later => Err(PortError::new(ErrorKind::Overloaded, "lambda.sync (posting)").into()),
        }
    }
}
