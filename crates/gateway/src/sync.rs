//! Catching up (D4): what a client has missed is read from the store and sent in pages, in order; then the connection
//! is live, in the same turn of the loop in which nothing was missing.
//! Invariant: while a sync runs no live event goes to its connection, so events of a conversation never arrive out of
//! order; nothing is buffered for it but the page being sent.

use std::{rc::Rc, time::Duration};

use chat::{
    ConversationId, Seq,
    event::Row,
    ports::{ChangedSince, EventsPage, EventsQuery, PortError},
};
use protocol::{
    CloseCode,
    frame::{
        ChatEvent, ServerFrame, event_pages,
        server::{Resync, Synced, Unlisted},
    },
    limits::UNLISTED_PER_SYNCED_MAX,
    session::{Input, SyncRequest},
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    connection::Connection,
    input,
    limits::{
        HEAL_ATTEMPTS_MAX, HEAL_RETRY_MS, SYNC_PAGE_BYTES, SYNC_PAGE_ROWS, SYNC_READS_PER_TURN,
        SYNC_WAIT_BYTES,
    },
    metrics::SyncOutcome,
    outbox::Weight,
    outgoing::text_frame,
    shard::Shard,
};

/// How far a client is in one conversation.
#[derive(Debug, Clone, Copy)]
struct Position {
    conversation: ConversationId,
    seq: Seq,
    /// The head that is known to exist.
    target: Seq,
    /// The client is no member any more.
    gone: bool,
}

/// One sync under way.
struct Sync<'a> {
    shard: &'a Rc<Shard>,
    connection: &'a Rc<Connection>,
    positions: Vec<Position>,
    /// Everything the client named, members or not.
    named: FxHashSet<ConversationId>,
    reads: usize,
    sent: usize,
}

/// Why a sync ended before its time.
enum Stopped {
    /// The connection is over.
    Closed,
    /// The store failed.
    Failed(PortError),
}

type Progress<T> = Result<T, Stopped>;

impl From<PortError> for Stopped {
    fn from(error: PortError) -> Self {
        Stopped::Failed(error)
    }
}

/// Starts a sync, as a task that ends with it.
pub(crate) fn start(shard: &Rc<Shard>, connection: &Rc<Connection>, request: SyncRequest) {
    let (shard, connection) = (Rc::clone(shard), Rc::clone(connection));
    tokio::task::spawn_local(async move {
        let outcome = match Box::pin(run(&shard, &connection, request)).await {
            Ok(outcome) => outcome,
            Err(Stopped::Closed) => SyncOutcome::Abandoned,
            Err(Stopped::Failed(error)) => {
                tracing::warn!(%error, user = %connection.user, "a sync failed: its connection is closed to resume");
                connection.close(CloseCode::Internal, &shard.out);
                SyncOutcome::Abandoned
            }
        };
        shard.out.stats.synced(outcome);
    });
}

async fn run(shard: &Rc<Shard>, connection: &Rc<Connection>, request: SyncRequest) -> Progress<SyncOutcome> {
    let store = &shard.app.store;
    connection.forget_ahead();
    if request.epoch.is_some_and(|epoch| epoch != store.epoch()) {
        shard.reply(connection, &ServerFrame::Resync(Resync { epoch: store.epoch() }));
        input::step(shard, connection, Input::SyncFinished);
        return Ok(SyncOutcome::Resync);
    }
    // Taken before anything is read: what happens from here on is after it.
    let token = shard.reading(store.position_token()).await?;
    let mut sync = Sync::new(shard, connection, &request);
    sync.tell_failures().await?;
    sync.refuse_strangers(&request).await?;
    sync.find_targets(request.token.as_deref()).await?;
    loop {
        let behind = sync.behind();
        if behind.is_empty() {
            return Ok(sync.finish(request, token));
        }
        for index in behind {
            sync.advance(index).await?;
        }
    }
}

