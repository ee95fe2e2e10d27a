//! One event to all members of a room, through the whole gateway, beside the limit: the same bytes written to as many
//! sockets in a loop. Elements are deliveries; the receivers share the machine.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use api::{App, PasswordOptions, Passwords, RateLimits, RateOptions, SessionCache, TOKEN_PREFIX, hash_of};
use chat::{
    Account, AccountRole, Announcement, Change, ChangeOutcome, CommandId, ConversationId, ConversationKind,
    Event, EventKind, NodeId, RegistrationPolicy, Session, SessionId, UserId,
    ports::{Announcer as _, Randomness as _, Store as _},
};
use conformance::{
    clock::TokioClock,
    dice::Dice,
    model::{Model, ModelSearch, QueueOptions},
};
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use gateway::{Gateway, Hub, HubHandle, Options};
use tokio::{io::AsyncReadExt as _, runtime::Builder};

const MEMBERS: u64 = 500;
const NODE: NodeId = NodeId::from_u128(1);
const CONVERSATION: ConversationId = ConversationId::from_u128(2);
const USER: UserId = UserId::from_u128(3);

/// Sockets that only receive, read by a thread of their own.
struct Receivers {
    bytes: Arc<AtomicU64>,
}

impl Receivers {
    fn read(streams: Vec<TcpStream>) -> Receivers {
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&bytes);
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                for stream in streams {
                    stream.set_nonblocking(true).expect("a socket");
                    let mut stream = tokio::net::TcpStream::from_std(stream).expect("a socket");
                    let counted = Arc::clone(&counted);
                    tokio::spawn(async move {
                        let mut buffer = vec![0; 8 * 1024];
                        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                            counted.fetch_add(count as u64, Ordering::Relaxed);
                        }
                    });
                }
                std::future::pending::<()>().await;
            });
        });
        Receivers { bytes }
    }

    /// Spins until so many bytes have come.
    fn wait_for(&self, bytes: u64) {
        while self.bytes.load(Ordering::Relaxed) < bytes {
            std::hint::spin_loop();
            thread::yield_now();
        }
    }

    /// Waits until nothing has come for a moment, and returns how much came in all.
    fn settle(&self) -> u64 {
        loop {
            let before = self.bytes.load(Ordering::Relaxed);
            thread::sleep(Duration::from_millis(300));
            if self.bytes.load(Ordering::Relaxed) == before {
                return before;
            }
        }
    }
}

fn app(model: &Model, hub: Arc<HubHandle>, randomness: Dice) -> Arc<App> {
    let passwords = PasswordOptions { memory_kib: 64, passes: 1, lanes: 1, at_once: 1, waiting_max: 1 };
    Arc::new(App {
        store: Arc::new(model.store.clone()),
        commands: Arc::new(model.commands.clone()),
        directory: Arc::new(model.directory.clone()),
        search: Arc::new(ModelSearch::new(Arc::new(model.store.clone()))),
        announcer: hub,
        messages: Arc::new(model.messages.clone()),
        notifications: Arc::new(model.notifications.clone()),
        clock: Arc::clone(&model.clock),
        randomness: Arc::new(randomness),
        node: NODE,
        passwords: Passwords::new(passwords).expect("valid options"),
        limits: RateLimits::new(&RateOptions::unlimited()),
        sessions: SessionCache::default(),
        files: api::Files::in_memory(),
        vitals: Box::new(api::Vitals::default),
        options: api::Options::default(),
    })
}

/// A conversation of one person, and their token.
async fn prepare(model: &Model) -> String {
    let token = format!("{TOKEN_PREFIX}bench");
    let account = Account {
        user: USER,
        username: "bench".into(),
        display_name: "Bench".into(),
        password_hash: String::new(),
        role: AccountRole::Member,
        created_at: 0,
        disabled_at: None,
        seen_at: None,
    };
    let session = Session {
        session: SessionId::from_u128(4),
        user: USER,
        token_hash: hash_of(&token),
        agent: String::new(),
        created_at: 0,
        expires_at: u64::MAX,
    };
    for change in [
        Change::CreateAccount { account, invite: None, policy: RegistrationPolicy::Open },
        Change::CreateSession(session),
        Change::CreateConversation {
            conversation: CONVERSATION,
            creator: USER,
            request: CommandId::from_u128(5),
            at: 0,
            kind: ConversationKind::Group,
            title: None,
            description: None,
            members: Vec::new(),
        },
    ] {
        let outcome = model.store.change(change).await.expect("the store");
        assert!(!matches!(outcome, ChangeOutcome::Refused(_)), "{outcome:?}");
    }
    token
}

