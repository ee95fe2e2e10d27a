//! One world at work: the model, faults around its ports, workers that die, nodes, and what is known of all commands.
//! Invariant: the checks read the model itself, never a faulty port.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chat::{
    Account, AccountRole, Change, ChangeOutcome, CommandId, ConversationId, ConversationKind, NodeId,
    Outcome, RegistrationPolicy, UserId,
    ports::{Announcer, Clock, Commands, Directory, Queue, Randomness, Store},
};
use pipeline::{AppliedHook, Notifier, NotifierOptions, Persister, PersisterOptions};
use tokio::task::JoinSet;

use super::{hub::Hub, plan::Plan};
use crate::{
    clock::TokioClock,
    dice::Dice,
    faulty::{Faults, Faulty},
    model::Model,
};

/// Names a command for ever.
pub(super) type Key = (ConversationId, UserId, CommandId);

/// A world.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) model: Model,
    pub(super) commands: Arc<dyn Commands>,
    pub(super) hub: Hub,
    pub(super) faults: Arc<Faults>,
    wires: Arc<Faults>,
    pub(super) users: Vec<UserId>,
    pub(super) conversations: Vec<ConversationId>,
    known: Arc<Mutex<Known>>,
    calm: tokio::sync::watch::Sender<bool>,
    dice: Dice,
}

/// What is known of the commands of a world.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Accepted, by the client that sent them and in its order.
    pub(super) accepted: BTreeMap<usize, Vec<Key>>,
    pub(super) outcomes: BTreeMap<Key, Vec<Outcome>>,
    pub(super) poison: BTreeSet<CommandId>,
}

impl World {
    /// A world with its people and conversations, before anything happens.
    pub(super) async fn new(plan: Plan, dice: &Dice) -> World {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
        let mut model = Model::new(plan.queue, clock, dice);
        model.store = model.store.with_append_max(plan.append_max);
        let faults = Arc::new(Faults::new(plan.faults.clone()));
        let inner: Arc<dyn Commands> = Arc::new(model.commands.clone());
        let mut world = World {
            commands: Arc::new(Faulty::new(inner, faults.clone())),
            hub: Hub::default(),
            wires: Arc::new(Faults::new(plan.wires.clone())),
            faults,
            model,
            plan,
            users: Vec::new(),
            conversations: Vec::new(),
            known: Arc::default(),
            calm: tokio::sync::watch::Sender::new(false),
            dice: dice.fork(),
        };
        world.populate().await;
        world
    }

    async fn populate(&mut self) {
        for number in 0..self.plan.users {
            let user = UserId::from_u128(number as u128 + 1);
            self.change(register(user, number)).await;
            self.users.push(user);
        }
        for number in 0..self.plan.groups {
            let members = self.users[1..].iter().copied().filter(|_| self.dice.chance(800)).collect();
            let kind = if number == 0 { ConversationKind::Group } else { ConversationKind::Channel };
            self.begin(number, kind, members).await;
        }
        if self.dice.chance(300) {
            self.begin(9, ConversationKind::Direct, vec![self.users[1]]).await;
        }
    }

    async fn begin(&mut self, number: usize, kind: ConversationKind, members: Vec<UserId>) {
        let conversation = ConversationId::from_u128(number as u128 + 100);
        let change = Change::CreateConversation {
            conversation,
            creator: self.users[0],
            request: CommandId::from_u128(number as u128 + 200),
            at: self.model.clock.now_ms(),
            kind,
            title: (kind != ConversationKind::Direct).then(|| "Title".to_owned()),
            description: None,
            members,
        };
        self.change(change).await;
        self.conversations.push(conversation);
    }

