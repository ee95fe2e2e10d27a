//! Latencies in HDR histograms: three significant digits from 1 µs to two minutes.
//! Invariant: what is longer than the longest is counted as the longest, never dropped.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::{
    clock::{NS_PER_MS, to_ms},
    limits::LATENCY_MS_MAX,
};

/// A growing set of latencies.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

/// What is reported of a set of latencies, milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Half were at most this.
    pub p50_ms: f64,
    /// 90 % were at most this.
    pub p90_ms: f64,
    /// 99 % were at most this.
    pub p99_ms: f64,
    /// 99.9 % were at most this.
    pub p999_ms: f64,
    /// All were at most this.
    pub max_ms: f64,
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1_000, LATENCY_MS_MAX * NS_PER_MS, 3);
        Latencies(histogram.expect("invariant: the bounds are constants that the histogram accepts"))
    }
}

impl Latencies {
    /// Adds one, nanoseconds.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// Adds all of another set.
    pub fn merge(&mut self, other: &Latencies) {
        self.0.add(&other.0).expect("invariant: all sets have the same bounds");
    }

    /// What is reported.
    #[must_use]
    pub fn summary(&self) -> Latency {
        let at = |quantile: f64| to_ms(self.0.value_at_quantile(quantile));
        Latency {
            count: self.0.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: to_ms(self.0.max()),
        }
    }
}
