//! Composition: names of tables and queues, connections to the services, and the ports over them.
//! Does not make what it opens; that is for `provision`.

use std::{sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use chat::{
    Announcement, Envelope,
    ports::{Clock, Commands, Moving, PortError, Queue, Randomness, Search, Store},
};

use crate::{
    commands::{Applied, AwsCommands, Waited},
    directory::AwsDirectory,
    epoch::{self, Home},
    jitter::Jitter,
    limits::{
        LEASE_MS, QUEUE_ITEMS_MAX, RECEIVES_MAX, REQUEST_BACKOFF_MS, REQUEST_TOTAL_MS, REQUEST_TRIES_MAX,
        REQUEST_TRY_MS, WORKER_LEASE_MS,
    },
    moving::AwsMoving,
    queue::{AwsQueue, Leases, MESSAGES, QueuePlace, Renew},
    search::AwsSearch,
    store::{AwsStore, Core},
    table::Table,
    usage::Usage,
};

/// What the tables and queues of one installation are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsNames {
    /// The durable table.
    pub main_table: String,
    /// The table of what lives shortly.
    pub live_table: String,
    /// Commands on their way.
    pub messages: QueueNames,
    /// Announcements on their way.
    pub notifications: QueueNames,
}

/// A queue and where the service puts what was received too often. Each is a name or, where it begins with `http`, the
/// queue's URL, and then nobody has to ask for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueNames {
    /// The queue; its name ends in `.fifo`.
    pub queue: String,
    /// Its dead-letter queue; its name ends in `.fifo`.
    pub dead: String,
}

/// How queues behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwsOptions {
    /// Life of a lease.
    pub lease: Duration,
    /// Items of a queue, waiting and leased, above which it answers `Overloaded`.
    pub queue_items_max: u64,
    /// Receives after which the service gives up, as provisioned.
    pub receives_max: u32,
}

/// An open installation: the ports, and what the persister has to call.
#[derive(Clone)]
pub struct Aws {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Commands on their way.
    pub messages: Arc<dyn Queue<Envelope>>,
    /// Announcements on their way.
    pub notifications: Arc<dyn Queue<Announcement>>,
    /// The way in.
    pub commands: Arc<dyn Commands>,
    /// The connection table.
    pub directory: AwsDirectory,
    /// Searching in messages.
    pub search: Arc<dyn Search>,
    /// Moving in and out.
    pub moving: Arc<dyn Moving>,
    /// To be called with every durable outcome by a persister in this process.
    pub applied: Applied,
    /// Renews what is leased here.
    pub leases: Leases,
    /// What the tables were asked for.
    pub usage: Arc<Usage>,
}

impl AwsNames {
    /// The names of the installation with this prefix: letters, digits and `-`, at most 40.
    #[must_use]
    pub fn with_prefix(prefix: &str) -> AwsNames {
        let queue = |name: &str| QueueNames {
            queue: format!("{prefix}-{name}.fifo"),
            dead: format!("{prefix}-{name}-dead.fifo"),
        };
        AwsNames {
            main_table: format!("{prefix}-main"),
            live_table: format!("{prefix}-live"),
            messages: queue("messages"),
            notifications: queue("notifications"),
        }
    }
}

impl AwsOptions {
    /// For a process that works on what the queues carry and renews its leases meanwhile ([`Leases::keep`]).
    #[must_use]
    pub fn of_worker() -> AwsOptions {
        AwsOptions { lease: Duration::from_millis(WORKER_LEASE_MS), ..AwsOptions::default() }
    }
}

impl Default for AwsOptions {
    fn default() -> AwsOptions {
        AwsOptions {
            lease: Duration::from_millis(LEASE_MS),
            queue_items_max: QUEUE_ITEMS_MAX,
            receives_max: RECEIVES_MAX,
        }
    }
}

/// The way to the services: region, endpoint and credentials from the environment and its files as every tool of AWS
/// finds them (`AWS_ENDPOINT_URL` included), tries with full jitter, bounded in number and time.
pub async fn connect(region: Option<String>) -> SdkConfig {
    connect_to(region, None).await
}

/// Tries again soon at first: somebody waits for every one of these requests.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(REQUEST_TRIES_MAX)
        .with_initial_backoff(Duration::from_millis(REQUEST_BACKOFF_MS))
}

/// The same, to services at this endpoint whatever the environment names.
pub async fn connect_to(region: Option<String>, endpoint: Option<String>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(REQUEST_TRY_MS))
        .operation_timeout(Duration::from_millis(REQUEST_TOTAL_MS))
        .build();
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).retry_config(retries()).timeout_config(timeouts);
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

impl Aws {
    /// Opens an installation that is provisioned. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// When a table or a queue does not answer, or is not there; `Unsupported` when what another home held is half taken
    /// in, or when another region is the home of the history.
    pub async fn open(
        sdk: &SdkConfig,
        names: &AwsNames,
        options: AwsOptions,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Aws, PortError> {
        Aws::open_any(sdk, names, options, (clock, randomness), true).await
    }

    /// Opens it for taking in what another home held. What reads the epoch has to open it again afterwards.
    ///
    /// # Errors
    /// As [`Aws::open`], but for what is half taken in.
    pub async fn open_to_take_in(
        sdk: &SdkConfig,
        names: &AwsNames,
        options: AwsOptions,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Aws, PortError> {
        Aws::open_any(sdk, names, options, (clock, randomness), false).await
    }

    async fn open_any(
        sdk: &SdkConfig,
        names: &AwsNames,
        options: AwsOptions,
        (clock, randomness): (Arc<dyn Clock>, Arc<dyn Randomness>),
        is_to_be_served: bool,
    ) -> Result<Aws, PortError> {
        let (tables, queues) = (aws_sdk_dynamodb::Client::new(sdk), aws_sdk_sqs::Client::new(sdk));
        let (usage, jitter) = (Arc::new(Usage::default()), Jitter::new(randomness));
        let table = |name: &str| Table::new(tables.clone(), name, Arc::clone(&usage), jitter.clone());
        let (main, live) = (table(&names.main_table), table(&names.live_table));
        let home = Home::new(sdk);
        let epoch = epoch::open(&main, &jitter, &home, is_to_be_served).await?;
        let core = Arc::new(Core::new(main.clone(), Arc::clone(&clock), jitter.clone(), epoch, home));
        let store: Arc<dyn Store> = Arc::new(AwsStore(Arc::clone(&core)));
        let waited = Waited::default();
        let messages_place = QueuePlace::find(&queues, MESSAGES, &names.messages, options).await?;
        let notifications_place =
            QueuePlace::find(&queues, "notifications", &names.notifications, options).await?;
        let messages: AwsQueue<Envelope> = AwsQueue::new(
            queues.clone(),
            messages_place,
            main.clone(),
            Arc::clone(&clock),
            Some(waited.note()),
        );
        let notifications: AwsQueue<Announcement> =
            AwsQueue::new(queues, notifications_place, main, Arc::clone(&clock), None);
        Ok(Aws {
            commands: Arc::new(AwsCommands::new(messages.clone(), live.clone(), jitter)),
            applied: waited.applied(live.clone(), Arc::clone(&clock)),
            directory: AwsDirectory::new(live, Arc::clone(&store), clock),
            moving: Arc::new(AwsMoving(Arc::clone(&core))),
            search: Arc::new(AwsSearch::new(core)),
            leases: Leases::of(vec![
                Arc::new(messages.clone()) as Arc<dyn Renew>,
                Arc::new(notifications.clone()),
            ]),
            messages: Arc::new(messages),
            notifications: Arc::new(notifications),
            store,
            usage,
        })
    }
}