    pub(super) async fn change(&self, change: Change) -> ChangeOutcome {
        self.model.store.change(change).await.expect("invariant: the model itself never fails")
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn node(&self, number: usize) -> NodeId {
        NodeId::from_u128(number as u128 % self.plan.nodes as u128 + 1)
    }

    /// Ends what happens by chance and lets workers live. Poison stays.
    pub(super) fn calm(&self) {
        self.faults.calm();
        self.wires.calm();
        self.calm.send_replace(true);
    }

    /// Waits until nothing is under way in either queue. `false` when it does not end.
    pub(super) async fn settled(&self) -> bool {
        for _ in 0..3_000 {
            let messages = self.model.messages.depth().await.expect("invariant: the model never fails");
            let told = self.model.notifications.depth().await.expect("invariant: the model never fails");
            if messages.waiting + messages.in_flight + told.waiting + told.in_flight == 0 {
                // Nodes have heard; let them tell their clients.
                tokio::time::sleep(Duration::from_millis(1)).await;
                return true;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        false
    }

    /// Sets everybody to work.
    pub(super) fn start(self: &Arc<World>, tasks: &mut JoinSet<()>) {
        for number in 0..self.plan.nodes {
            let (world, node) = (self.clone(), self.node(number));
            let inbox = self.model.announcer.start(node);
            tasks.spawn(async move { world.hub.play(node, inbox, &world.model.store).await });
        }
        for number in 0..self.plan.persisters + self.plan.notifiers {
            let (world, dice) = (self.clone(), self.dice.fork());
            let is_persister = number < self.plan.persisters;
            tasks.spawn(async move { world.employ(is_persister, &dice).await });
        }
    }

    /// Lets one worker after the other live and die; the one that is alive when it gets calm lives on.
    async fn employ(&self, is_persister: bool, dice: &Dice) {
        let mut calm = self.calm.subscribe();
        loop {
            let life = self.plan.worker_life_ms.map(|ms| Duration::from_millis(dice.below(ms + 1)));
            let work = async {
                if is_persister {
                    self.persister(dice).run(std::future::pending()).await;
                } else {
                    self.notifier(dice).run(std::future::pending()).await;
                }
            };
            tokio::pin!(work);
            tokio::select! {
                biased;
                () = wait_or_calm(life, &mut calm) => {}
                () = &mut work => {}
            }
            if *calm.borrow() {
                work.await;
            }
            // Here the worker dies, between any two of its steps.
        }
    }

    fn persister(&self, dice: &Dice) -> Persister {
        let store: Arc<dyn Store> = Arc::new(self.model.store.clone());
        let options = PersisterOptions { batch_max: 1 + dice.index(8), lease_wait: Duration::from_secs(5) };
        Persister::new(
            self.faulty_queue(Arc::new(self.model.messages.clone())),
            Arc::new(Faulty::new(store, self.faults.clone())),
            self.faulty_queue(Arc::new(self.model.notifications.clone())),
            self.model.clock.clone(),
            self.randomness(dice),
            options,
        )
        .on_applied(self.witness())
    }

    /// Keeps what becomes of every command.
    fn witness(&self) -> AppliedHook {
        let known = self.known.clone();
        Arc::new(move |envelope, outcome| {
            let key = (envelope.conversation, envelope.actor, envelope.command_id);
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.outcomes.entry(key).or_default().push(*outcome);
        })
    }

    fn notifier(&self, dice: &Dice) -> Notifier {
        let directory: Arc<dyn Directory> = Arc::new(self.model.directory.clone());
        let announcer: Arc<dyn Announcer> = Arc::new(self.model.announcer.clone());
        let options = NotifierOptions { batch_max: 1 + dice.index(8), lease_wait: Duration::from_secs(5) };
        Notifier::new(
            self.faulty_queue(Arc::new(self.model.notifications.clone())),
            Arc::new(Faulty::new(directory, self.faults.clone())),
            Arc::new(Faulty::new(announcer, self.wires.clone())),
            self.model.clock.clone(),
            self.randomness(dice),
            options,
        )
    }

    fn randomness(&self, dice: &Dice) -> Arc<dyn Randomness> {
        Arc::new(dice.fork())
    }

    fn faulty_queue<T: Send + 'static>(&self, queue: Arc<dyn Queue<T>>) -> Arc<dyn Queue<T>> {
        Arc::new(Faulty::new(queue, self.faults.clone()))
    }
}

async fn wait_or_calm(life: Option<Duration>, calm: &mut tokio::sync::watch::Receiver<bool>) {
    let calmed = calm.wait_for(|calm| *calm);
    match life {
        None => drop(calmed.await),
        Some(life) => {
            tokio::select! {
                biased;
                _ = calmed => {}
                () = tokio::time::sleep(life) => {}
            }
        }
    }
}

fn register(user: UserId, number: usize) -> Change {
    let account = Account {
        user,
        username: format!("user{number}"),
        display_name: format!("User {number}"),
        password_hash: String::new(),
        role: AccountRole::Member,
        created_at: 1,
        disabled_at: None,
        seen_at: None,
    };
    Change::CreateAccount { account, invite: None, policy: RegistrationPolicy::Open }
}
