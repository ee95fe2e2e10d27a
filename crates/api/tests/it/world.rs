//! One server for one test: the application over a backend, with a persister and a notifier at work.
//! Invariant: nothing here is a stand-in for what is tested; time alone can be pushed forward.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use api::{
    App, Files, Options, PasswordOptions, Passwords, RateLimits, RateOptions, RemoteAddress, SessionCache,
    Vitals,
};
use axum::Router;
use backend_embedded::{Config, Embedded};
use chat::{
    Announcement, ConnectionId, NodeId, TimestampMs, UserId,
    ports::{Clock, Connection, Lease, Queue, Randomness, Settlement},
};
use conformance::{
    clock::TokioClock,
    dice::Dice,
    model::{Inbox, ModelAnnouncer},
};
use pipeline::{Notifier, NotifierOptions, Persister, PersisterOptions};
use serde_json::json;
use tempfile::TempDir;

use crate::client::{Answer, Client};

/// The node that all tests play.
pub(crate) const NODE: NodeId = NodeId::from_u128(0x0dd);
/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A journal segment small enough for hundreds of servers.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// A clock that tests push.
#[derive(Default)]
pub(crate) struct TestClock {
    real: TokioClock,
    ahead_ms: AtomicU64,
}

impl Clock for TestClock {
    fn now_ms(&self) -> TimestampMs {
        self.real.now_ms() + self.ahead_ms.load(Ordering::SeqCst)
    }
}

/// The server of one test.
pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) router: Router,
    clock: Arc<TestClock>,
    inbox: Mutex<Inbox>,
    backend: Embedded,
    _data: TempDir,
}

/// What a test wants to be different.
pub(crate) struct Wish {
    pub(crate) options: Options,
    pub(crate) rates: RateOptions,
    pub(crate) passwords: PasswordOptions,
    /// Whether persister and notifier work from the beginning.
    pub(crate) workers: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Wish {
            options: Options { secure_cookies: false, ..Options::default() },
            rates: RateOptions::unlimited(),
            passwords: cheap_passwords(),
            workers: true,
        }
    }
}

/// Enough to be Argon2id, little enough for hundreds of logins.
pub(crate) fn cheap_passwords() -> PasswordOptions {
    PasswordOptions { memory_kib: 64, passes: 1, lanes: 1, at_once: 2, waiting_max: 100 }
}

/// Somebody with an account.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) session: String,
}

impl World {
    pub(crate) fn new() -> World {
        World::with(Wish::default())
    }

    pub(crate) fn with(wish: Wish) -> World {
        let clock = Arc::new(TestClock::default());
        let randomness: Arc<dyn Randomness> = Arc::new(Dice::new(7));
        let data = tempfile::tempdir().unwrap();
        let config = Config { segment_bytes: SEGMENT_BYTES, ..Config::new(data.path()) };
        let backend = Embedded::open(config, clock.clone(), randomness.clone()).unwrap();
        let announcer = ModelAnnouncer::default();
        let inbox = Mutex::new(announcer.start(NODE));
        let app = Arc::new(App {
            store: backend.store(),
            commands: backend.commands(),
            search: backend.search(),
            directory: backend.directory(),
            announcer: Arc::new(announcer),
            messages: backend.messages(),
            notifications: backend.notifications(),
            clock: clock.clone(),
            randomness: randomness.clone(),
            node: NODE,
            passwords: Passwords::new(wish.passwords).unwrap(),
            limits: RateLimits::new(&wish.rates),
            sessions: SessionCache::default(),
            files: Files::in_memory(),
            vitals: Box::new(Vitals::default),
            options: wish.options,
        });
        let router = api::router(app.clone());
        let world = World { app, router, clock, inbox, backend, _data: data };
        if wish.workers {
            world.start_workers();
        }
        world
    }

    /// The same server, started again with other parameters for passwords.
    pub(crate) fn with_passwords(self, passwords: Passwords) -> World {
        let app = App {
            store: self.app.store.clone(),
            commands: self.app.commands.clone(),
            search: self.app.search.clone(),
            directory: self.app.directory.clone(),
            announcer: self.app.announcer.clone(),
            messages: self.app.messages.clone(),
            notifications: self.app.notifications.clone(),
            clock: self.app.clock.clone(),
            randomness: self.app.randomness.clone(),
            node: NODE,
            passwords,
            limits: RateLimits::new(&RateOptions::unlimited()),
            sessions: SessionCache::default(),
            files: Files::in_memory(),
            vitals: Box::new(Vitals::default),
            options: self.app.options.clone(),
        };
        let app = Arc::new(app);
        World { router: api::router(app.clone()), app, ..self }
    }

