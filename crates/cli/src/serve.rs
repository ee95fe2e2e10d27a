//! The embedded home: one process with everything inside, from configuration to a clean end.
//! Composes the parts and watches over them; the flow of a message is none of its business.

use std::{
    future::Future,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result, anyhow, bail};
use api::App;
use backend_embedded::{Embedded, History};
use chat::ports::{Clock, Randomness, Store};
use conformance::faulty::{FaultPlan, Faults, Faulty};
use gateway::{Gateway, Hub};
use metrics_exporter_prometheus::PrometheusHandle;
use object_store::local::LocalFileSystem;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    clock::{SystemClock, SystemRandomness},
    compose::{self, Parts, Ports, ended, worker},
    config::Config,
    health,
    health::Health,
    home::Home,
    limits::READY_AGE_DIVISOR,
    observe, pages, sweeper,
    vitals::{OnDisk, Vitals},
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

    let options = compose::gateway_options(config)?;
    let (announcer, inboxes) = Hub::new(options.shard_count());
    let ports = ports(&embedded, &clock, &randomness);
    let parts = Parts {
        node: compose::new_node(&*clock, &*randomness),
        announcer,
        files: Arc::new(files(config, home)?),
        operator_token: Some(home.operator_token(&*randomness)?),
        vitals: vitals(&embedded, metrics.clone(), &*clock),
    };
    let app = Arc::new(compose::app(config, &ports, parts)?);
    let (stop_sweeper, sweeper) = sweeper::start(&app, true)?;
    let (stop_pipeline, pipeline) = start_pipeline(&ports, &app, &embedded, store)?;
    let health = Arc::new(health_of(config, &app, &embedded, metrics));
    let options = gateway::Options {
        extra_router: Some(health::router(Arc::clone(&health))),
        pages: Some(pages::router()),
        ..options
    };
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let mut gateway = Gateway::start(options, inboxes, app).context("cannot listen")?;

    home.publish(scheme, gateway.local_address())?;
    compose::announce(scheme, gateway.local_address())?;
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

pub(crate) fn ports(embedded: &Embedded, clock: &Arc<dyn Clock>, randomness: &Arc<dyn Randomness>) -> Ports {
    Ports {
        store: embedded.store(),
        commands: embedded.commands(),
        search: embedded.search(),
        directory: embedded.directory(),
        messages: embedded.messages(),
        notifications: embedded.notifications(),
        clock: Arc::clone(clock),
        randomness: Arc::clone(randomness),
    }
}

fn vitals(embedded: &Arc<Embedded>, metrics: PrometheusHandle, clock: &dyn Clock) -> api::ReadVitals {
    let embedded = Arc::clone(embedded);
    let on_disk = Box::new(move || {
        let gauges = embedded.gauges();
        OnDisk { store_bytes: Some(gauges.store_bytes), journal_bytes: Some(gauges.journal_bytes) }
    });
    let vitals = Vitals::new(metrics, on_disk, clock.now_ms());
    Box::new(move || vitals.read())
}

/// What an operator may choose of the backend in this data folder.
pub(crate) fn settings(config: &Config, data: &Path) -> backend_embedded::Config {
    backend_embedded::Config {
        segment_bytes: config.journal.segment_mib << 20,
        history: if config.journal.archive { History::Keep } else { History::Recycle },
        erase_after_ms: config.journal.erase_after_ms,
        queue_age_max_ms: config.limits.queue_age_max_ms,
        ..backend_embedded::Config::new(data)
    }
}

/// Files in a folder, and nothing in it of an upload that a crash cut off.
pub(crate) fn files(config: &Config, home: &Home) -> Result<LocalFileSystem> {
    let folder = match config.files.folder.as_str() {
        "" => home.path().join("files"),
        folder => folder.into(),
    };
    let cannot = || format!("cannot use the folder for files {}", folder.display());
    sweeper::prepare(&folder).with_context(cannot)?;
    Ok(LocalFileSystem::new_with_prefix(&folder).with_context(cannot)?.with_fsync(true))
}

/// Starts the persister and the notifier, each on its own thread. They end when the sender is dropped.
fn start_pipeline(
    ports: &Ports,
    app: &App,
    embedded: &Embedded,
    store: Arc<dyn Store>,
) -> Result<(watch::Sender<()>, Vec<JoinHandle<()>>)> {
    let (stop, stopped) = watch::channel(());
    let persister = compose::persister(ports, store).on_applied(embedded.applied_hook());
    let notifier = compose::notifier(ports, Arc::clone(&app.announcer));
    let (one, two) = (stopped.clone(), stopped);
    let persister = worker("persister", async move { persister.run(ended(one)).await })?;
    let notifier = worker("notifier", async move { notifier.run(ended(two)).await })?;
    Ok((stop, vec![persister, notifier]))
}

fn health_of(config: &Config, app: &Arc<App>, embedded: &Arc<Embedded>, metrics: PrometheusHandle) -> Health {
    let (gauges, status) = (Arc::clone(embedded), Arc::clone(embedded));
    Health {
        app: Arc::clone(app),
        metrics,
        gauges: Box::new(move || observe::publish(&gauges.gauges())),
        writable: Box::new(move || status.failure().is_none()),
        ready_age_max_ms: Some(config.limits.queue_age_max_ms / READY_AGE_DIVISOR),
        draining: AtomicBool::new(false),
    }
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
