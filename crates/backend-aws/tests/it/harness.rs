//! Opens installations of their own in the emulator, so that no test sees another's tables and queues.
//! Invariant: the endpoint is on this machine; nothing here can reach an account of AWS.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use backend_aws::{Aws, AwsNames, AwsOptions, ProvisionOptions, connect, connect_to, provision};
use chat::{
    NodeId, TimestampMs,
    ports::{Clock, Randomness},
};
use conformance::harness::{Backend, Harness};

/// Life of a lease in the suites: long enough for a slow machine, short enough to wait for.
pub(crate) const LEASE: Duration = Duration::from_secs(5);

/// The real time: what the services stamp has to agree with it.
pub(crate) struct WallClock;

/// The system's randomness.
pub(crate) struct SystemRandomness;

impl Clock for WallClock {
    fn now_ms(&self) -> TimestampMs {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        u64::try_from(now.as_millis()).expect("a clock before the year 500 million")
    }
}

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("randomness");
    }
}

/// Opens backends over the emulator.
#[derive(Default)]
pub(crate) struct AwsHarness {
    current: Mutex<Option<(AwsNames, AwsOptions)>>,
}

impl AwsHarness {
    pub(crate) fn new() -> AwsHarness {
        AwsHarness::default()
    }

    async fn fresh(&self, options: AwsOptions) -> Backend {
        let names = fresh_names(options.receives_max).await;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((names.clone(), options));
        backend(&open(&names, options).await)
    }
}

/// The way to the emulator. What happens is logged as `RUST_LOG` says.
pub(crate) async fn sdk() -> aws_config::SdkConfig {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    // The first test of a process sets it.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    named("AWS_ENDPOINT_URL");
    connect(Some("eu-west-1".to_owned())).await
}

/// The way to the emulator through the proxy that fails as `tests/faults.yaml` says.
pub(crate) async fn faulty_sdk() -> aws_config::SdkConfig {
    connect_to(Some("eu-west-1".to_owned()), Some(named("FAULTS_URL"))).await
}

fn named(variable: &str) -> String {
    let endpoint = std::env::var(variable).expect("no emulator is named; run `make test-aws`");
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint} is not on this machine");
    endpoint
}

/// A new, empty installation.
pub(crate) async fn fresh_names(receives_max: u32) -> AwsNames {
    let mut random = [0; 6];
    SystemRandomness.fill(&mut random);
    let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let names = AwsNames::with_prefix(&format!("t{random}"));
    let options = ProvisionOptions {
        deletion_protection: false,
        receives_max,
        lease: LEASE,
        ..ProvisionOptions::default()
    };
    provision(&sdk().await, &names, &options).await.expect("provision");
    names
}

pub(crate) async fn open(names: &AwsNames, options: AwsOptions) -> Aws {
    open_by(&sdk().await, names, options).await
}

pub(crate) async fn open_by(sdk: &aws_config::SdkConfig, names: &AwsNames, options: AwsOptions) -> Aws {
    let (clock, randomness) = (Arc::new(WallClock), Arc::new(SystemRandomness));
    Aws::open(sdk, names, options, clock, randomness).await.expect("open")
}

pub(crate) fn options() -> AwsOptions {
    AwsOptions { lease: LEASE, ..AwsOptions::default() }
}

pub(crate) fn backend(aws: &Aws) -> Backend {
    Backend {
        store: aws.store.clone(),
        messages: aws.messages.clone(),
        notifications: aws.notifications.clone(),
        commands: aws.commands.clone(),
        directory: Arc::new(aws.directory.clone()),
        search: aws.search.clone(),
        clock: Arc::new(WallClock),
        randomness: Arc::new(SystemRandomness),
        applied: Some(aws.applied.clone()),
        nodes: vec![NodeId::from_u128(1), NodeId::from_u128(2)],
    }
}

#[async_trait]
impl Harness for AwsHarness {
    async fn open(&self) -> Backend {
        self.fresh(options()).await
    }

    async fn restart(&self, backend: Backend) -> Backend {
        drop(backend);
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (names, options) = current.expect("a backend is open before it is restarted");
        self::backend(&open(&names, options).await)
    }

    async fn open_bounded(&self, items_max: usize) -> Option<Backend> {
        let queue_items_max = u64::try_from(items_max).expect("a small number");
        Some(self.fresh(AwsOptions { queue_items_max, ..options() }).await)
    }

    fn lease_life(&self) -> Option<Duration> {
        Some(LEASE)
    }
}
