//! The embedded home: one process with everything inside, from configuration to a clean end.
//! Composes the parts and watches over them; the flow of a message is none of its business.

use std::{
    future::Future,
    io::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result, anyhow, bail};
use api::{App, FileOptions, Files, PasswordOptions, Passwords, Rate, RateLimits, RateOptions, SessionCache};
use backend_embedded::{Embedded, History};
use chat::{
    NodeId,
    ports::{Announcer, Clock, Randomness, Store},
};
use conformance::faulty::{FaultPlan, Faults, Faulty};
use gateway::{ConnectionLimits, FrameRate, Gateway, Hub, TlsFiles};
use metrics_exporter_prometheus::PrometheusHandle;
use object_store::local::LocalFileSystem;
use pipeline::{Notifier, NotifierOptions, Persister, PersisterOptions};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    clock::{SystemClock, SystemRandomness},
    config::Config,
    health,
    health::Health,
    home::Home,
    limits::{READY_AGE_DIVISOR, SESSIONS_CACHED_MAX},
    observe, pages, sweeper,
    vitals::Vitals,
};

/// Starts, serves until told to stop, and stops. Returns an error when the journal or the store failed.
pub(crate) fn serve(config: &Config, fault: Option<&FaultPlan>) -> Result<()> {
    observe::install_tracing(config)?;
    // Beside the opening of the data folder, which needs no metrics: a start is to be short.
    let metrics = thread::Builder::new().name("metrics".into()).spawn(observe::install_metrics)?;
    let home = Home::make(&config.server.data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(config, &home, metrics, fault))
}

async fn run(
    config: &Config,
    home: &Home,
    metrics: JoinHandle<Result<PrometheusHandle>>,
    fault: Option<&FaultPlan>,
) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    let (failed, failure) = watch::channel(None::<String>);
    let embedded = Arc::new(open(config, home, &clock, &randomness)?);
    let metrics = metrics.join().map_err(|_| anyhow!("the metrics recorder panicked"))??;
    embedded.on_failure(Box::new(move |reason| drop(failed.send(Some(reason.to_string())))));
    let store: Arc<dyn Store> = match fault {
        Some(plan) => Arc::new(Faulty::new(embedded.store(), Arc::new(Faults::new(plan.clone())))),
        None => embedded.store(),
    };

    let options = gateway_options(config)?;
    let (announcer, inboxes) = Hub::new(options.shard_count());
    let vitals = Arc::new(Vitals::new(metrics.clone(), Arc::clone(&embedded), clock.now_ms()));
    let reading: api::ReadVitals = Box::new(move || vitals.read());
    let app = Arc::new(app(config, home, &embedded, announcer, (&clock, &randomness), reading)?);
    let (stop_sweeper, sweeper) = sweeper::start(&app)?;
    let (stop_pipeline, pipeline) = start_pipeline(&app, &embedded, store)?;
    let health = Arc::new(health_of(config, &app, &embedded, metrics));
    let options = gateway::Options {
        extra_router: Some(health::router(Arc::clone(&health))),
        pages: Some(pages::router()),
        ..options
    };
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let mut gateway = Gateway::start(options, inboxes, app).context("cannot listen")?;

    home.publish(scheme, gateway.local_address())?;
    announce(scheme, gateway.local_address())?;
    let end = wait_for_the_end(failure, gateway.failed()).await;
    health.draining.store(true, Ordering::Relaxed);
    tracing::info!("stopping: clients are told to reconnect");
    gateway.drain().await;
    drop((stop_pipeline, stop_sweeper));
    for worker in pipeline.into_iter().chain([sweeper]) {
        worker.join().map_err(|_| anyhow!("a worker of the pipeline panicked"))?;
    }
    embedded.shutdown();
    end
}

fn open(
    config: &Config,
    home: &Home,
    clock: &Arc<dyn Clock>,
    randomness: &Arc<dyn Randomness>,
) -> Result<Embedded> {
    Embedded::open(settings(config, home.path()), Arc::clone(clock), Arc::clone(randomness))
        .with_context(|| format!("cannot open the data folder {}", home.path().display()))
}

/// What an operator may choose of the backend in this data folder.
fn settings(config: &Config, data: &Path) -> backend_embedded::Config {
    backend_embedded::Config {
        segment_bytes: config.journal.segment_mib << 20,
        history: if config.journal.archive { History::Keep } else { History::Recycle },
        erase_after_ms: config.journal.erase_after_ms,
        queue_age_max_ms: config.limits.queue_age_max_ms,
        ..backend_embedded::Config::new(data)
    }
}

