//! One server for one test: a backend, a persister, a notifier, a gateway, and people with logins.
//! Knows nothing of frames; see `client`.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use api::{App, PasswordOptions, Passwords, RateLimits, RateOptions, SessionCache, TOKEN_PREFIX, hash_of};
use backend_embedded::{Config, Embedded};
use chat::{
    Account, AccountRole, Announcement, Change, ChangeOutcome, Command, CommandId, ConversationId,
    ConversationKind, Envelope, NodeId, Outcome, RegistrationPolicy, Session, SessionId, UserId,
    ports::{Announcer, Clock, Commands, Directory, Queue, Randomness, Search, Store},
};
use conformance::{
    clock::TokioClock,
    dice::Dice,
    model::{Model, ModelSearch, QueueOptions},
};
use gateway::{Gateway, Hub, HubHandle, Options};
use pipeline::{AppliedHook, Notifier, NotifierOptions, Persister, PersisterOptions};
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::watch};

/// The node that all tests play.
pub const NODE: NodeId = NodeId::from_u128(0x0dd);

/// Everything below the gateway.
#[derive(Clone)]
pub struct Ports {
    pub store: Arc<dyn Store>,
    pub commands: Arc<dyn Commands>,
    pub directory: Arc<dyn Directory>,
    pub search: Arc<dyn Search>,
    pub messages: Arc<dyn Queue<Envelope>>,
    pub notifications: Arc<dyn Queue<Announcement>>,
    pub applied: Option<AppliedHook>,
}

/// The server of one test.
pub struct World {
    pub app: Arc<App>,
    pub hub: Arc<HubHandle>,
    pub address: SocketAddr,
    gateway: Option<Gateway>,
    runtime: Mutex<Runtime>,
    stop: watch::Sender<bool>,
    counter: AtomicU64,
    home: Option<Home>,
}

/// What an embedded backend lives in.
struct Home {
    backend: Embedded,
    _folder: TempDir,
}

/// What a test runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Journal and store on disk.
    Embedded,
    /// The reference in memory, whose queues behave as those of AWS may.
    Model,
}

/// What a test wants to be different.
pub struct Wish {
    pub backend: Backend,
    pub options: Options,
    pub rates: RateOptions,
    pub api: api::Options,
    /// Puts something between the gateway and the backend.
    pub between: fn(Ports) -> Ports,
    /// Puts something between the notifier and the hub.
    pub around_announcer: fn(Arc<dyn Announcer>) -> Arc<dyn Announcer>,
}

impl Default for Wish {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Wish {
            backend: Backend::Embedded,
            options: Options { listen, shards: 2, marks_flush_ms: 20, ..Options::default() },
            rates: RateOptions::unlimited(),
            api: api::Options { secure_cookies: false, ..api::Options::default() },
            between: |ports| ports,
            around_announcer: |announcer| announcer,
        }
    }
}

/// Somebody with an account and a login.
#[derive(Clone)]
pub struct Person {
    pub id: UserId,
    pub session: SessionId,
    pub token: String,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({})", self.id)
    }
}

impl World {
    pub fn new() -> World {
        World::with(Wish::default())
    }

    /// One over each backend.
    pub fn both() -> [World; 2] {
        [Backend::Embedded, Backend::Model].map(|backend| World::with(Wish { backend, ..Wish::default() }))
    }

    pub fn with(wish: Wish) -> World {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
        let dice = Dice::new(11);
        let randomness: Arc<dyn Randomness> = Arc::new(dice.fork());
        let (ports, home) = match wish.backend {
            Backend::Model => (model(&clock, &dice), None),
            Backend::Embedded => {
                let (ports, home) = embedded(&clock, &randomness);
                (ports, Some(home))
            }
        };
        let ports = (wish.between)(ports);
        World::over(ports, home, clock, randomness, wish)
    }

