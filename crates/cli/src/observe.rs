//! What the server says about itself: log lines, metrics, traces.
//! Installed once, before anything else starts; the parts themselves only know `tracing` and `metrics`.

use anyhow::{Context as _, Result};
use backend_embedded::Gauges;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    config::{Config, LogFormat},
    journey::{self, Journey},
};

/// Bounds of latency histograms, seconds: from 50 µs to 10 s, about three to a decade.
const LATENCY_BUCKETS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
    10.0,
];
/// Histograms of sizes and counts.
const SIZES: [&str; 3] = [
    "dynamowave_persist_batch_commands",
    "dynamowave_persist_attempts",
    "dynamowave_announce_batch_announcements",
];
/// Their bounds.
const SIZE_BUCKETS: [f64; 13] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 4_096.0, 16_384.0];

/// Installs the metrics recorder, whose text `/metrics` serves. Takes some 10 ms of processor time, because the clock it
/// uses measures itself first.
pub(crate) fn install_metrics() -> Result<PrometheusHandle> {
    let seconds = Matcher::Suffix("_seconds".into());
    let mut builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &LATENCY_BUCKETS)?;
    for name in SIZES {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.into()), &SIZE_BUCKETS)?;
    }
    builder.install_recorder().context("metrics recorder")
}

/// Sets the gauges of the embedded backend.
pub(crate) fn publish(gauges: &Gauges) {
    for (name, value) in [
        ("dynamowave_journal_committed_position", gauges.journal_committed),
        ("dynamowave_journal_first_position", gauges.journal_first),
        ("dynamowave_journal_bytes", gauges.journal_bytes),
        ("dynamowave_store_applied_position", gauges.commands_done),
        ("dynamowave_store_bytes", gauges.store_bytes),
        ("dynamowave_store_memory_bytes", gauges.store_memory_bytes),
        ("dynamowave_queue_memory_bytes", gauges.commands_memory_bytes),
    ] {
        metrics::gauge!(name).set(number(value));
    }
}

/// A count as a gauge takes it.
#[allow(clippy::cast_precision_loss, reason = "gauges are floating point; 2^53 is far away")]
pub(crate) fn number(value: u64) -> f64 {
    value as f64
}

/// Installs logs and traces.
pub(crate) fn install_tracing(config: &Config) -> Result<()> {
    let level = EnvFilter::try_new(&config.log.level)
        .with_context(|| format!("log.level = {:?}", config.log.level))?
        .add_directive(format!("{}=off", journey::TARGET).parse().expect("invariant: a fixed directive"));
    let lines = match config.log.format {
        LogFormat::Text => fmt::layer().with_writer(std::io::stderr).boxed(),
        LogFormat::Json => fmt::layer().json().with_writer(std::io::stderr).boxed(),
    };
    let journey = match config.traces.endpoint.as_str() {
        "" => None,
        endpoint => Some(Journey::start(endpoint, config.traces.ratio)?),
    };
    let stages = filter::Targets::new().with_target(journey::TARGET, tracing::Level::TRACE);
    tracing_subscriber::registry()
        .with(lines.with_filter(level))
        .with(journey.map(|layer| layer.with_filter(stages)))
        .try_init()
        .context("log")?;
    Ok(())
}