impl<'a> Sync<'a> {
    fn new(shard: &'a Rc<Shard>, connection: &'a Rc<Connection>, request: &SyncRequest) -> Sync<'a> {
        let named = request.cursors.iter().map(|(conversation, _)| *conversation).collect();
        Sync { shard, connection, positions: Vec::new(), named, reads: 0, sent: 0 }
    }

    /// Commands of this user that came to nothing while nobody was there to hear of it (D5).
    async fn tell_failures(&mut self) -> Progress<()> {
        let failures = self.shard.reading(self.shard.app.store.failures(self.connection.user)).await?;
        for frame in failures.iter().filter_map(ServerFrame::of) {
            self.send(&frame.encode()).await?;
        }
        Ok(())
    }

    /// Conversations that are not there for this user are answered one by one; the rest goes on (D7).
    async fn refuse_strangers(&mut self, request: &SyncRequest) -> Progress<()> {
        for (conversation, seq) in &request.cursors {
            match self.head(*conversation) {
                Some(head) => {
                    let position =
                        Position { conversation: *conversation, seq: *seq, target: head, gone: false };
                    self.positions.push(position);
                }
                None => self.refuse(request, *conversation).await?,
            }
        }
        Ok(())
    }

    async fn refuse(&self, request: &SyncRequest, conversation: ConversationId) -> Progress<()> {
        let frame = ServerFrame::not_in_sync(request.reference.clone(), conversation);
        self.send(&frame.encode()).await
    }

    /// Learns how far each conversation goes: with a token from one read for all of them.
    async fn find_targets(&mut self, token: Option<&str>) -> Progress<()> {
        let store = &self.shard.app.store;
        let changed = match token {
            Some(token) => self.shard.reading(store.changed_since(token)).await?,
            None => ChangedSince::Unknown,
        };
        let unsure: Vec<usize> = match changed {
            ChangedSince::These(changed) => {
                let heads: FxHashMap<ConversationId, Seq> = changed.into_iter().collect();
                for position in &mut self.positions {
                    let head = heads.get(&position.conversation).copied().unwrap_or_default();
                    position.target = position.target.max(head);
                }
                // A cursor beyond every head known here is checked, not believed.
                let beyond =
                    |(index, position): (usize, &Position)| (position.seq > position.target).then_some(index);
                self.positions.iter().enumerate().filter_map(beyond).collect()
            }
            ChangedSince::Unknown => (0..self.positions.len()).collect(),
        };
        if !unsure.is_empty() {
            let ids: Vec<ConversationId> = unsure.iter().map(|at| self.positions[*at].conversation).collect();
            let heads = self.shard.reading(store.heads(&ids)).await?;
            for (index, head) in unsure.into_iter().zip(heads) {
                let position = &mut self.positions[index];
                position.target = position.target.max(head);
                position.seq = position.seq.min(position.target);
            }
        }
        Ok(())
    }

    /// The conversations of which something is missing, what was announced meanwhile included.
    fn behind(&self) -> Vec<usize> {
        let hub = self.shard.hub.borrow();
        let is_behind = |position: &Position| {
            let head = hub.head_for(self.connection.user, position.conversation);
            // Who is no member any longer is found out by reading on.
            !position.gone && position.seq < position.target.max(head.unwrap_or(Seq::MAX))
        };
        let all = self.positions.iter().enumerate();
        all.filter(|(_, position)| is_behind(position)).map(|(index, _)| index).collect()
    }

    /// Sends what is missing of one conversation, up to its head now.
    async fn advance(&mut self, index: usize) -> Progress<()> {
        let conversation = self.positions[index].conversation;
        let mut empty_reads = 0;
        loop {
            let Some(head) = self.head(conversation) else {
                self.positions[index].gone = true;
                let frame = ServerFrame::not_in_sync(None, conversation);
                return self.send(&frame.encode()).await;
            };
            let position = self.positions[index];
            if position.seq >= position.target.max(head) {
                return Ok(());
            }
            let page = self.read(position).await?;
            match page.rows.last() {
                Some(last) => self.positions[index].seq = last.event.seq,
                None => {
                    // The store does not show yet what was announced.
                    empty_reads += 1;
                    if empty_reads > HEAL_ATTEMPTS_MAX {
                        self.connection.close(CloseCode::Internal, &self.shard.out);
                        return Err(Stopped::Closed);
                    }
                    tokio::time::sleep(Duration::from_millis(HEAL_RETRY_MS << empty_reads)).await;
                    continue;
                }
            }
            self.send_page(conversation, &page).await?;
        }
    }

    async fn read(&mut self, position: Position) -> Progress<EventsPage> {
        self.reads += 1;
        if self.reads.is_multiple_of(SYNC_READS_PER_TURN) {
            tokio::task::yield_now().await;
        }
        let query = EventsQuery::After(position.seq);
        let store = &self.shard.app.store;
        let read = store.events(position.conversation, query, SYNC_PAGE_ROWS, SYNC_PAGE_BYTES);
        Ok(self.shard.reading(read).await?)
    }

    async fn send_page(&mut self, conversation: ConversationId, page: &EventsPage) -> Progress<()> {
        let mine = self.own_reactions(conversation, &page.rows).await?;
        let none = Vec::new();
        let events =
            page.rows.iter().map(|row| ChatEvent::of_row(row, mine.get(&row.event.seq).unwrap_or(&none)));
        for frame in event_pages(conversation, page.head, page.more, events) {
            self.send(&frame).await?;
        }
        self.sent += page.rows.len();
        Ok(())
    }

    async fn own_reactions(
        &self,
        conversation: ConversationId,
        rows: &[Row],
    ) -> Progress<FxHashMap<Seq, Vec<String>>> {
        let reacted = |row: &&Row| row.message.as_ref().is_some_and(|state| !state.reactions.is_empty());
        let targets: Vec<Seq> = rows.iter().filter(reacted).map(|row| row.event.seq).collect();
        let mut mine: FxHashMap<Seq, Vec<String>> = FxHashMap::default();
        if !targets.is_empty() {
            let read = self.shard.app.store.own_reactions(conversation, self.connection.user, &targets);
            for (seq, emoji) in self.shard.reading(read).await? {
                mine.entry(seq).or_default().push(emoji);
            }
        }
        Ok(mine)
    }

    /// Sends one frame as soon as there is room for it.
    async fn send(&self, frame: &[u8]) -> Progress<()> {
        if !self.connection.room_for_more(SYNC_WAIT_BYTES).await {
            return Err(Stopped::Closed);
        }
        self.connection.push(text_frame(frame), Weight::Durable, &self.shard.out);
        Ok(())
    }

    /// The end, in one turn of the loop with the last look at what is missing: nothing comes between.
    fn finish(self, request: SyncRequest, token: String) -> SyncOutcome {
        let Sync { shard, connection, positions, named, sent, .. } = self;
        {
            let hub = shard.hub.borrow();
            for position in positions.iter().filter(|position| !position.gone) {
                let head = hub.head_for(connection.user, position.conversation).unwrap_or_default();
                if position.seq > head {
                    connection.set_ahead(position.conversation, position.seq);
                }
            }
        }
        let unlisted: Vec<Unlisted> = shard
            .hub
            .borrow()
            .conversations(connection.user)
            .filter(|(id, _)| !named.contains(id))
            .take(UNLISTED_PER_SYNCED_MAX + 1)
            .map(|(conversation_id, head_seq)| Unlisted { conversation_id, head_seq })
            .collect();
        let more = unlisted.len() > UNLISTED_PER_SYNCED_MAX;
        let mut synced = Synced { reference: request.reference, token, unlisted, more };
        synced.unlisted.truncate(UNLISTED_PER_SYNCED_MAX);
        shard.reply(connection, &ServerFrame::Synced(synced));
        input::step(shard, connection, Input::SyncFinished);
        shard.out.stats.sync_events.add(sent);
        if sent == 0 { SyncOutcome::Lossless } else { SyncOutcome::Partial }
    }

    fn head(&self, conversation: ConversationId) -> Option<Seq> {
        self.shard.hub.borrow().head_for(self.connection.user, conversation)
    }
}
