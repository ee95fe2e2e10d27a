//! One device of one person: timelines, an outbox that sends again until accepted, disconnects, sync.
//! The reference client: what it relies on is what every client may rely on (D4, D10).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chat::{
    Announcement, Change, CommandId, ConnectionId, ConversationId, Envelope, Event, Mark, NodeId, SessionId,
    UserId,
    admission::admit,
    ports::{Connection, Directory, EventsQuery, Store},
    timeline::{Step, Timeline},
};

use super::{
    hub::Ear,
    wishes::wish,
    world::{Key, World},
};
use crate::{dice::Dice, faulty::Poison};

/// Rows of one page of a sync; small, so that live events fall between pages.
const PAGE_ROWS: usize = 3;
/// Life of a connection's lease, milliseconds: longer than any world.
const LEASE_MS: u64 = 24 * 3_600_000;

/// A device.
pub(super) struct Client {
    number: usize,
    pub(super) user: UserId,
    world: Arc<World>,
    dice: Dice,
    pub(super) timelines: BTreeMap<ConversationId, Timeline>,
    line: Option<Line>,
    /// Failures it was told of.
    pub(super) failed: BTreeSet<Key>,
    sent: u64,
}

/// An open connection.
struct Line {
    connection: ConnectionId,
    ear: Ear,
}

/// What a client saw that must never be.
pub(super) type Broken = String;

impl Client {
    pub(super) fn new(number: usize, user: UserId, world: Arc<World>, dice: Dice) -> Client {
        Client {
            number,
            user,
            world,
            dice,
            timelines: BTreeMap::new(),
            line: None,
            failed: BTreeSet::new(),
            sent: 0,
        }
    }

    /// Lives through its script: sends, reads, goes and comes back.
    pub(super) async fn live(&mut self) -> Result<(), Broken> {
        self.connect().await?;
        for _ in 0..self.world.plan.steps_per_client {
            self.listen_for(Duration::from_millis(self.dice.below(60))).await?;
            if self.dice.chance(self.world.plan.disconnect_per_mille) {
                self.disconnect().await;
                tokio::time::sleep(Duration::from_millis(self.dice.below(400))).await;
                self.connect().await?;
            } else if self.dice.chance(150) {
                self.mark().await;
            } else {
                self.send().await?;
            }
        }
        Ok(())
    }

    /// Subscribes first, then fetches what is missing, then hears live: nothing falls between (D4).
    pub(super) async fn connect(&mut self) -> Result<(), Broken> {
        let node = self.world.node(self.dice.index(self.world.plan.nodes));
        let connection = ConnectionId::from_u128(u128::from(self.dice.throw()));
        let ear = self.world.hub.open(connection, self.user, node);
        self.put(connection, node).await;
        self.line = Some(Line { connection, ear });
        let memberships = self.world.model.store.memberships(self.user).await.expect("the model never fails");
        for (conversation, ..) in memberships {
            self.fetch(conversation).await?;
        }
        Ok(())
    }

    async fn put(&self, connection: ConnectionId, node: NodeId) {
        let row =
            Connection { connection, user: self.user, session: SessionId::from_u128(1), node, active: true };
        let lease_until = self.world.model.clock.now_ms() + LEASE_MS;
        let put = self.world.model.directory.put(vec![row], lease_until).await;
        drop(put.expect("the model never fails"));
    }

    pub(super) async fn disconnect(&mut self) {
        let Some(line) = self.line.take() else { return };
        self.world.hub.close(line.connection);
        let now_ms = self.world.model.clock.now_ms();
        let removed = self.world.model.directory.remove(vec![(self.user, line.connection)], now_ms).await;
        drop(removed.expect("the model never fails"));
    }

    /// Applies what is heard in the meantime.
    async fn listen_for(&mut self, time: Duration) -> Result<(), Broken> {
        let until = tokio::time::Instant::now() + time;
        loop {
            let Some(line) = self.line.as_mut() else { return Ok(()) };
            tokio::select! {
                biased;
                heard = line.ear.recv() => match heard {
                    Some(announcement) => self.hear(&announcement).await?,
                    None => return Ok(()),
                },
                () = tokio::time::sleep_until(until) => return Ok(()),
            }
        }
    }

    /// Applies what has been heard and not yet looked at.
    pub(super) async fn catch_up(&mut self) -> Result<(), Broken> {
        while let Some(announcement) = self.line.as_mut().and_then(|line| line.ear.try_recv().ok()) {
            self.hear(&announcement).await?;
        }
        Ok(())
    }

