//! What every home puts together alike: the application over some backend's ports, the gateway's options, workers.
//! Knows no backend; `serve` and `nodes` each bring the ports of theirs.

use std::{
    future::Future,
    io::Write as _,
    sync::Arc,
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result, anyhow};
use api::{App, FileOptions, Files, PasswordOptions, Passwords, Rate, RateLimits, RateOptions, SessionCache};
use chat::{
    Announcement, Envelope, NodeId,
    ports::{Announcer, Clock, Commands, Directory, Queue, Randomness, Search, Store},
};
use gateway::{ConnectionLimits, FrameRate, TlsFiles};
use object_store::ObjectStore;
use pipeline::{Notifier, NotifierOptions, Persister, PersisterOptions};
use tokio::sync::watch;

use crate::{config::Config, limits::SESSIONS_CACHED_MAX};

/// What a backend offers.
#[derive(Clone)]
pub(crate) struct Ports {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) commands: Arc<dyn Commands>,
    pub(crate) search: Arc<dyn Search>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) messages: Arc<dyn Queue<Envelope>>,
    pub(crate) notifications: Arc<dyn Queue<Announcement>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
}

/// What a home decides besides.
pub(crate) struct Parts {
    pub(crate) node: NodeId,
    pub(crate) announcer: Arc<dyn Announcer>,
    pub(crate) files: Arc<dyn ObjectStore>,
    /// Good for the routes under `/v1/admin`.
    pub(crate) operator_token: Option<String>,
    pub(crate) vitals: api::ReadVitals,
}

/// The application of one process that people talk to.
pub(crate) fn app(config: &Config, ports: &Ports, parts: Parts) -> Result<App> {
    let size_bytes_max = config.files.size_max_mib << 20;
    let files = if config.aws.files_bucket.is_empty() {
        FileOptions { size_bytes_max, ..FileOptions::default() }
    } else {
        FileOptions::in_bucket(size_bytes_max)
    };
    Ok(App {
        store: Arc::clone(&ports.store),
        commands: Arc::clone(&ports.commands),
        search: Arc::clone(&ports.search),
        directory: Arc::clone(&ports.directory),
        announcer: parts.announcer,
        messages: Arc::clone(&ports.messages),
        notifications: Arc::clone(&ports.notifications),
        clock: Arc::clone(&ports.clock),
        randomness: Arc::clone(&ports.randomness),
        node: parts.node,
        passwords: Passwords::new(passwords(config)).context("passwords")?,
        limits: RateLimits::new(&rates(config)),
        sessions: SessionCache::new(SESSIONS_CACHED_MAX),
        files: Files::new(parts.files, files),
        vitals: parts.vitals,
        options: api::Options {
            name: config.server.name.trim().to_owned(),
            registration: config.registration()?,
            secure_cookies: !config.tls.certificate.is_empty() || !config.listen()?.ip().is_loopback(),
            own_origins: Vec::new(),
            cors_origins: config.server.allowed_origins.clone(),
            trusted_proxies: trusted_proxies(config)?,
            operator: parts.operator_token.as_deref().map(api::hash_of),
        },
    })
}

fn passwords(config: &Config) -> PasswordOptions {
    let defaults = PasswordOptions::default();
    PasswordOptions {
        memory_kib: config.passwords.memory_kib,
        passes: config.passwords.iterations,
        at_once: if config.passwords.concurrency == 0 {
            defaults.at_once
        } else {
            config.passwords.concurrency
        },
        ..defaults
    }
}

/// Step 6 over these ports, writing to `store`.
pub(crate) fn persister(ports: &Ports, store: Arc<dyn Store>) -> Persister {
    Persister::new(
        Arc::clone(&ports.messages),
        store,
        Arc::clone(&ports.notifications),
        Arc::clone(&ports.clock),
        Arc::clone(&ports.randomness),
        PersisterOptions::default(),
    )
}

