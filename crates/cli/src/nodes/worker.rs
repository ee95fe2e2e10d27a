//! A persister or a notifier as a process: several batches at a time, leases renewed, an end that leaves none behind.
//! Composes; what a batch goes through is in `pipeline`.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use anyhow::Result;
use metrics_exporter_prometheus::PrometheusHandle;
use pipeline::{Notifier, Persister};
use tokio::{sync::watch, task::JoinSet};

use super::{
    Installation,
    identity::Identity,
    port::Port,
    pulse::{Pulse, Watched},
    stopped,
};
use crate::{
    compose::{self, Ports, ended},
    config::Config,
    limits::OUTCOMES_GRACE_MS,
};

/// Works until its signal comes.
type Loop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Step 6 in a process of its own.
pub(super) async fn persist(installation: Installation, config: &Config, port: PortOptions) -> Result<()> {
    let pulse = Arc::new(Pulse::new());
    let messages = Arc::new(Watched::new(Arc::clone(&installation.ports.messages), Arc::clone(&pulse)));
    let ports = Ports { messages, ..installation.ports.clone() };
    let persister = compose::persister(&ports, Arc::clone(&ports.store));
    let persister = Arc::new(persister.on_applied(installation.aws.applied.clone()));
    let work = move |stop| -> Loop {
        let persister: Arc<Persister> = Arc::clone(&persister);
        Box::pin(async move { persister.run(ended(stop)).await })
    };
    run(&installation, config, pulse, port, &work).await
}

/// Step 7 in a process of its own.
pub(super) async fn notify(installation: Installation, config: &Config, port: PortOptions) -> Result<()> {
    let pulse = Arc::new(Pulse::new());
    let notifications =
        Arc::new(Watched::new(Arc::clone(&installation.ports.notifications), Arc::clone(&pulse)));
    let ports = Ports { notifications, ..installation.ports.clone() };
    let announcer = Arc::new(installation.peers(None, Identity::of(&config.node)?));
    let notifier = Arc::new(compose::notifier(&ports, announcer));
    let work = move |stop| -> Loop {
        let notifier: Arc<Notifier> = Arc::clone(&notifier);
        Box::pin(async move { notifier.run(ended(stop)).await })
    };
    run(&installation, config, pulse, port, &work).await
}

/// What the port for health needs.
pub(super) struct PortOptions {
    pub(super) metrics: PrometheusHandle,
    pub(super) operator_token: Option<String>,
}

async fn run(
    installation: &Installation,
    config: &Config,
    pulse: Arc<Pulse>,
    port: PortOptions,
    work: &(dyn Fn(watch::Receiver<()>) -> Loop + Sync),
) -> Result<()> {
    if let Some(listen) = config.node_health()? {
        let operator = port.operator_token.as_deref().map(api::hash_of);
        Port { pulse: Arc::clone(&pulse), metrics: port.metrics, operator }.open(listen).await?;
    }
    let stopped = stopped()?;
    let renewing = tokio::spawn(installation.aws.leases.clone().keep());
    let (stop, _) = watch::channel(());
    let mut loops = JoinSet::new();
    for _ in 0..config.node.concurrency {
        loops.spawn(work(stop.subscribe()));
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), concurrency = config.node.concurrency, "working");
    tokio::select! {
        () = stopped => {}
        // None ends by itself: one that did has panicked.
        _ = loops.join_next() => anyhow::bail!("a worker has failed"),
    }
    pulse.drain();
    tracing::info!("stopping: what is leased is finished");
    drop(stop);
    let all = async { while loops.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_millis(config.server.drain_timeout_ms), all).await.is_err() {
        tracing::warn!(
            "not everything could be finished in time; others take it over when its leases run out"
        );
    }
    // Outcomes that somebody waits for are written beside the work.
    tokio::time::sleep(Duration::from_millis(OUTCOMES_GRACE_MS)).await;
    renewing.abort();
    Ok(())
}
