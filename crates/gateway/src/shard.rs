//! One shard: a thread, its runtime, its listener, and everything its connections share.
//! Invariant: nothing in here crosses threads, so nothing is locked; shards meet only in ports, seats and the channel
//! of announcements.

use std::{
    cell::{Cell, RefCell},
    net::TcpListener as StdListener,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use api::App;
use axum::Router;
use chat::{Announcement, CommandId, EventKind, ids::Randomness};
use protocol::frame::ServerFrame;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    admission::Admission,
    announcer::{Batch, Inbound},
    connection::Connection,
    drain,
    grace::Grace,
    heal, heartbeat, http,
    hub::Hub,
    intake::Intake,
    limits::{ANNOUNCED_PER_TURN, SYNCS_AT_ONCE},
    listener::Acceptor,
    marks::Marks,
    metrics::{Recorder, seconds},
    news::News,
    options::Options,
    outbox::Weight,
    outgoing::Outgoing,
    presence::{self, Roll},
    tls::Certificate,
};

/// What a thread needs to become a shard.
pub(crate) struct Plan {
    pub(crate) app: Arc<App>,
    pub(crate) options: Arc<Options>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) router: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) certificate: Option<Arc<Certificate>>,
    pub(crate) listener: StdListener,
    pub(crate) inbox: mpsc::Receiver<Inbound>,
    pub(crate) course: watch::Receiver<Course>,
}

/// Where a gateway is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// Serving.
    Running,
    /// Going away until then.
    Draining(Instant),
}

/// Everything the connections of one thread share.
pub(crate) struct Shard {
    pub(crate) app: Arc<App>,
    pub(crate) options: Arc<Options>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) router: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) certificate: Option<Arc<Certificate>>,
    pub(crate) hub: RefCell<Hub>,
    pub(crate) out: Outgoing,
    pub(crate) intake: Intake,
    pub(crate) marks: Marks,
    pub(crate) news: News,
    pub(crate) roll: Roll,
    pub(crate) grace: Grace,
    pub(crate) read_buffer: RefCell<Box<[u8]>>,
    pub(crate) recorder: RefCell<Recorder>,
    pub(crate) course: watch::Receiver<Course>,
    /// HTTP connections being served.
    pub(crate) http_open: Cell<usize>,
    reads: Semaphore,
}

/// Serves until the gateway drains or is dropped. Runs inside a local runtime.
///
/// # Errors
/// The listener cannot be used.
pub(crate) async fn run(plan: Plan) -> std::io::Result<()> {
    let now = Instant::now();
    let mut acceptor = Acceptor::new(plan.listener, plan.options.connections.accepts_per_second, now)?;
    let shard = Rc::new(Shard {
        out: Outgoing::new(plan.options.bounds()),
        app: plan.app,
        options: plan.options,
        admission: plan.admission,
        router: plan.router,
        tls: plan.tls,
        certificate: plan.certificate,
        hub: RefCell::default(),
        intake: Intake::default(),
        marks: Marks::default(),
        news: News::default(),
        roll: Roll::new(now),
        grace: Grace::default(),
        read_buffer: RefCell::new(vec![0; crate::input::READ_BUFFER_BYTES].into_boxed_slice()),
        recorder: RefCell::new(Recorder::new()),
        course: plan.course.clone(),
        http_open: Cell::new(0),
        reads: Semaphore::new(SYNCS_AT_ONCE),
    });
    let mut tasks = tasks(&shard, plan.inbox);
    let deadline = tokio::select! {
        // None of them ends by itself: one that did has failed, and the shard with it.
        _ = tasks.join_next() => return Err(std::io::Error::other("a task of the shard has failed")),
        deadline = accept(&shard, &mut acceptor, plan.course) => deadline,
    };
    drop(acceptor);
    drain::run(&shard, deadline).await;
    Ok(())
}

/// Accepts connections until it is time to drain; returns until when.
async fn accept(shard: &Rc<Shard>, acceptor: &mut Acceptor, mut course: watch::Receiver<Course>) -> Instant {
    loop {
        tokio::select! {
            (stream, peer) = acceptor.accept() => http::start(shard, stream, peer),
            changed = course.changed() => match (changed, *course.borrow_and_update()) {
                (Ok(()), Course::Running) => {}
                (Ok(()), Course::Draining(deadline)) => return deadline,
                // Nobody holds the gateway any more: end at once.
                (Err(_), _) => return Instant::now(),
            },
        }
    }
}