    fn over(
        ports: Ports,
        home: Option<Home>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        wish: Wish,
    ) -> World {
        let (hub, inboxes) = Hub::new(wish.options.shard_count());
        let passwords = PasswordOptions { memory_kib: 64, passes: 1, lanes: 1, at_once: 1, waiting_max: 10 };
        let app = Arc::new(App {
            store: ports.store.clone(),
            commands: ports.commands.clone(),
            directory: ports.directory.clone(),
            search: ports.search.clone(),
            announcer: hub.clone(),
            messages: ports.messages.clone(),
            notifications: ports.notifications.clone(),
            clock,
            randomness,
            node: NODE,
            passwords: Passwords::new(passwords).unwrap(),
            limits: RateLimits::new(&wish.rates),
            sessions: SessionCache::default(),
            files: api::Files::in_memory(),
            vitals: Box::new(api::Vitals::default),
            options: wish.api,
        });
        let (stop, _) = watch::channel(false);
        start_workers(&app, ports.applied, &stop, (wish.around_announcer)(hub.clone()));
        let gateway = Gateway::start(wish.options, inboxes, Arc::clone(&app)).unwrap();
        World {
            app,
            hub,
            address: gateway.local_address(),
            gateway: Some(gateway),
            runtime: Mutex::new(runtime()),
            stop,
            counter: AtomicU64::new(1),
            home,
        }
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.lock().unwrap().block_on(future)
    }

    /// Open connections, HTTP and WebSocket.
    pub fn connections(&self) -> usize {
        self.gateway.as_ref().map_or(0, Gateway::connections)
    }

    /// Begins to drain in the background; join it to know that it is done.
    pub fn drain(&mut self) -> thread::JoinHandle<()> {
        let gateway = self.gateway.take().unwrap();
        thread::spawn(move || runtime().block_on(gateway.drain()))
    }

    fn number(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    fn bits(&self) -> u128 {
        let mut bytes = [0; 16];
        self.app.randomness.fill(&mut bytes);
        u128::from_be_bytes(bytes)
    }

    /// A new account with a login.
    pub fn person(&self) -> Person {
        let (number, now) = (self.number(), self.app.clock.now_ms());
        let user = UserId::new(now, &self.bits().to_be_bytes()[..10].try_into().unwrap());
        let account = Account {
            user,
            username: format!("person-{number}"),
            display_name: format!("Person {number}"),
            password_hash: String::new(),
            role: AccountRole::Member,
            created_at: now,
            disabled_at: None,
            seen_at: None,
        };
        let policy = RegistrationPolicy::Open;
        let outcome = self.change(Change::CreateAccount { account, invite: None, policy });
        assert!(matches!(outcome, ChangeOutcome::Account(_)), "{outcome:?}");
        self.login(user)
    }

    pub fn people<const N: usize>(&self) -> [Person; N] {
        std::array::from_fn(|_| self.person())
    }

    /// Another login of somebody.
    pub fn login(&self, user: UserId) -> Person {
        let now = self.app.clock.now_ms();
        let token = format!("{TOKEN_PREFIX}{:032x}", self.bits());
        let session = Session {
            session: SessionId::from_u128(self.bits()),
            user,
            token_hash: hash_of(&token),
            agent: String::new(),
            created_at: now,
            expires_at: now + chat::limits::SESSION_LIFE_MS,
        };
        let id = session.session;
        self.change(Change::CreateSession(session));
        Person { id: user, session: id, token }
    }

    pub fn change(&self, change: Change) -> ChangeOutcome {
        self.block_on(self.app.store.change(change)).unwrap()
    }

    /// A group of these people, begun by the first of them. Not announced: make it before they connect.
    pub fn group(&self, people: &[&Person]) -> ConversationId {
        self.conversation(ConversationKind::Group, people).0
    }

    /// Like [`World::group`], and tells who is connected.
    pub fn announced_group(&self, people: &[&Person]) -> ConversationId {
        let (conversation, created) = self.conversation(ConversationKind::Group, people);
        let event = created.expect("a new group");
        let announcement = Arc::new(Announcement::Event { event, ordinal: 0 });
        self.block_on(self.app.announcer.announce(NODE, vec![announcement])).unwrap();
        conversation
    }

    fn conversation(
        &self,
        kind: ConversationKind,
        people: &[&Person],
    ) -> (ConversationId, Option<Box<chat::Event>>) {
        let conversation = ConversationId::from_u128(self.bits());
        let outcome = self.change(Change::CreateConversation {
            conversation,
            creator: people[0].id,
            request: CommandId::from_u128(self.bits()),
            at: self.app.clock.now_ms(),
            kind,
            title: None,
            description: None,
            members: people[1..].iter().map(|person| person.id).collect(),
        });
        match outcome {
            ChangeOutcome::Conversation { conversation, created } => (conversation, created),
            other => panic!("{other:?}"),
        }
    }

    /// Does something in a conversation, as over HTTP, and waits until it is applied.
    pub fn execute(&self, person: &Person, conversation: ConversationId, command: Command) -> Outcome {
        let envelope = self.envelope(person, conversation, command);
        self.block_on(self.app.commands.execute(envelope)).unwrap()
    }

    /// Sends messages, without waiting until they are applied.
    pub fn submit(
        &self,
        person: &Person,
        conversation: ConversationId,
        bodies: impl Iterator<Item = String>,
    ) {
        let envelopes: Vec<Envelope> =
            bodies.map(|body| self.envelope(person, conversation, message(body))).collect();
        for chunk in envelopes.chunks(256) {
            self.block_on(self.app.commands.submit(chunk.to_vec())).unwrap();
        }
    }

    fn envelope(&self, person: &Person, conversation: ConversationId, command: Command) -> Envelope {
        Envelope {
            conversation,
            actor: person.id,
            command_id: CommandId::from_u128(self.bits()),
            accepted_at: self.app.clock.now_ms(),
            command,
        }
    }

    /// Ends a login, and the sockets opened with it.
    pub fn end_session(&self, person: &Person) {
        self.change(Change::RevokeSession { user: person.id, session: person.session });
        let ended = Arc::new(Announcement::SessionsEnded { user: person.id, sessions: vec![person.session] });
        self.block_on(self.app.announcer.announce(NODE, vec![ended])).unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        drop(self.gateway.take());
        if let Some(home) = &self.home {
            home.backend.shutdown();
        }
    }
}

/// A message to send.
pub fn message(body: impl Into<String>) -> Command {
    Command::Send { body: body.into(), reply_to: None, mentions: Vec::new(), attachments: Vec::new() }
}

fn embedded(clock: &Arc<dyn Clock>, randomness: &Arc<dyn Randomness>) -> (Ports, Home) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { segment_bytes: 4 << 20, ..Config::new(folder.path()) };
    let backend = Embedded::open(config, Arc::clone(clock), Arc::clone(randomness)).unwrap();
    let ports = Ports {
        store: backend.store(),
        commands: backend.commands(),
        directory: backend.directory(),
        search: backend.search(),
        messages: backend.messages(),
        notifications: backend.notifications(),
        applied: Some(backend.applied_hook()),
    };
    (ports, Home { backend, _folder: folder })
}

