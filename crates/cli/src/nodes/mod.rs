//! The containers home: the same steps as separate processes over the queues and tables of AWS, any number of each.
//! Composes, as `serve` does for the embedded home; nothing of a process outlives it but what is in the tables.

mod identity;
mod listener;
mod peers;
mod wire;

use std::{
    fs,
    future::Future,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use api::App;
use backend_aws::{Aws, AwsDirectory, AwsNames, AwsOptions, ProvisionOptions, QueueNames};
use chat::{
    NodeId,
    ports::{Announcer, Clock, PortError, Randomness},
};
use gateway::{Gateway, Hub, HubHandle};
use metrics_exporter_prometheus::PrometheusHandle;
use object_store::{ObjectStore, aws::AmazonS3Builder, local::LocalFileSystem};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

use self::{identity::Identity, listener::Listener, peers::Peers};
use crate::{
    clock::{SystemClock, SystemRandomness},
    compose::{self, Parts, Ports},
    config::Config,
    health::{self, Health},
    limits::{NODE_LEASE_MS, NODE_RENEW_MS},
    observe, pages, sweeper,
    vitals::{OnDisk, Vitals},
};

/// Where the SDK and the object store are told of an emulator.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// Which part of the way of a message a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Steps 1 to 5 and 8: sockets.
    Gateway,
    /// Step 6.
    Persister,
    /// Step 7.
    Notifier,
}

/// Runs one process until it is told to stop. `operator_token` is good for the routes under `/v1/admin` of a gateway.
pub(crate) fn run(role: Role, config: &Config, operator_token: Option<String>) -> Result<()> {
    observe::install_tracing(config)?;
    let metrics = observe::install_metrics()?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
        let installation = Installation::open(config, clock, randomness).await?;
        match role {
            Role::Gateway => installation.gateway(config, metrics, operator_token).await,
            Role::Persister => installation.persister().await,
            Role::Notifier => installation.notifier(config).await,
        }
    })
}

/// Makes the tables and queues that the configuration names, where they are not there; safe to repeat.
pub(crate) fn provision(config: &Config, key: Option<String>) -> Result<()> {
    let options = ProvisionOptions { kms_key: key, ..ProvisionOptions::default() };
    runtime()?.block_on(async {
        let sdk = backend_aws::connect(region(config)).await;
        backend_aws::provision(&sdk, &names(config), &options)
            .await
            .context("cannot make the tables and queues")
    })?;
    println!("The tables and queues are there.");
    Ok(())
}

pub(crate) fn region(config: &Config) -> Option<String> {
    (!config.aws.region.is_empty()).then(|| config.aws.region.clone())
}

pub(crate) fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// An open installation on AWS.
struct Installation {
    aws: Aws,
    ports: Ports,
}

impl Installation {
    async fn open(
        config: &Config,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Installation> {
        let sdk = backend_aws::connect(region(config)).await;
        let (names, options) = (names(config), AwsOptions::default());
        let aws = Aws::open(&sdk, &names, options, Arc::clone(&clock), Arc::clone(&randomness))
            .await
            .context("cannot open the tables and queues on AWS")?;
        let ports = Ports {
            store: Arc::clone(&aws.store),
            commands: Arc::clone(&aws.commands),
            search: Arc::clone(&aws.search),
            directory: Arc::new(aws.directory.clone()),
            messages: Arc::clone(&aws.messages),
            notifications: Arc::clone(&aws.notifications),
            clock,
            randomness,
        };
        Ok(Installation { aws, ports })
    }

    async fn persister(self) -> Result<()> {
        let applied = self.aws.applied.clone();
        let persister = compose::persister(&self.ports, Arc::clone(&self.ports.store)).on_applied(applied);
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "persisting");
        persister.run(stopped()?).await;
        Ok(())
    }

