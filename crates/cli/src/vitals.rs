//! Figures of the process for the admins' charts, read from the metrics that are there anyway.
//! Counts nothing itself: what `/metrics` tells a collector, this tells a person.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use chat::TimestampMs;
use metrics_exporter_prometheus::PrometheusHandle;
use protocol::http::health::{HealthLatencies, HealthTotals};

use crate::limits::{LATENCY_SNAPSHOT_MS, LATENCY_SNAPSHOTS_MAX};

const ACCEPTED: &str = "dynamowave_accepted_seconds";
const DELIVERED: &str = "dynamowave_delivered_seconds";
const STORED: &str = "dynamowave_persist_accept_to_stored_seconds";

/// Reads the figures.
pub(crate) struct Vitals {
    metrics: PrometheusHandle,
    on_disk: Box<dyn Fn() -> OnDisk + Send + Sync>,
    started_at: TimestampMs,
    /// Histograms as they were, oldest first: latencies are those since then.
    snapshots: Mutex<VecDeque<(Instant, Histograms)>>,
}

/// What a backend keeps on disks of its own, where it does.
#[derive(Default)]
pub(crate) struct OnDisk {
    pub(crate) store_bytes: Option<u64>,
    pub(crate) journal_bytes: Option<u64>,
}

/// Counts up to each bound, microseconds, of the three histograms.
#[derive(Debug, Clone, Default)]
struct Histograms {
    accepted: Buckets,
    stored: Buckets,
    delivered: Buckets,
}

type Buckets = BTreeMap<u64, u64>;

impl Vitals {
    pub(crate) fn new(
        metrics: PrometheusHandle,
        on_disk: Box<dyn Fn() -> OnDisk + Send + Sync>,
        started_at: TimestampMs,
    ) -> Vitals {
        // Before anything had happened: what came since the start counts from the first look on.
        let snapshots = Mutex::new(VecDeque::from([(Instant::now(), Histograms::default())]));
        Vitals { metrics, on_disk, started_at, snapshots }
    }

    /// The figures of this moment.
    pub(crate) fn read(&self) -> api::Vitals {
        self.metrics.run_upkeep();
        let text = self.metrics.render();
        let on_disk = (self.on_disk)();
        api::Vitals {
            started_at: self.started_at,
            connections: sum(&text, "dynamowave_sockets"),
            totals: totals(&text),
            latencies: self.latencies(&text),
            memory_bytes: resident_bytes(),
            store_bytes: on_disk.store_bytes,
            journal_bytes: on_disk.journal_bytes,
        }
    }

    fn latencies(&self, text: &str) -> HealthLatencies {
        let now = Histograms {
            accepted: buckets(text, ACCEPTED),
            stored: buckets(text, STORED),
            delivered: buckets(text, DELIVERED),
        };
        let before = self.since(&now);
        let accepted = |part| quantile(&now.accepted, &before.accepted, part);
        let stored = |part| quantile(&now.stored, &before.stored, part);
        let delivered = |part| quantile(&now.delivered, &before.delivered, part);
        HealthLatencies {
            accepted_p50_ms: accepted(0.5),
            accepted_p99_ms: accepted(0.99),
            stored_p50_ms: stored(0.5),
            stored_p99_ms: stored(0.99),
            delivered_p50_ms: delivered(0.5),
            delivered_p99_ms: delivered(0.99),
        }
    }

    /// The oldest snapshot kept; keeps this one too if the last is old enough.
    fn since(&self, now: &Histograms) -> Histograms {
        let mut snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due =
            snapshots.back().is_none_or(|(at, _)| at.elapsed() >= Duration::from_millis(LATENCY_SNAPSHOT_MS));
        let before = snapshots.front().map(|(_, histograms)| histograms.clone()).unwrap_or_default();
        if is_due {
            snapshots.push_back((Instant::now(), now.clone()));
        }
        if snapshots.len() > LATENCY_SNAPSHOTS_MAX {
            snapshots.pop_front();
        }
        before
    }
}