fn open(address: SocketAddr, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("a request");
    stream
}

fn message(seq: u64) -> Arc<Announcement> {
    let kind = EventKind::Message {
        body: "x".repeat(100),
        reply_to: None,
        mentions: Vec::new(),
        attachments: Vec::new(),
    };
    let command_id = CommandId::from_u128(u128::from(seq));
    let event = Event { conversation: CONVERSATION, seq, at: 0, actor: USER, command_id, kind };
    Arc::new(Announcement::Event { event: Box::new(event), ordinal: 1_000_000_000 })
}

fn through_the_gateway(group: &mut BenchmarkGroup<'_, WallTime>, at_once: u64) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let dice = Dice::new(1);
    let model = Model::new(QueueOptions::default(), Arc::new(TokioClock::default()), &dice);
    dice.fill(&mut [0; 8]);
    let token = runtime.block_on(prepare(&model));
    let (hub, inboxes) = Hub::new(1);
    let mut options =
        Options { listen: SocketAddr::from(([127, 0, 0, 1], 0)), shards: 1, ..Options::default() };
    options.connections.per_user = usize::MAX;
    options.sync_grace_ms = 1;
    let gateway = Gateway::start(options, inboxes, app(&model, Arc::clone(&hub), dice)).expect("a gateway");
    let streams = (0..MEMBERS).map(|_| open(gateway.local_address(), &token)).collect();
    let receivers = Receivers::read(streams);
    let mut received = receivers.settle();
    // All frames have the same length: only digits of large numbers change.
    let mut seq = 1;
    let mut send = |count: u64| {
        for _ in 0..count {
            let batch = (0..at_once)
                .map(|_| {
                    seq += 1;
                    message(seq)
                })
                .collect();
            runtime.block_on(hub.announce(NODE, batch)).expect("the hub");
        }
    };
    // Past the places whose digits still grow.
    send(10_000_u64.div_ceil(at_once));
    let settled = receivers.settle();
    let frame = {
        send(1);
        let after = receivers.settle();
        let frame = after - settled;
        received = after.max(received);
        frame
    };
    group.bench_function(format!("gateway, {at_once} at once"), |bencher| {
        bencher.iter_custom(|rounds| {
            let started = Instant::now();
            for _ in 0..rounds {
                send(1);
                received += frame;
                receivers.wait_for(received);
            }
            started.elapsed()
        });
    });
}

fn bare(group: &mut BenchmarkGroup<'_, WallTime>, at_once: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("a port");
    let (mut senders, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..MEMBERS {
        streams.push(TcpStream::connect(address).expect("a connection"));
        let (sender, _) = listener.accept().expect("a connection");
        sender.set_nodelay(true).expect("a socket");
        senders.push(sender);
    }
    let receivers = Receivers::read(streams);
    let Announcement::Event { event, ordinal } = &*message(20_000) else { return };
    let frame = gateway::websocket::text(&protocol::frame::event_frame(event, *ordinal));
    let frames = frame.repeat(usize::try_from(at_once).unwrap_or(1));
    let mut received = 0;
    group.bench_function(format!("bare writes, {at_once} at once"), |bencher| {
        bencher.iter_custom(|rounds| {
            let started = Instant::now();
            for _ in 0..rounds {
                for sender in &mut senders {
                    sender.write_all(&frames).expect("a socket");
                }
                received += frames.len() as u64 * MEMBERS;
                receivers.wait_for(received);
            }
            started.elapsed()
        });
    });
}

fn fanout(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fanout");
    group.sample_size(20);
    for at_once in [1, 32] {
        group.throughput(Throughput::Elements(MEMBERS * at_once));
        bare(&mut group, at_once);
        through_the_gateway(&mut group, at_once);
    }
    group.finish();
}

criterion_group!(benches, fanout);
criterion_main!(benches);
