//! A gateway as a process, one of several: sockets, a port for announcements, a row that tells where it is.
//! Composes, as `serve` does for the embedded home; its end is announced before it comes.

use std::{
    fs,
    net::{SocketAddr, UdpSocket},
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
use chat::ports::Announcer;
use gateway::{Gateway, Hub, TlsFiles};
use metrics_exporter_prometheus::PrometheusHandle;
use object_store::{ObjectStore, aws::AmazonS3Builder, local::LocalFileSystem};
use tokio::sync::watch;

use super::{
    ENDPOINT, Installation,
    identity::{Identity, NODE_NAME},
    listener::Listener,
    row::{Row, Surroundings},
    stopped,
};
use crate::{
    compose::{self, Parts},
    config::Config,
    health::{self, Health},
    pages, sweeper,
    vitals::{OnDisk, Vitals},
};

/// Addresses for documentation: nobody is there.
const FAR_IPV4: &str = "192.0.2.1:9";
const FAR_IPV6: &str = "[2001:db8::1]:9";

/// Steps 1 to 5 and 8 in a process of its own. `operator_token` is good for the routes under `/v1/admin`.
pub(super) async fn serve(
    installation: Installation,
    config: &Config,
    metrics: PrometheusHandle,
    operator_token: Option<String>,
) -> Result<()> {
    let mut options = compose::gateway_options(config)?;
    if options.tls.is_none() && config.node.self_signed {
        options.tls = Some(self_signed()?);
    }
    let (hub, inboxes) = Hub::new(options.shard_count());
    let ports = &installation.ports;
    let node = compose::new_node(&*ports.clock, &*ports.randomness);
    let identity = Identity::of(&config.node)?;
    let listener = Listener::bind(config.node_listen()?, identity.clone()).await?;
    let address = match config.node.address.as_str() {
        "" => reached_at(listener.local_address()?)?.to_string(),
        address => address.to_owned(),
    };
    let announcer: Arc<dyn Announcer> =
        Arc::new(installation.peers(Some((node, Arc::clone(&hub))), identity));
    let vitals = Vitals::new(metrics.clone(), Box::new(OnDisk::default), ports.clock.now_ms());
    let parts = Parts {
        node,
        announcer,
        files: files(config)?,
        operator_token,
        vitals: Box::new(move || vitals.read()),
    };
    let app = Arc::new(compose::app(config, ports, parts)?);
    let (directory, clock) = (installation.aws.directory.clone(), Arc::clone(&ports.clock));
    let row = Arc::new(Row { directory, clock, node, address });
    // Before there is a socket, so that whoever looks for its people finds it.
    let until = row.keep(0, false).await.context("cannot write to the connection table")?;
    let telling = tokio::spawn(listener.run(node, Arc::clone(&hub)));
    let (stop_sweeper, sweeper) = sweeper::start(&app, config.aws.files_bucket.is_empty())?;
    let health = Arc::new(health_of(&app, metrics));
    let options = gateway::Options {
        extra_router: Some(health::router(Arc::clone(&health))),
        pages: Some(pages::router()),
        ..options
    };
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let stopped = stopped()?;
    let mut gateway = Gateway::start(options, inboxes, app).context("cannot listen")?;
    let (leave, leaving) = watch::channel(false);
    let sockets = Box::new(gateway.counter());
    let around = Surroundings { hub, sockets, leaving, shed_per_mille: config.node.shed_per_mille };
    let renewing = tokio::spawn(Arc::clone(&row).renew(until, around));
    compose::announce(scheme, gateway.local_address())?;
    let end = tokio::select! {
        () = stopped => Ok(()),
        reason = gateway.failed() => Err(anyhow!("the gateway failed: {reason}")),
    };
    health.draining.store(true, Ordering::Relaxed);
    leave.send_replace(true);
    if end.is_ok() {
        notice(config, &mut gateway).await;
    }
    tracing::info!("stopping: clients are told to reconnect");
    gateway.drain().await;
    renewing.abort();
    row.forget().await;
    telling.abort();
    drop(stop_sweeper);
    if sweeper.join().is_err() {
        bail!("the sweeper panicked");
    }
    end
}

/// A certificate that nobody can verify.
fn self_signed() -> Result<TlsFiles> {
    let made = rcgen::generate_simple_self_signed(vec![NODE_NAME.to_owned()]).context("node.self_signed")?;
    Ok(TlsFiles { certificate: made.cert.pem().into(), key: made.signing_key.serialize_pem().into() })
}

/// Where others reach what listens there. All addresses of a machine are none for others: then it is the one from which
/// the machine would reach somebody far away. Nothing is sent to find out.
fn reached_at(listening: SocketAddr) -> Result<SocketAddr> {
    if !listening.ip().is_unspecified() {
        return Ok(listening);
    }
    let (own, far) = if listening.is_ipv4() { ("0.0.0.0:0", FAR_IPV4) } else { ("[::]:0", FAR_IPV6) };
    let found = UdpSocket::bind(own).and_then(|socket| {
        socket.connect(far)?;
        socket.local_addr()
    });
    let cannot = || format!("set node.address: where others reach {listening} cannot be found out");
    Ok(SocketAddr::new(found.with_context(cannot)?.ip(), listening.port()))
}

/// Goes on for a moment, not ready any more, so that the load balancer sends nobody here when the port closes.
async fn notice(config: &Config, gateway: &mut Gateway) {
    tracing::info!(notice_ms = config.node.notice_ms, "leaving: not ready any more, still serving");
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(config.node.notice_ms)) => {}
        _ = gateway.failed() => {}
    }
}

/// Files of all nodes lie in one bucket, or in one folder that all of them see. Region, endpoint and credentials come
/// from where the SDK finds them.
pub(crate) fn files(config: &Config) -> Result<Arc<dyn ObjectStore>> {
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
        // The queue is everybody's: when it is full or does not answer, commands are answered `slow_down` or
        // `unavailable`, and taking all gateways away helps nobody.
        writable: Box::new(|| true),
        ready_age_max_ms: None,
        draining: AtomicBool::new(false),
    }
}