/// Step 7 over these ports.
pub(crate) fn notifier(ports: &Ports, announcer: Arc<dyn Announcer>) -> Notifier {
    Notifier::new(
        Arc::clone(&ports.notifications),
        Arc::clone(&ports.directory),
        announcer,
        Arc::clone(&ports.clock),
        Arc::clone(&ports.randomness),
        NotifierOptions::default(),
    )
}

/// The id of a process that has just begun.
pub(crate) fn new_node(clock: &dyn Clock, randomness: &dyn Randomness) -> NodeId {
    let mut random = chat::ids::Randomness::default();
    randomness.fill(&mut random);
    NodeId::new(clock.now_ms(), &random)
}

fn rates(config: &Config) -> RateOptions {
    let limits = &config.limits;
    let rate = |per_second: u32, burst: u32| (per_second > 0).then(|| Rate::per_second(per_second, burst));
    let per_minute = |per_minute: u32| {
        (per_minute > 0).then(|| Rate { burst: per_minute, refill_ms: (60_000 / per_minute).max(1) })
    };
    RateOptions {
        registrations: per_minute(limits.logins_per_minute),
        logins: per_minute(limits.logins_per_minute),
        logins_per_name: per_minute(limits.logins_per_minute),
        strangers: rate(limits.requests_per_second, limits.requests_per_second.saturating_mul(5)),
        requests: rate(limits.requests_per_second, limits.requests_per_second.saturating_mul(5)),
        sends: rate(limits.sends_per_second, limits.send_burst),
        searches: rate(limits.searches_per_second, limits.searches_per_second.saturating_mul(3)),
    }
}

fn trusted_proxies(config: &Config) -> Result<Vec<api::Network>> {
    let parse = |text: &String| text.parse().map_err(|error| anyhow!("server.trusted_proxies: {error}"));
    config.server.trusted_proxies.iter().map(parse).collect()
}

pub(crate) fn gateway_options(config: &Config) -> Result<gateway::Options> {
    let limits = &config.limits;
    let tls = (!config.tls.certificate.is_empty()).then(|| TlsFiles {
        certificate: config.tls.certificate.clone().into(),
        key: config.tls.key.clone().into(),
    });
    let unlimited = |value: usize| if value == 0 { usize::MAX } else { value };
    let frames = if limits.frames_per_second == 0 { u32::MAX } else { limits.frames_per_second };
    Ok(gateway::Options {
        listen: config.listen()?,
        shards: config.server.threads,
        tls,
        plaintext_anywhere: config.server.allow_plaintext,
        trusted_proxies: trusted_proxies(config)?,
        connections: ConnectionLimits {
            total: limits.connections_max,
            per_user: limits.connections_per_user_max,
            per_address: unlimited(limits.connections_per_address_max),
            ..ConnectionLimits::default()
        },
        frames: FrameRate { per_second: frames, burst: frames.saturating_mul(5) },
        outbox_soft_bytes: limits.outbox_bytes_max / 2,
        outbox_hard_bytes: limits.outbox_bytes_max,
        heartbeat_ms: limits.heartbeat_ms,
        drain_ms: config.server.drain_timeout_ms,
        send_rate: (limits.sends_per_second, limits.send_burst),
        ..gateway::Options::default()
    })
}

/// Completes when the sender is gone.
pub(crate) async fn ended(mut stopped: watch::Receiver<()>) {
    // An error means that the sender is gone, which is the signal.
    let _ = stopped.changed().await;
}

/// Runs work on a thread of its own.
pub(crate) fn worker(name: &str, work: impl Future<Output = ()> + Send + 'static) -> Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = thread::Builder::new().name(name.into()).spawn(move || runtime.block_on(work))?;
    Ok(thread)
}

/// The first line of output, for people and programs: where to go.
pub(crate) fn announce(scheme: &str, address: std::net::SocketAddr) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{scheme}://{address}")?;
    output.flush()?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, "serving");
    Ok(())
}
