//! A small scene: the model, people, conversations, and persisters with faults around their ports.
//! Everything runs on tokio's paused clock, so that twenty seconds of backoff cost nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chat::{
    Account, AccountRole, Announcement, Change, Command, CommandId, ConversationId, ConversationKind,
    Envelope, Outcome, RegistrationPolicy, UserId,
    ports::{Commands, EventsQuery, Queue, Settlement, Store},
};
use conformance::{
    clock::TokioClock,
    dice::Dice,
    faulty::{FaultPlan, Faults, Faulty},
    model::{Model, QueueOptions},
};
use pipeline::{Persister, PersisterOptions};

/// How long the workers here wait for something to lease.
pub(crate) const LEASE_WAIT: Duration = Duration::from_secs(60);

/// What the hook was called with, by command.
pub(crate) type Outcomes = Arc<Mutex<BTreeMap<CommandId, Vec<Outcome>>>>;

/// The scene.
pub(crate) struct Scene {
    pub(crate) model: Model,
    pub(crate) faults: Arc<Faults>,
    pub(crate) outcomes: Outcomes,
    /// Everything is sent by this person.
    pub(crate) alice: UserId,
}

impl Scene {
    pub(crate) async fn new(queue: QueueOptions, plan: FaultPlan) -> Scene {
        let model = Model::new(queue, Arc::new(TokioClock::new()), &Dice::new(1));
        let alice = UserId::from_u128(1);
        let account = Account {
            user: alice,
            username: "alice".to_owned(),
            display_name: "Alice".to_owned(),
            password_hash: String::new(),
            role: AccountRole::Owner,
            created_at: 1,
            disabled_at: None,
            seen_at: None,
        };
        let register = Change::CreateAccount { account, invite: None, policy: RegistrationPolicy::Open };
        model.store.change(register).await.expect("the model never fails");
        Scene { model, faults: Arc::new(Faults::new(plan)), outcomes: Outcomes::default(), alice }
    }

    /// The conversation of this number, new.
    pub(crate) async fn group(&self, number: u128) -> ConversationId {
        let conversation = ConversationId::from_u128(number);
        let change = Change::CreateConversation {
            conversation,
            creator: self.alice,
            request: CommandId::from_u128(number << 64),
            at: 1,
            kind: ConversationKind::Group,
            title: None,
            description: None,
            members: vec![],
        };
        self.model.store.change(change).await.expect("the model never fails");
        conversation
    }

    /// Accepts messages with these command ids.
    pub(crate) async fn send(&self, conversation: ConversationId, ids: impl IntoIterator<Item = u128>) {
        let envelope = |id| Envelope {
            conversation,
            actor: self.alice,
            command_id: CommandId::from_u128(id),
            accepted_at: self.model.clock.now_ms(),
            command: Command::Send {
                body: format!("message {id}"),
                reply_to: None,
                mentions: vec![],
                attachments: vec![],
            },
        };
        let envelopes = ids.into_iter().map(envelope).collect();
        self.model.commands.submit(envelopes).await.expect("the model never fails");
    }

    /// The command ids of a log, without the conversation's beginning.
    pub(crate) async fn log(&self, conversation: ConversationId) -> Vec<u128> {
        let all = self.model.store.events(conversation, EventsQuery::After(1), usize::MAX, usize::MAX).await;
        let rows = all.expect("the model never fails").rows;
        rows.iter().map(|row| row.event.command_id.as_u128()).collect()
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        let store: Arc<dyn Store> = Arc::new(self.model.store.clone());
        Arc::new(Faulty::new(store, self.faults.clone()))
    }

    pub(crate) fn persister(&self) -> Persister {
        self.persister_with(Arc::new(self.model.notifications.clone()))
    }

    pub(crate) fn persister_with(&self, notifications: Arc<dyn Queue<Announcement>>) -> Persister {
        let outcomes = self.outcomes.clone();
        let options = PersisterOptions { lease_wait: LEASE_WAIT, ..PersisterOptions::default() };
        Persister::new(
            Arc::new(self.model.messages.clone()),
            self.store(),
            notifications,
            self.model.clock.clone(),
            Arc::new(Dice::new(3)),
            options,
        )
        .on_applied(Arc::new(move |envelope, outcome| {
            let mut outcomes = outcomes.lock().expect("no hook panicked");
            outcomes.entry(envelope.command_id).or_default().push(*outcome);
        }))
    }

    /// Steps until nothing waits.
    pub(crate) async fn run_dry(&self, persister: &Persister) {
        for _ in 0..1_000 {
            let depth = self.model.messages.depth().await.expect("the model never fails");
            if depth.waiting + depth.in_flight == 0 {
                return;
            }
            persister.step().await.expect("the model never fails");
        }
        panic!("the queue does not run dry");
    }

    /// Takes what was announced.
    pub(crate) async fn announced(&self) -> Vec<Announcement> {
        let queue = &self.model.notifications;
        let mut all = Vec::new();
        loop {
            let leases = queue.lease(1_000, Duration::ZERO).await.expect("the model never fails");
            if leases.is_empty() {
                return all;
            }
            let done = leases.iter().map(|lease| (lease.id.clone(), Settlement::Done)).collect();
            queue.settle(done).await.expect("the model never fails");
            all.extend(leases.into_iter().map(|lease| lease.body));
        }
    }

    /// Command, attempts and reason of every dead letter.
    pub(crate) async fn dead(&self) -> Vec<(u128, u32, String)> {
        let letters = self.model.messages.dead_letters(None, 10_000).await.expect("the model never fails");
        let line = |letter: chat::ports::DeadLetter<Envelope>| {
            let command = letter.body.expect("the model's letters read").command_id;
            (command.as_u128(), letter.attempts, letter.reason)
        };
        letters.into_iter().map(line).collect()
    }
}