    async fn hear(&mut self, announcement: &Announcement) -> Result<(), Broken> {
        if let Announcement::Failed { user, conversation, command_id, .. } = announcement {
            self.failed.insert((*conversation, *user, *command_id));
        }
        let Announcement::Event { event, .. } = announcement else { return Ok(()) };
        if self.apply(event)? == Step::Gap {
            self.fetch(event.conversation).await?;
        }
        Ok(())
    }

    fn apply(&mut self, event: &Event) -> Result<Step, Broken> {
        let timeline = self.timelines.entry(event.conversation).or_default();
        let step = timeline.apply(event);
        let Some(row) = timeline.rows.get(&event.seq) else { return Ok(step) };
        if (row.event.actor, row.event.command_id) != (event.actor, event.command_id) {
            return Err(format!(
                "D3: client {} was told two events at one place: {event:?}, {row:?}",
                self.number
            ));
        }
        Ok(step)
    }

    /// Reads the log from where it stopped, page by page, while still a member.
    async fn fetch(&mut self, conversation: ConversationId) -> Result<(), Broken> {
        loop {
            let store = &self.world.model.store;
            let member = store.member(conversation, self.user).await.expect("the model never fails");
            if member.is_none() {
                return Ok(());
            }
            let after = EventsQuery::After(self.timelines.entry(conversation).or_default().head);
            let page = store.events(conversation, after, PAGE_ROWS, usize::MAX).await;
            let page = page.expect("the model never fails");
            for row in &page.rows {
                if self.apply(&row.event)? == Step::Gap {
                    return Err(format!("D4: a page leaves a gap before {:?}", row.event));
                }
            }
            if !page.more {
                return Ok(());
            }
            if self.dice.chance(500) {
                tokio::time::sleep(Duration::from_millis(self.dice.below(5))).await;
            }
        }
    }

    async fn mark(&mut self) {
        let Some((conversation, timeline)) =
            self.timelines.iter().nth(self.dice.index(self.timelines.len().max(1)))
        else {
            return;
        };
        let read = Some(self.dice.below(timeline.head + 1));
        let mark =
            Mark { conversation: *conversation, user: self.user, read, delivered: Some(timeline.head) };
        self.world.change(Change::Mark(vec![mark])).await;
    }

    /// Asks for something, again and again with the same id until it is accepted or refused.
    async fn send(&mut self) -> Result<(), Broken> {
        let conversation = self.world.conversations[self.dice.index(self.world.conversations.len())];
        let timeline = self.timelines.get(&conversation).cloned().unwrap_or_default();
        self.sent += 1;
        let command = wish(&self.dice, &timeline, &self.world.users, self.sent);
        if !self.is_admitted(conversation, &command).await {
            return Ok(());
        }
        let command_id = CommandId::from_u128(u128::from(self.dice.throw()));
        if self.dice.chance(self.world.plan.poison_per_mille) {
            let poison = if self.dice.chance(500) { Poison::Permanent } else { Poison::Transient };
            self.world.faults.poison(command_id, poison);
            self.world.known().poison.insert(command_id);
        }
        let accepted_at = self.world.model.clock.now_ms();
        let envelope = Envelope { conversation, actor: self.user, command_id, accepted_at, command };
        while self.world.commands.submit(vec![envelope.clone()]).await.is_err() {
            self.listen_for(Duration::from_millis(1 + self.dice.below(100))).await?;
        }
        self.world.known().accepted.entry(self.number).or_default().push((
            conversation,
            self.user,
            command_id,
        ));
        if self.dice.chance(self.world.plan.resend_per_mille) {
            self.listen_for(Duration::from_millis(self.dice.below(200))).await?;
            // It missed the answer and sends again; whether that is accepted does not matter (D2).
            drop(self.world.commands.submit(vec![envelope]).await);
        }
        Ok(())
    }

    async fn is_admitted(&self, conversation: ConversationId, command: &chat::Command) -> bool {
        let store = &self.world.model.store;
        let meta = store.conversation(conversation).await.expect("the model never fails");
        let member = store.member(conversation, self.user).await.expect("the model never fails");
        meta.is_some_and(|meta| admit(meta.kind, member.map(|member| member.role), command).is_ok())
    }
}