    async fn notifier(self, config: &Config) -> Result<()> {
        let announcer = Arc::new(self.peers(None, Identity::of(&config.node)?));
        let notifier = compose::notifier(&self.ports, announcer);
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "notifying");
        notifier.run(stopped()?).await;
        Ok(())
    }

    fn peers(&self, own: Option<(NodeId, Arc<HubHandle>)>, identity: Option<Identity>) -> Peers {
        Peers::new(own, self.aws.directory.clone(), identity, Arc::clone(&self.ports.clock))
    }

    async fn gateway(
        self,
        config: &Config,
        metrics: PrometheusHandle,
        operator_token: Option<String>,
    ) -> Result<()> {
        let options = compose::gateway_options(config)?;
        let (hub, inboxes) = Hub::new(options.shard_count());
        let node = compose::new_node(&*self.ports.clock, &*self.ports.randomness);
        let identity = Identity::of(&config.node)?;
        let listener = Listener::bind(config.node_listen()?, identity.clone()).await?;
        let address = match config.node.address.as_str() {
            "" => listener.local_address()?.to_string(),
            address => address.to_owned(),
        };
        let announcer: Arc<dyn Announcer> = Arc::new(self.peers(Some((node, Arc::clone(&hub))), identity));
        let vitals = Vitals::new(metrics.clone(), Box::new(OnDisk::default), self.ports.clock.now_ms());
        let parts = Parts {
            node,
            announcer,
            files: files(config)?,
            operator_token,
            vitals: Box::new(move || vitals.read()),
        };
        let app = Arc::new(compose::app(config, &self.ports, parts)?);
        let row = Row {
            directory: self.aws.directory.clone(),
            clock: Arc::clone(&self.ports.clock),
            node,
            address,
        };
        row.keep().await.context("cannot write to the connection table")?;
        let renewing = tokio::spawn(row.renew());
        let telling = tokio::spawn(listener.run(node, hub));
        let (stop_sweeper, sweeper) = sweeper::start(&app)?;
        let health = Arc::new(health_of(&app, metrics));
        let options = gateway::Options {
            extra_router: Some(health::router(Arc::clone(&health))),
            pages: Some(pages::router()),
            ..options
        };
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let mut gateway = Gateway::start(options, inboxes, app).context("cannot listen")?;
        compose::announce(scheme, gateway.local_address())?;
        let end = tokio::select! {
            () = stopped()? => Ok(()),
            reason = gateway.failed() => Err(anyhow!("the gateway failed: {reason}")),
        };
        health.draining.store(true, Ordering::Relaxed);
        tracing::info!("stopping: clients are told to reconnect");
        gateway.drain().await;
        renewing.abort();
        telling.abort();
        drop(stop_sweeper);
        if sweeper.join().is_err() {
            bail!("the sweeper panicked");
        }
        end
    }
}

/// The row that tells where this node takes announcements.
struct Row {
    directory: AwsDirectory,
    clock: Arc<dyn Clock>,
    node: NodeId,
    address: String,
}

impl Row {
    async fn keep(&self) -> Result<(), PortError> {
        self.directory.keep_node(self.node, &self.address, self.clock.now_ms() + NODE_LEASE_MS).await
    }

    async fn renew(self) {
        loop {
            tokio::time::sleep(Duration::from_millis(NODE_RENEW_MS)).await;
            if let Err(error) = self.keep().await {
                tracing::warn!(%error, "this node's row could not be renewed; others may not find it");
            }
        }
    }
}

pub(crate) fn names(config: &Config) -> AwsNames {
    let aws = &config.aws;
    let queue = |queue: &String, dead: &String| QueueNames { queue: queue.clone(), dead: dead.clone() };
    AwsNames {
        main_table: aws.main_table.clone(),
        live_table: aws.live_table.clone(),
        messages: queue(&aws.messages_queue, &aws.messages_dead_queue),
        notifications: queue(&aws.notifications_queue, &aws.notifications_dead_queue),
    }
}

/// Files of all nodes lie in one bucket, or in one folder that all of them see. Region, endpoint and credentials come
/// from where the SDK finds them.
fn files(config: &Config) -> Result<Arc<dyn ObjectStore>> {
    let (bucket, folder) = (&config.aws.files_bucket, &config.files.folder);
    ensure!(
        bucket.is_empty() != folder.is_empty(),
        "set aws.files_bucket to the bucket for files, or files.folder to a folder that all gateways share"
    );
    if bucket.is_empty() {
        let folder = Path::new(folder);
        let cannot = || format!("cannot use the folder for files {}", folder.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(cannot)?;
        return Ok(Arc::new(LocalFileSystem::new_with_prefix(folder).with_context(cannot)?.with_fsync(true)));
    }
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    if !config.aws.region.is_empty() {
        builder = builder.with_region(&config.aws.region);
    }
    // Only an emulator on this machine is reached without TLS.
    let is_local = std::env::var(ENDPOINT).is_ok_and(|url| url.starts_with("http://127.0.0.1"));
    let store = builder.with_allow_http(is_local).build();
    Ok(Arc::new(store.with_context(|| format!("cannot use the bucket {bucket} for files"))?))
}

fn health_of(app: &Arc<App>, metrics: PrometheusHandle) -> Health {
    Health {
        app: Arc::clone(app),
        metrics,
        gauges: Box::new(|| {}),
        // Whether the queue takes commands is seen when its depth is asked.
        writable: Box::new(|| true),
        // The queue is everybody's: a backlog is answered with `slow_down`, and taking all gateways away helps nobody.
        ready_age_max_ms: u64::MAX,
        draining: AtomicBool::new(false),
    }
}

/// Completes at a signal to stop.
fn stopped() -> Result<impl Future<Output = ()> + Send> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