/// The tasks that serve all connections. Those that write run outside tokio's task budget, which counts writes to a
/// thousand sockets as those of one task; each bounds its own turns.
fn tasks(shard: &Rc<Shard>, inbox: mpsc::Receiver<Inbound>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let mut start = |task: Pin<Box<dyn Future<Output = ()>>>| {
        tasks.spawn_local(tokio::task::unconstrained(task));
    };
    let own = || Rc::clone(shard);
    let marks_every = Duration::from_millis(shard.options.marks_flush_ms);
    start(Box::pin(tell(own(), inbox)));
    start(Box::pin(heartbeat::run(own())));
    let one = own();
    start(Box::pin(async move { one.out.run().await }));
    let one = own();
    start(Box::pin(async move { one.intake.run(&one).await }));
    let one = own();
    start(Box::pin(async move { one.news.run(&one).await }));
    let one = own();
    start(Box::pin(async move { one.marks.run(&one, marks_every).await }));
    let one = own();
    start(Box::pin(async move { one.marks.run_implied(&one).await }));
    let one = own();
    start(Box::pin(async move { one.roll.run(&one).await }));
    let one = own();
    start(Box::pin(async move { one.grace.run(&one).await }));
    tasks
}

/// Tells what is announced. Connections are written to after each turn, not after each announcement.
async fn tell(shard: Rc<Shard>, mut inbox: mpsc::Receiver<Inbound>) {
    while let Some(inbound) = inbox.recv().await {
        let mut told = take(&shard, inbound);
        while told < ANNOUNCED_PER_TURN
            && let Ok(inbound) = inbox.try_recv()
        {
            told += take(&shard, inbound);
        }
        let jobs = shard.hub.borrow_mut().take_jobs();
        heal::start(&shard, jobs);
        tokio::task::yield_now().await;
    }
    // Whoever announces has gone, as in tests; there is nothing left to tell, but sockets go on.
    std::future::pending::<()>().await;
}

/// Takes what came; returns how many announcements that were.
fn take(shard: &Rc<Shard>, inbound: Inbound) -> usize {
    match inbound {
        Inbound::Batch(batch) => tell_batch(shard, &batch),
        Inbound::Shed(shed) => {
            tokio::task::spawn_local(drain::shed(Rc::clone(shard), shed));
            1
        }
        Inbound::LookAgain => {
            tokio::task::spawn_local(presence::look_again(Rc::clone(shard)));
            1
        }
    }
}

fn tell_batch(shard: &Shard, batch: &Batch) -> usize {
    let mut hub = shard.hub.borrow_mut();
    let mut oldest = None;
    for telling in &**batch {
        if let Announcement::Event { event, .. } = &*telling.announcement {
            oldest = Some(oldest.unwrap_or(event.at).min(event.at));
        }
        hub.tell(telling, &shard.out);
        if let Announcement::Event { event, .. } = &*telling.announcement {
            tracing::trace!(target: "journey", stage = "delivered", command = %event.command_id, seq = event.seq);
            if matches!(event.kind, EventKind::Message { .. }) && hub.is_connected(event.actor) {
                shard.marks.sent(event.conversation, event.actor, event.seq);
            }
        }
    }
    if let Some(accepted_at) = oldest {
        let took_ms = shard.app.clock.now_ms().saturating_sub(accepted_at);
        shard.recorder.borrow().delivered_seconds.record(seconds(took_ms));
    }
    batch.len()
}

impl Shard {
    /// Answers a connection.
    pub(crate) fn reply(&self, connection: &Connection, frame: &ServerFrame<'_>) {
        connection.push(self.out.frame(frame), Weight::Durable, &self.out);
    }

    /// A command id for a client that named none.
    pub(crate) fn new_command_id(&self) -> CommandId {
        CommandId::new(self.app.clock.now_ms(), &self.random())
    }

    /// The random part of a new id.
    pub(crate) fn random(&self) -> Randomness {
        let mut bytes = Randomness::default();
        self.app.randomness.fill(&mut bytes);
        bytes
    }

    /// A read of the store that may be large: only so many at once.
    pub(crate) async fn reading<T>(&self, read: impl Future<Output = T>) -> T {
        let _permit = self.reads.acquire().await;
        read.await
    }

    /// A connection's task has ended.
    pub(crate) fn closed(&self, connection: &Connection) {
        self.hub.borrow_mut().disconnect(connection);
        self.roll.went(connection.user, connection.id);
        self.out.held_bytes.set(self.out.held_bytes.get().saturating_sub(connection.held_bytes()));
    }

    /// Hands the counters over.
    pub(crate) fn publish(&self, outbox_bytes: usize) {
        let sockets = self.hub.borrow().connections().len();
        self.recorder.borrow_mut().publish(&self.out.stats, sockets, outbox_bytes);
    }
}
