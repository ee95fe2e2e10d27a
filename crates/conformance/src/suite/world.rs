//! A small world over a backend: people, conversations, and commands that go the whole way to the store.
//! Invariant: everything takes the real path, queue and persister included, so that no case knows a back door.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chat::{
    Account, AccountRole, Change, ChangeOutcome, Command, CommandId, ConversationId, ConversationKind,
    Envelope, Event, Mark, Outcome, RegistrationPolicy, Row, Seq, Session, SessionId, TimestampMs, UserId,
    change::MarkState,
    limits::PAGE_BYTES_MAX,
    ports::{ConversationEntry, EventsQuery, LeaseId, Settlement, Store},
};
use pipeline::Persister;

use crate::harness::{Backend, Harness};

/// Longest wait for a command to be applied.
const PATIENCE: Duration = Duration::from_secs(10);

type Key = (ConversationId, UserId, CommandId);
type Outcomes = Arc<Mutex<BTreeMap<Key, Outcome>>>;

/// A backend with people in it.
pub struct World {
    /// The ports.
    pub backend: Backend,
    persister: Persister,
    outcomes: Outcomes,
    next: AtomicU64,
}

impl World {
    /// An empty world over a new backend.
    pub async fn open(harness: &dyn Harness) -> World {
        World::over(harness.open().await, 1)
    }

    /// A world over a backend that is open; `next` is a number above all that were used in it.
    #[must_use]
    pub fn over(backend: Backend, next: u64) -> World {
        let outcomes = Outcomes::default();
        let kept = outcomes.clone();
        let hook = move |envelope: &Envelope, outcome: &Outcome| {
            let key = (envelope.conversation, envelope.actor, envelope.command_id);
            kept.lock().unwrap_or_else(PoisonError::into_inner).insert(key, *outcome);
        };
        let persister = backend.persister(PATIENCE, Arc::new(hook));
        World { backend, persister, outcomes, next: AtomicU64::new(next) }
    }

    /// The same world after a crash of every process.
    pub async fn restart(self, harness: &dyn Harness) -> World {
        let World { backend, persister, outcomes, next } = self;
        drop((persister, outcomes));
        World::over(harness.restart(backend).await, next.into_inner() + 1_000)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.backend.store
    }

    /// The time.
    #[must_use]
    pub fn now_ms(&self) -> TimestampMs {
        self.backend.clock.now_ms()
    }

    /// A number nobody had before, from 1 on; ids made of it are in the order they were made.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A new id for a command.
    pub fn command_id(&self) -> CommandId {
        CommandId::new(self.now_ms(), &self.random())
    }