fn app(
    config: &Config,
    home: &Home,
    embedded: &Embedded,
    announcer: Arc<dyn Announcer>,
    (clock, randomness): (&Arc<dyn Clock>, &Arc<dyn Randomness>),
    vitals: api::ReadVitals,
) -> Result<App> {
    let defaults = PasswordOptions::default();
    let passwords = PasswordOptions {
        memory_kib: config.passwords.memory_kib,
        passes: config.passwords.iterations,
        at_once: if config.passwords.concurrency == 0 {
            defaults.at_once
        } else {
            config.passwords.concurrency
        },
        ..defaults
    };
    let token = home.operator_token(&**randomness)?;
    Ok(App {
        store: embedded.store(),
        commands: embedded.commands(),
        search: embedded.search(),
        directory: embedded.directory(),
        announcer,
        messages: embedded.messages(),
        notifications: embedded.notifications(),
        clock: Arc::clone(clock),
        randomness: Arc::clone(randomness),
        node: new_node(&**clock, &**randomness),
        passwords: Passwords::new(passwords).context("passwords")?,
        limits: RateLimits::new(&rates(config)),
        sessions: SessionCache::new(SESSIONS_CACHED_MAX),
        files: files(config, home)?,
        vitals,
        options: api::Options {
            name: config.server.name.trim().to_owned(),
            registration: config.registration()?,
            secure_cookies: !config.tls.certificate.is_empty() || !config.listen()?.ip().is_loopback(),
            own_origins: Vec::new(),
            cors_origins: config.server.allowed_origins.clone(),
            trusted_proxies: trusted_proxies(config)?,
            operator: Some(api::hash_of(&token)),
        },
    })
}

/// Files in a folder, and nothing in it of an upload that a crash cut off.
fn files(config: &Config, home: &Home) -> Result<Files> {
    let folder = match config.files.folder.as_str() {
        "" => home.path().join("files"),
        folder => folder.into(),
    };
    let cannot = || format!("cannot use the folder for files {}", folder.display());
    sweeper::prepare(&folder).with_context(cannot)?;
    let store = LocalFileSystem::new_with_prefix(&folder).with_context(cannot)?.with_fsync(true);
    let options = FileOptions { size_bytes_max: config.files.size_max_mib << 20 };
    Ok(Files::new(Arc::new(store), options))
}

fn new_node(clock: &dyn Clock, randomness: &dyn Randomness) -> NodeId {
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

fn gateway_options(config: &Config) -> Result<gateway::Options> {
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

/// Starts the persister and the notifier, each on its own thread. They end when the sender is dropped.
fn start_pipeline(
    app: &Arc<App>,
    embedded: &Embedded,
    store: Arc<dyn Store>,
) -> Result<(watch::Sender<()>, Vec<JoinHandle<()>>)> {
    let (stop, stopped) = watch::channel(());
    let persister = Persister::new(
        Arc::clone(&app.messages),
        store,
        Arc::clone(&app.notifications),
        Arc::clone(&app.clock),
        Arc::clone(&app.randomness),
        PersisterOptions::default(),
    )
    .on_applied(embedded.applied_hook());
    let notifier = Notifier::new(
        Arc::clone(&app.notifications),
        Arc::clone(&app.directory),
        Arc::clone(&app.announcer),
        Arc::clone(&app.clock),
        Arc::clone(&app.randomness),
        NotifierOptions::default(),
    );
    let (one, two) = (stopped.clone(), stopped);
    let persister = worker("persister", async move { persister.run(ended(one)).await })?;
    let notifier = worker("notifier", async move { notifier.run(ended(two)).await })?;
    Ok((stop, vec![persister, notifier]))
}

pub(crate) async fn ended(mut stopped: watch::Receiver<()>) {
    // An error means that the sender is gone, which is the signal.
    let _ = stopped.changed().await;
}

pub(crate) fn worker(name: &str, work: impl Future<Output = ()> + Send + 'static) -> Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = thread::Builder::new().name(name.into()).spawn(move || runtime.block_on(work))?;
    Ok(thread)
}

fn health_of(config: &Config, app: &Arc<App>, embedded: &Arc<Embedded>, metrics: PrometheusHandle) -> Health {
    let (gauges, status) = (Arc::clone(embedded), Arc::clone(embedded));
    Health {
        app: Arc::clone(app),
        metrics,
        gauges: Box::new(move || observe::publish(&gauges.gauges())),
        writable: Box::new(move || status.failure().is_none()),
        ready_age_max_ms: config.limits.queue_age_max_ms / READY_AGE_DIVISOR,
        draining: AtomicBool::new(false),
    }
}

/// The first line of output, for people and programs: where to go.
fn announce(scheme: &str, address: std::net::SocketAddr) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{scheme}://{address}")?;
    output.flush()?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, "serving");
    Ok(())
}

/// Waits for a signal (the good end) or for the failure of the journal or the store.
async fn wait_for_the_end(
    mut failure: watch::Receiver<Option<String>>,
    gateway_failed: impl Future<Output = String>,
) -> Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        reason = failure.wait_for(Option::is_some) => match reason {
            Ok(reason) => bail!("the data folder can no longer be written: {}", reason.as_deref().unwrap_or_default()),
            Err(_) => bail!("the storage stopped"),
        },
        reason = gateway_failed => bail!("the gateway failed: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_chooses_reaches_the_backend() {
        let flags = [
            ("journal.archive", "false"),
            ("journal.segment_mib", "8"),
            ("journal.erase_after_ms", "1234"),
            ("limits.queue_age_max_ms", "4321"),
        ];
        let flags = flags.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = crate::config::load(None, [], &flags).unwrap();
        let settings = settings(&config, Path::new("data"));
        assert_eq!((settings.history, settings.segment_bytes), (History::Recycle, 8 << 20));
        assert_eq!((settings.erase_after_ms, settings.queue_age_max_ms), (1_234, 4_321));
        let defaults = backend_embedded::Config::new("data");
        let settings = super::settings(&Config::default(), Path::new("data"));
        assert_eq!(settings.erase_after_ms, defaults.erase_after_ms);
        assert_eq!(settings.queue_age_max_ms, defaults.queue_age_max_ms);
    }
}
