//! Which crate may name which: the table of `ARCHITECTURE.md`, compared with what `cargo metadata` says.
//! Invariant: an arrow that is not listed fails, and a listed arrow that nobody uses stays allowed; tests have their own.

use anyhow::Result;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::{Finding, Repository, purity::PURE};

/// What one crate may depend on among ours.
#[derive(Debug)]
pub struct Arrows {
    /// The crate.
    pub from: &'static str,
    /// What its code may name.
    pub to: &'static [&'static str],
    /// What its tests and benches may name besides.
    pub tests: &'static [&'static str],
}

/// The table. Tests of an edge run over the real backend and the real pipeline, hence their own column.
pub const ARROWS: &[Arrows] = &[
    Arrows { from: "chat", to: &[], tests: &[] },
    Arrows { from: "journal", to: &[], tests: &[] },
    Arrows { from: "protocol", to: &["chat"], tests: &[] },
    Arrows { from: "pipeline", to: &["chat"], tests: &["conformance", "backend-embedded"] },
    Arrows {
        from: "api",
        to: &["chat", "protocol"],
        tests: &["backend-embedded", "pipeline", "conformance"],
    },
    Arrows {
        from: "gateway",
        to: &["chat", "protocol", "api"],
        tests: &["backend-embedded", "pipeline", "conformance"],
    },
    Arrows { from: "backend-embedded", to: &["chat", "journal"], tests: &["pipeline", "conformance"] },
    Arrows { from: "backend-aws", to: &["chat"], tests: &["pipeline", "conformance"] },
    Arrows {
        from: "lambda",
        to: &["chat", "protocol", "api", "pipeline", "backend-aws"],
        tests: &["conformance"],
    },
    Arrows {
        from: "cli",
        to: &[
            "chat",
            "protocol",
            "journal",
            "pipeline",
            "api",
            "gateway",
            "backend-embedded",
            "backend-aws",
            "conformance",
            "moving",
        ],
        tests: &[],
    },
    Arrows { from: "moving", to: &["chat"], tests: &["backend-embedded", "conformance", "pipeline"] },
    Arrows { from: "load", to: &["protocol"], tests: &["chat"] },
    Arrows { from: "conformance", to: &["chat", "protocol", "pipeline", "journal"], tests: &[] },
    Arrows { from: "xtask", to: &["chat"], tests: &[] },
];

/// External crates that pure crates may not depend on: runtimes, web frameworks, clouds, randomness.
const IMPURE: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "tower",
    "rand",
    "getrandom",
    "fastrand",
    "mio",
    "reqwest",
    "tracing-subscriber",
];

/// Crates that only builds for AWS may pull in; they stay out of `default-members`.
const AWS_ONLY: &[&str] = &["backend-aws", "lambda"];

/// Asks cargo and compares.
///
/// # Errors
/// When cargo fails.
pub fn check(repository: &Repository) -> Result<Vec<Finding>> {
    let mut command = MetadataCommand::new();
    command.no_deps().manifest_path(repository.root.join("Cargo.toml"));
    Ok(compare(&command.exec()?))
}

/// Compares what cargo said with the table.
#[must_use]
pub fn compare(metadata: &Metadata) -> Vec<Finding> {
    let ours: Vec<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in &metadata.packages {
        findings.extend(check_package(package, &ours));
    }
    findings.extend(check_default_members(metadata));
    findings
}

fn check_package(package: &Package, ours: &[&str]) -> Vec<Finding> {
    let name = package.name.as_str();
    let path = format!("crates/{name}/Cargo.toml");
    let Some(arrows) = ARROWS.iter().find(|arrows| arrows.from == name) else {
        return vec![Finding::of(
            &path,
            format!("{name} is not in the table of arrows; a new crate needs an ADR"),
        )];
    };
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let (target, kind) = (dependency.name.as_str(), dependency.kind);
        let for_tests = kind == DependencyKind::Development;
        let allowed = arrows.to.contains(&target) || (for_tests && arrows.tests.contains(&target));
        if ours.contains(&target) && !allowed {
            findings.push(Finding::of(&path, format!("{name} → {target} ({kind}) is not an allowed arrow")));
        }
        let impure = IMPURE.contains(&target) || target.starts_with("aws-");
        if PURE.contains(&name) && !for_tests && impure {
            findings.push(Finding::of(&path, format!("{name} is pure and may not depend on {target}")));
        }
        let cloud =
            target.starts_with("aws-sdk-") || target == "aws-config" || target.starts_with("aws-smithy-");
        if cloud && name != "backend-aws" {
            findings.push(Finding::of(&path, format!("only backend-aws may depend on {target}")));
        }
    }
    let additive = |feature: &str| name == "cli" && matches!(feature, "default" | "aws");
    for feature in package.features.keys().filter(|feature| !additive(feature)) {
        findings.push(Finding::of(&path, format!("feature `{feature}`: only cli has one, `aws`")));
    }
    findings
}

/// A plain build is everything but what names a cloud.
fn check_default_members(metadata: &Metadata) -> Vec<Finding> {
    let default: Vec<&str> =
        metadata.workspace_default_packages().iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let message = match (AWS_ONLY.contains(&name), default.contains(&name)) {
            (true, true) => format!("{name} belongs outside default-members: a plain build needs no cloud"),
            (false, false) => format!("{name} is missing in default-members: a plain build leaves it out"),
            _ => continue,
        };
        findings.push(Finding::of("Cargo.toml", message));
    }
    findings
}