fn totals(text: &str) -> HealthTotals {
    HealthTotals {
        connections: sum(text, "dynamowave_sockets_opened_total"),
        accepted: sum(text, "dynamowave_commands_submitted_total"),
        rejected: sum(text, "dynamowave_commands_rejected_total"),
        stored: sum(text, "dynamowave_persist_stored_total"),
        delivered: sum(text, "dynamowave_deliveries_total"),
        slow_down: sum_where(text, "dynamowave_http_requests_total", "status=\"429\""),
        dropped: sum(text, "dynamowave_frames_dropped_slow_reader_total")
            + sum(text, "dynamowave_frames_dropped_news_full_total"),
        dead_letters: sum(text, "dynamowave_persist_dead_total")
            + sum(text, "dynamowave_announce_dead_total"),
        requests: sum(text, "dynamowave_http_requests_total"),
    }
}

/// The samples of a metric: labels and value.
fn samples<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
    text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.split_once('}')?,
            None => ("", rest.strip_prefix(' ')?),
        };
        Some((labels, value.trim().parse().ok()?))
    })
}

fn sum(text: &str, name: &str) -> u64 {
    whole(samples(text, name).map(|(_, value)| value).sum())
}

fn sum_where(text: &str, name: &str, label: &str) -> u64 {
    whole(samples(text, name).filter(|(labels, _)| labels.contains(label)).map(|(_, value)| value).sum())
}

fn buckets(text: &str, name: &str) -> Buckets {
    let mut buckets = Buckets::new();
    let name = format!("{name}_bucket");
    for (labels, count) in samples(text, &name) {
        let Some(bound) = labels.split("le=\"").nth(1).and_then(|rest| rest.split('"').next()) else {
            continue;
        };
        let bound_us = bound.parse::<f64>().map_or(u64::MAX, |seconds| whole(seconds * 1_000_000.0));
        *buckets.entry(bound_us).or_default() += whole(count);
    }
    buckets
}

/// The value that this part of what came since `before` lies below, milliseconds; between two bounds on a line.
#[allow(clippy::cast_precision_loss, reason = "a figure for a chart")]
fn quantile(now: &Buckets, before: &Buckets, part: f64) -> Option<f64> {
    let since =
        |bound: u64, count: u64| count.saturating_sub(before.get(&bound).copied().unwrap_or_default());
    let total = now.iter().map(|(bound, count)| since(*bound, *count)).max().filter(|total| *total > 0)?;
    let wanted = total as f64 * part;
    let (mut lower_us, mut below) = (0, 0_u64);
    for (bound, count) in now {
        let up_to = since(*bound, *count);
        if up_to as f64 >= wanted {
            if *bound == u64::MAX {
                return Some(lower_us as f64 / 1_000.0);
            }
            let share = (wanted - below as f64) / (up_to - below).max(1) as f64;
            return Some((lower_us as f64 + share * (bound - lower_us) as f64) / 1_000.0);
        }
        (lower_us, below) = (*bound, up_to);
    }
    None
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are whole and not negative"
)]
fn whole(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

/// Resident memory, where `/proc` tells it.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE x counter\nx{a=\"1\",status=\"429\"} 3\nx{a=\"2\"} 4\nx_more 9\n\
        h_bucket{le=\"0.001\"} 5\nh_bucket{le=\"0.01\"} 10\nh_bucket{le=\"+Inf\"} 10\n";

    #[test]
    fn figures_are_read_from_the_text_of_the_metrics() {
        assert_eq!((sum(TEXT, "x"), sum_where(TEXT, "x", "status=\"429\""), sum(TEXT, "y")), (7, 3, 0));
    }

    #[test]
    fn quantiles_are_of_what_came_since() {
        let now = buckets(TEXT, "h");
        let half = quantile(&now, &Buckets::new(), 0.5).unwrap();
        assert!((half - 1.0).abs() < 0.001, "{half}");
        let late = quantile(&now, &Buckets::from([(1_000, 5), (10_000, 5), (u64::MAX, 5)]), 0.5).unwrap();
        assert!((late - 5.5).abs() < 0.001, "{late}: all that came since is between 1 and 10");
        assert_eq!(quantile(&now, &now, 0.5), None);
    }
}