    /// Lets a persister and a notifier work.
    pub(crate) fn start_workers(&self) {
        let app = &self.app;
        let persister = Persister::new(
            app.messages.clone(),
            app.store.clone(),
            app.notifications.clone(),
            app.clock.clone(),
            app.randomness.clone(),
            PersisterOptions::default(),
        )
        .on_applied(self.backend.applied_hook());
        let notifier = Notifier::new(
            app.notifications.clone(),
            app.directory.clone(),
            app.announcer.clone(),
            app.clock.clone(),
            app.randomness.clone(),
            NotifierOptions::default(),
        );
        tokio::spawn(async move { persister.run(std::future::pending()).await });
        tokio::spawn(async move { notifier.run(std::future::pending()).await });
    }

    /// Lets time pass at once.
    pub(crate) fn pass_ms(&self, ms: u64) {
        self.clock.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody without a login.
    pub(crate) fn stranger(&self) -> Client<'_> {
        Client::new(self)
    }

    pub(crate) fn client(&self, user: &User) -> Client<'_> {
        Client::new(self).bearer(&user.token)
    }

    /// Registers somebody with the usual password. The first one owns the server.
    pub(crate) async fn register(&self, name: &str) -> User {
        let body = json!({"username": name, "password": PASSWORD});
        User::of(&self.stranger().post("/v1/accounts", body).await.expect(201))
    }

    /// A conversation of these people, begun by the first of them.
    pub(crate) async fn conversation(&self, kind: &str, people: &[&User]) -> String {
        let others: Vec<&str> = people[1..].iter().map(|user| user.id.as_str()).collect();
        let title = (kind != "direct").then_some("A title");
        let body = json!({"kind": kind, "title": title, "memberIds": others});
        let answer = self.client(people[0]).post("/v1/conversations", body).await.expect(201);
        answer.text("conversationId")
    }

    /// Sends a message and waits until it is in the log; returns its place.
    pub(crate) async fn send(&self, user: &User, conversation: &str, body: &str) -> u64 {
        let path = format!("/v1/conversations/{conversation}/messages");
        let accepted = self.client(user).post(&path, json!({"body": body})).await.expect(202);
        self.place_of(user, conversation, &accepted.text("clientMessageId")).await
    }

    /// The place of the event that a command became, once it is in the log.
    pub(crate) async fn place_of(&self, user: &User, conversation: &str, command: &str) -> u64 {
        let path = format!("/v1/conversations/{conversation}/events?limit=500");
        loop {
            let page = self.client(user).get(&path).await.expect(200);
            let events = page.body["events"].as_array().unwrap();
            let found = events.iter().find(|event| event["clientMessageId"] == command);
            if let Some(event) = found {
                return event["seq"].as_u64().unwrap();
            }
            tokio::task::yield_now().await;
        }
    }

    /// Makes this node one that has to hear of everything that concerns the user.
    pub(crate) async fn connect(&self, user: &User) {
        let connection = Connection {
            connection: ConnectionId::new(self.app.clock.now_ms(), &[1; 10]),
            user: user.id(),
            session: user.session.parse().unwrap(),
            node: NODE,
            active: true,
        };
        self.app.directory.put(vec![connection], u64::MAX).await.unwrap();
    }

    /// What the node has heard since it was asked last.
    pub(crate) fn heard(&self) -> Vec<Arc<Announcement>> {
        let mut inbox = self.inbox.lock().unwrap();
        std::iter::from_fn(|| inbox.try_recv().ok()).collect()
    }
}

impl User {
    pub(crate) fn of(answer: &Answer) -> User {
        User { id: answer.text("userId"), token: answer.text("token"), session: answer.text("sessionId") }
    }

    pub(crate) fn id(&self) -> UserId {
        self.id.parse().unwrap()
    }
}

/// Where clients of tests are, unless they say otherwise.
pub(crate) fn here() -> RemoteAddress {
    RemoteAddress(IpAddr::from([127, 0, 0, 1]))
}

/// Plays a persister that cannot process anything: the commands sent so far become dead letters.
pub(crate) async fn give_up<T: Send + 'static>(queue: &dyn Queue<T>, expected: usize) {
    let mut buried = 0;
    while buried < expected {
        let leases = queue.lease(500, Duration::from_secs(5)).await.unwrap();
        assert!(!leases.is_empty(), "{buried} of {expected}");
        buried += leases.len();
        let dead = |lease: Lease<T>| (lease.id, Settlement::Dead { reason: "store: Corrupt".to_owned() });
        queue.settle(leases.into_iter().map(dead).collect()).await.unwrap();
    }
}