    /// Ten bytes nobody had before.
    pub fn random(&self) -> [u8; 10] {
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.number().to_be_bytes());
        random
    }

    /// Applies a change.
    pub async fn change(&self, change: Change) -> ChangeOutcome {
        self.store().change(change).await.expect("change")
    }

    /// An account not yet made.
    pub fn account(&self, username: &str) -> Account {
        Account {
            user: UserId::new(self.now_ms(), &self.random()),
            username: username.to_owned(),
            display_name: username.to_owned(),
            password_hash: "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned(),
            role: AccountRole::Member,
            created_at: self.now_ms(),
            disabled_at: None,
            seen_at: None,
        }
    }

    /// A registered person.
    pub async fn user(&self, username: &str) -> UserId {
        let account = self.account(username);
        let change = Change::CreateAccount { account, invite: None, policy: RegistrationPolicy::Open };
        match self.change(change).await {
            ChangeOutcome::Account(account) => account.user,
            other => panic!("registering {username}: {other:?}"),
        }
    }

    /// Registered people.
    pub async fn users<const N: usize>(&self, usernames: [&str; N]) -> [UserId; N] {
        let mut users = [UserId::from_u128(0); N];
        for (user, username) in users.iter_mut().zip(usernames) {
            *user = self.user(username).await;
        }
        users
    }

    /// A session not yet begun.
    pub fn session(&self, user: UserId) -> Session {
        let number = self.number();
        let mut token_hash = [0; 32];
        token_hash[..8].copy_from_slice(&number.to_be_bytes());
        Session {
            session: SessionId::new(self.now_ms(), &self.random()),
            user,
            token_hash,
            agent: "suite".to_owned(),
            created_at: self.now_ms() + number,
            expires_at: self.now_ms() + 3_600_000,
        }
    }

    /// A request for a conversation.
    pub fn creation(&self, kind: ConversationKind, creator: UserId, others: &[UserId]) -> Change {
        Change::CreateConversation {
            conversation: ConversationId::new(self.now_ms(), &self.random()),
            creator,
            request: self.command_id(),
            at: self.now_ms(),
            kind,
            title: (kind != ConversationKind::Direct).then(|| "Title".to_owned()),
            description: None,
            members: others.to_vec(),
        }
    }

    /// What a request for a conversation came to: which, and its first event if it is new.
    pub async fn begin(&self, change: Change) -> (ConversationId, Option<Box<Event>>) {
        match self.change(change).await {
            ChangeOutcome::Conversation { conversation, created } => (conversation, created),
            other => panic!("no conversation: {other:?}"),
        }
    }

    /// A new conversation.
    pub async fn conversation(
        &self,
        kind: ConversationKind,
        creator: UserId,
        others: &[UserId],
    ) -> ConversationId {
        self.begin(self.creation(kind, creator, others)).await.0
    }

    /// A new group.
    pub async fn group(&self, creator: UserId, others: &[UserId]) -> ConversationId {
        self.conversation(ConversationKind::Group, creator, others).await
    }

    /// A command with a new id.
    pub fn envelope(&self, conversation: ConversationId, actor: UserId, command: Command) -> Envelope {
        let command_id = self.command_id();
        Envelope { conversation, actor, command_id, accepted_at: self.now_ms(), command }
    }

    /// Sends a command the whole way and returns what became of it.
    pub async fn execute(&self, envelope: Envelope) -> Outcome {
        let key = (envelope.conversation, envelope.actor, envelope.command_id);
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        self.backend.commands.submit(vec![envelope]).await.expect("submit");
        self.settle_until(key).await
    }

    /// Runs the persister until this command is applied.
    pub async fn settle_until(&self, key: Key) -> Outcome {
        loop {
            let outcome = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
            if let Some(outcome) = outcome {
                self.drain_notifications().await;
                return outcome;
            }
            let progress = self.persister.step().await.expect("step");
            assert_ne!(progress.leased, 0, "{key:?} never came out of the queue");
        }
    }

    /// Sends a command with a new id the whole way.
    pub async fn act(&self, conversation: ConversationId, actor: UserId, command: Command) -> Outcome {
        self.execute(self.envelope(conversation, actor, command)).await
    }

    /// Sends a command that must become an event, and returns its `seq`.
    pub async fn applied(&self, conversation: ConversationId, actor: UserId, command: Command) -> Seq {
        match self.act(conversation, actor, command.clone()).await {
            Outcome::Applied { seq } => seq,
            other => panic!("{command:?}: {other:?}"),
        }
    }

    /// Sends a message and returns its `seq`.
    pub async fn say(&self, conversation: ConversationId, actor: UserId, body: &str) -> Seq {
        self.applied(conversation, actor, message(body)).await
    }

    /// Sends a message that names people, and returns its `seq`.
    pub async fn mention(
        &self,
        conversation: ConversationId,
        actor: UserId,
        body: &str,
        mentions: &[UserId],
    ) -> Seq {
        let (body, mentions) = (body.to_owned(), mentions.to_vec());
        self.applied(
            conversation,
            actor,
            Command::Send { body, reply_to: None, mentions, attachments: vec![] },
        )
        .await
    }

    /// The whole log of a conversation.
    pub async fn log(&self, conversation: ConversationId) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let after = rows.last().map_or(0, |row| row.event.seq);
            let query = EventsQuery::After(after);
            let page = self.store().events(conversation, query, 100, PAGE_BYTES_MAX).await.expect("events");
            assert!(page.more || page.rows.len() <= 100);
            assert!(!page.more || !page.rows.is_empty(), "more, but nothing here");
            rows.extend(page.rows);
            if !page.more {
                return rows;
            }
        }
    }

    /// One row that must be there.
    pub async fn row(&self, conversation: ConversationId, seq: Seq) -> Row {
        self.store().row(conversation, seq).await.expect("row").expect("the row is there")
    }

    /// Somebody's entry of a conversation they are a member of.
    pub async fn entry(&self, user: UserId, conversation: ConversationId) -> ConversationEntry {
        let entries = self.store().entries(user, &[conversation]).await.expect("entries");
        entries.into_iter().next().expect("the entry is there")
    }

    /// Moves somebody's read mark. Returns the mark as it is now and whether it moved.
    pub async fn read(&self, conversation: ConversationId, user: UserId, seq: Seq) -> (MarkState, bool) {
        self.mark(Mark { conversation, user, read: Some(seq), delivered: None }).await
    }

    /// Moves a mark. Returns it as it is now and whether it moved.
    pub async fn mark(&self, mark: Mark) -> (MarkState, bool) {
        match self.change(Change::Mark(vec![mark])).await {
            ChangeOutcome::Marks(marks) => match marks.as_slice() {
                [(echoed, state, moved)] if *echoed == mark => (*state, *moved),
                other => panic!("one mark was asked for: {other:?}"),
            },
            other => panic!("no marks: {other:?}"),
        }
    }

    /// Takes what was announced, so that the queue does not fill up.
    async fn drain_notifications(&self) {
        loop {
            let leases = self.backend.notifications.lease(1_000, Duration::ZERO).await.expect("lease");
            if leases.is_empty() {
                return;
            }
            let done: Vec<(LeaseId, Settlement)> =
                leases.into_iter().map(|lease| (lease.id, Settlement::Done)).collect();
            self.backend.notifications.settle(done).await.expect("settle");
        }
    }
}

/// A plain message.
#[must_use]
pub fn message(body: &str) -> Command {
    Command::Send { body: body.to_owned(), reply_to: None, mentions: Vec::new(), attachments: Vec::new() }
}

/// An edit that names nobody.
#[must_use]
pub fn edit(target: Seq, body: &str) -> Command {
    Command::Edit { target, body: body.to_owned(), mentions: Vec::new() }
}

/// A reaction.
#[must_use]
pub fn react(target: Seq, emoji: &str) -> Command {
    Command::React { target, emoji: emoji.to_owned() }
}

/// The sessions that ended; `Done` says the same as an empty list.
#[must_use]
pub fn ended(outcome: ChangeOutcome) -> Vec<SessionId> {
    match outcome {
        ChangeOutcome::Done => Vec::new(),
        ChangeOutcome::Ended(mut sessions) => {
            sessions.sort_unstable();
            sessions
        }
        other => panic!("neither done nor ended: {other:?}"),
    }
}
