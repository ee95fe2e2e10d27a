//! The containers home: the same steps as separate processes over the queues and tables of AWS, any number of each.
//! Composes, as `serve` does for the embedded home; nothing of a process outlives it but what is in the tables.

mod balance;
mod gateway;
mod identity;
mod listener;
mod peers;
mod port;
mod pulse;
mod row;
mod wire;
mod worker;

use std::{future::Future, sync::Arc};

use ::gateway::HubHandle;
use ::moving::House;
use anyhow::{Context as _, Result, ensure};
use backend_aws::{Aws, AwsNames, AwsOptions, ProvisionOptions, QueueNames};
use chat::{
    NodeId,
    ports::{Clock, Randomness},
};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

pub(crate) use self::gateway::files;
use self::{identity::Identity, peers::Peers, worker::PortOptions};
use crate::{
    clock::{SystemClock, SystemRandomness},
    compose::Ports,
    config::Config,
    observe,
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

/// Runs one process until it is told to stop. `operator_token` is good for the routes under `/v1/admin` of a gateway, and
/// for metrics.
pub(crate) fn run(role: Role, config: &Config, operator_token: Option<String>) -> Result<()> {
    observe::install_tracing(config)?;
    let metrics = observe::install_metrics()?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
        let installation = Installation::open(config, clock, randomness).await?;
        match role {
            Role::Gateway => gateway::serve(installation, config, metrics, operator_token).await,
            Role::Persister => {
                worker::persist(installation, config, PortOptions { metrics, operator_token }).await
            }
            Role::Notifier => {
                worker::notify(installation, config, PortOptions { metrics, operator_token }).await
            }
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

/// An installation to be moved out of, or into.
pub(crate) async fn house(config: &Config, takes_in: bool) -> Result<House> {
    let sdk = backend_aws::connect(region(config)).await;
    let (names, options) = (names(config), AwsOptions::default());
    let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
    let opened = if takes_in {
        Aws::open_to_take_in(&sdk, &names, options, clock, randomness).await
    } else {
        Aws::open(&sdk, &names, options, clock, randomness).await
    };
    let Aws { store, moving, messages, notifications, .. } =
        opened.context("cannot open the tables and queues on AWS")?;
    Ok(House { store, moving, messages, notifications, files: files(config)? })
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
        all_named(config)?;
        let sdk = backend_aws::connect(region(config)).await;
        let (names, options) = (names(config), AwsOptions::of_worker());
        let aws = Aws::open(&sdk, &names, options, Arc::clone(&clock), Arc::clone(&randomness))
            .await
            .with_context(|| cannot_open(config))?;
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

    fn peers(&self, own: Option<(NodeId, Arc<HubHandle>)>, identity: Option<Identity>) -> Peers {
        Peers::new(own, self.aws.directory.clone(), identity, Arc::clone(&self.ports.clock))
    }
}

/// Nothing can be opened without a name.
fn all_named(config: &Config) -> Result<()> {
    let aws = &config.aws;
    let missing: Vec<&str> = [
        ("aws.main_table", &aws.main_table),
        ("aws.live_table", &aws.live_table),
        ("aws.messages_queue", &aws.messages_queue),
        ("aws.messages_dead_queue", &aws.messages_dead_queue),
        ("aws.notifications_queue", &aws.notifications_queue),
        ("aws.notifications_dead_queue", &aws.notifications_dead_queue),
    ]
    .into_iter()
    .filter_map(|(option, value)| value.trim().is_empty().then_some(option))
    .collect();
    ensure!(missing.is_empty(), "set {}: without them nothing can be opened", missing.join(", "));
    Ok(())
}

/// What to look at when AWS does not open.
fn cannot_open(config: &Config) -> String {
    let aws = &config.aws;
    let of_environment = std::env::var("AWS_REGION").unwrap_or_default();
    let region = match (aws.region.as_str(), of_environment.as_str()) {
        ("", "") => "no region is set by aws.region or AWS_REGION".to_owned(),
        ("", region) => format!("region {region} of AWS_REGION"),
        (region, _) => format!("region {region} of aws.region"),
    };
    format!(
        "cannot open the tables and queues on AWS ({region}; aws.main_table = {:?}, aws.live_table = {:?}, \
         aws.messages_queue = {:?}, aws.notifications_queue = {:?}, and their dead-letter queues): name those of your \
         installation, check that this process may use them, or make them with `dynamowave aws provision`",
        aws.main_table, aws.live_table, aws.messages_queue, aws.notifications_queue
    )
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