fn model(clock: &Arc<dyn Clock>, dice: &Dice) -> Ports {
    let model = Model::new(QueueOptions::default(), Arc::clone(clock), dice);
    let applied = model.commands.applied();
    Ports {
        search: Arc::new(ModelSearch::new(Arc::new(model.store.clone()))),
        store: Arc::new(model.store),
        commands: Arc::new(model.commands),
        directory: Arc::new(model.directory),
        messages: Arc::new(model.messages),
        notifications: Arc::new(model.notifications),
        applied: Some(applied),
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn start_workers(
    app: &Arc<App>,
    applied: Option<AppliedHook>,
    stop: &watch::Sender<bool>,
    announcer: Arc<dyn Announcer>,
) {
    let persister = Persister::new(
        app.messages.clone(),
        app.store.clone(),
        app.notifications.clone(),
        app.clock.clone(),
        app.randomness.clone(),
        PersisterOptions { lease_wait: Duration::from_millis(100), ..PersisterOptions::default() },
    );
    let persister = match applied {
        Some(hook) => persister.on_applied(hook),
        None => persister,
    };
    let notifier = Notifier::new(
        app.notifications.clone(),
        app.directory.clone(),
        announcer,
        app.clock.clone(),
        app.randomness.clone(),
        NotifierOptions { lease_wait: Duration::from_millis(100), ..NotifierOptions::default() },
    );
    let (mut stopped, mut stopped_too) = (stop.subscribe(), stop.subscribe());
    thread::spawn(move || {
        runtime().block_on(async {
            tokio::join!(
                persister.run(async move { drop(stopped.wait_for(|stop| *stop).await) }),
                notifier.run(async move { drop(stopped_too.wait_for(|stop| *stop).await) }),
            )
        });
    });
}
