//! The report as data. `schema` changes when a reader of the old one would misread the new one.
//! Holds no folders, names or addresses of the machine.

use std::{collections::BTreeMap, fmt::Display};

use serde::{Deserialize, Serialize};

use crate::measure::{Latency, Machine, Usage};

/// Name and version of the JSON.
pub const SCHEMA: &str = "dynamowave-load/1";

/// One run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// How it was asked for.
    pub command: String,
    /// What it ran on.
    pub machine: Machine,
    /// What the server said its version is, and how it was configured.
    pub server: Vec<String>,
    /// What bare programs reached in the same run.
    pub limits: Vec<Limit>,
    /// What was measured.
    pub scenarios: Vec<Scenario>,
    /// Whether every check of every scenario held.
    pub ok: bool,
}

/// What a program reached that does only the unavoidable system calls.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// Short name.
    pub name: String,
    /// What the program does.
    pub what: String,
    /// What it reached.
    pub figures: Vec<Figure>,
}

/// One scenario with its figures and checks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scenario {
    /// Short name.
    pub name: String,
    /// What was done.
    pub what: String,
    /// Sizes, rates and lengths.
    pub parameters: BTreeMap<String, String>,
    /// Single figures.
    pub figures: Vec<Figure>,
    /// Latencies by what was timed.
    pub latencies: BTreeMap<String, Latency>,
    /// Figures against something that was varied.
    pub series: Vec<Series>,
    /// Counts that must agree.
    pub checks: Vec<Check>,
}

/// One figure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// What.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: String,
}

/// Two counts that must agree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What must hold.
    pub name: String,
    /// What it should be.
    pub expected: u64,
    /// What it was.
    pub found: u64,
    /// Whether it holds.
    pub ok: bool,
    /// The first things that were wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// Figures against something that was varied.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// What is drawn.
    pub name: String,
    /// What was varied, with its unit.
    pub x: String,
    /// What was measured, with its unit.
    pub y: String,
    /// The points.
    pub points: Vec<Point>,
}

/// One point of a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// What was varied.
    pub x: f64,
    /// What was measured.
    pub y: f64,
}

impl Check {
    /// Two counts that must be the same.
    #[must_use]
    pub fn equal(name: impl Into<String>, expected: u64, found: u64) -> Check {
        Check { name: name.into(), expected, found, ok: expected == found, details: Vec::new() }
    }

    /// A count that must reach another.
    #[must_use]
    pub fn at_least(name: impl Into<String>, expected: u64, found: u64) -> Check {
        Check { name: name.into(), expected, found, ok: found >= expected, details: Vec::new() }
    }

    /// A count that must not go over another.
    #[must_use]
    pub fn at_most(name: impl Into<String>, expected: u64, found: u64) -> Check {
        Check { name: name.into(), expected, found, ok: found <= expected, details: Vec::new() }
    }
}

impl Scenario {
    /// An empty one.
    #[must_use]
    pub fn new(name: &str, what: &str) -> Scenario {
        Scenario { name: name.into(), what: what.into(), ..Scenario::default() }
    }

    /// Adds a parameter.
    pub fn parameter(&mut self, name: &str, value: impl Display) {
        self.parameters.insert(name.into(), value.to_string());
    }

    /// Adds a figure.
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: &str) {
        self.figures.push(Figure { name: name.into(), value, unit: unit.into() });
    }

    /// Adds what the server and the generator used during a window in which `units` things happened.
    pub fn usage(&mut self, of: &str, usage: Usage, units: u64, per_million: &str) {
        if let Some(ns) = usage.server_ns.filter(|_| units > 0) {
            self.figure(
                format!("{of}: server CPU per million {per_million}"),
                ns as f64 / 1e9 / (units as f64 / 1e6),
                "CPU-s",
            );
        }
        if let Some(cores) = usage.server_cores() {
            self.figure(format!("{of}: server"), cores, "cores");
        }
        if let Some(cores) = usage.own_cores() {
            self.figure(format!("{of}: generator"), cores, "cores");
        }
    }

    /// Adds a latency.
    pub fn latency(&mut self, name: impl Into<String>, latency: Latency) {
        self.latencies.insert(name.into(), latency);
    }

    /// A figure by its name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }

    /// Whether every check held.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

impl Limit {
    /// A figure by its name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }
}
