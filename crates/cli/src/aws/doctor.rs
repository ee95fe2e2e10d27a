//! `dynamowave aws doctor`: what was found, one line each, with what to do about it.
//! Prints; what is right and wrong is decided by the backend.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Result, bail};
use backend_aws::{Finding, InspectOptions, Role, Verdict};
use clap::Args;
use serde_json::json;

use crate::{
    args::ConfigArgs,
    clock::{SystemClock, SystemRandomness},
    nodes,
};

/// What is looked at, and how it is told.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Fail on every right that this program needs and this identity lacks: gateway, persister, notifier or operator.
    /// Without it all rights are tried, and one that is lacking is a warning.
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// Looks, prints, and fails when something does.
pub(crate) fn run(args: &DoctorArgs) -> Result<()> {
    let config = args.config.load(&[])?;
    let options = InspectOptions {
        files_bucket: Some(config.aws.files_bucket.clone()).filter(|bucket| !bucket.is_empty()),
        role: args.role,
    };
    let found = nodes::runtime()?.block_on(async {
        let sdk = backend_aws::connect(nodes::region(&config)).await;
        let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
        backend_aws::inspect(&sdk, &nodes::names(&config), &options, clock, randomness).await
    });
    for finding in &found {
        println!("{}", if args.json { as_json(finding) } else { line(finding) });
    }
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for finding in &found {
        *counts.entry(finding.verdict).or_default() += 1;
    }
    let counted: Vec<String> =
        counts.iter().map(|(verdict, count)| format!("{count} {}", verdict.word())).collect();
    let summary = format!("{} checks: {}", found.len(), counted.join(", "));
    if counts.contains_key(&Verdict::Fail) {
        bail!("{summary}");
    }
    if !args.json {
        println!("{summary}");
    }
    Ok(())
}

fn line(finding: &Finding) -> String {
    let Finding { verdict, check, subject, detail, advice } = finding;
    let advice = advice.as_ref().map(|advice| format!(" -> {advice}")).unwrap_or_default();
    format!("{:<4}  {check:<17} {subject}: {detail}{advice}", verdict.word())
}

fn as_json(finding: &Finding) -> String {
    let Finding { verdict, check, subject, detail, advice } = finding;
    json!({"verdict": verdict.word(), "check": check, "subject": subject, "detail": detail, "advice": advice})
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line() {
        let finding = Finding {
            verdict: Verdict::Fail,
            check: "table.keys",
            subject: "main".to_owned(),
            detail: "its keys are partition id".to_owned(),
            advice: Some("make it again".to_owned()),
        };
        assert_eq!(
            line(&finding),
            "fail  table.keys        main: its keys are partition id -> make it again"
        );
        let read: serde_json::Value = serde_json::from_str(&as_json(&finding)).expect("JSON");
        assert_eq!((&read["verdict"], &read["subject"]), (&json!("fail"), &json!("main")));
    }
}
