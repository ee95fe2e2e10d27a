//! `dynamowave aws restore`: a table as the durable one was at a moment, ready to take its place, and how to switch (D4).
//! Prints; what is done and in which order is the backend's. Changes nothing of what is in use.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use backend_aws::{RestoreFrom, RestorePlan, RestoreStep, Restored};
use chat::ports::Clock as _;
use clap::Args;
use protocol::Time;

use crate::{
    args::ConfigArgs,
    clock::{SystemClock, SystemRandomness},
    limits::RESTORE_TELL_MS,
    nodes,
};

/// What to restore, to when, and what to call it.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Make a table as aws.main_table was at this time, like 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment, required_unless_present = "from_table")]
    to: Option<Time>,
    /// What to call that table [default: the name of the one in use and the time].
    #[arg(long, value_name = "NAME", requires = "to")]
    table: Option<String>,
    /// Finish a table that is there already: restored by hand or from a backup.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["to", "table"])]
    from_table: Option<String>,
}

/// Restores, saying what is done.
pub(crate) fn run(args: &RestoreArgs) -> Result<()> {
    let config = args.config.load(&[])?;
    let plan = plan(args, &config.aws.main_table)?;
    let RestorePlan { source, target, .. } = &plan;
    let mut told = Duration::ZERO;
    let mut tell = |step: RestoreStep| match step {
        RestoreStep::Asked => println!("{target} is being made from the recovery of {source}."),
        RestoreStep::Found => println!("{target} is there."),
        RestoreStep::Waiting(since) if since >= told => {
            told = since + Duration::from_millis(RESTORE_TELL_MS);
            println!("waiting for {target} ({} s)", since.as_secs());
        }
        RestoreStep::Waiting(_) => {}
        RestoreStep::Set { what, already: false } => println!("set: {what}"),
        RestoreStep::Set { what, already: true } => println!("set already: {what}"),
    };
    let restored = nodes::runtime()?.block_on(async {
        let sdk = backend_aws::connect(nodes::region(&config)).await;
        let randomness = Arc::new(SystemRandomness);
        backend_aws::restore(&sdk, &plan, &SystemClock, randomness, &mut tell).await
    })?;
    print!("{}", next_steps(source, target, &restored));
    Ok(())
}

fn plan(args: &RestoreArgs, source: &str) -> Result<RestorePlan> {
    let source = source.to_owned();
    let Some(to) = args.to else {
        let target = args.from_table.clone().unwrap_or_default();
        return Ok(RestorePlan { source, target, from: RestoreFrom::Table });
    };
    ensure!(to.ms() <= SystemClock.now_ms(), "{to} has not come yet: name a moment to go back to");
    let target = args.table.clone().unwrap_or_else(|| default_name(&source, to));
    Ok(RestorePlan { source, target, from: RestoreFrom::Moment(to.ms()) })
}

/// The same for the same moment, so that the same command goes on where it was interrupted.
fn default_name(source: &str, to: Time) -> String {
    let digits: String = to.to_string().chars().take(19).filter(|it| it.is_ascii_alphanumeric()).collect();
    format!("{source}-{digits}Z")
}

fn moment(text: &str) -> Result<Time, String> {
    serde_json::from_value(text.into()).map_err(|_| "write a time like 2026-01-31T12:00:00Z".to_owned())
}

/// What an operator does now.
fn next_steps(source: &str, target: &str, restored: &Restored) -> String {
    let Restored { epoch, stream_label, provisioned } = restored;
    let raised = if epoch.already { "was raised by an earlier run" } else { "is raised" };
    let mut text = format!(
        "The epoch {raised}: {} -> {}. Clients that hold the old history load this one anew.\n\nTo switch:\n\
         1. Stop what writes: gateways, persisters and notifiers, or the functions send, default, http and persist.\n",
        epoch.before, epoch.now
    );
    let stream =
        stream_label.as_ref().map(|label| format!(" --set RestoredTableStream={label}")).unwrap_or_default();
    text += &format!(
        "2. Name the table: aws.main_table = \"{target}\" (DYNAMOWAVE_AWS_MAIN_TABLE); with the stacks of deploy/aws \
         the home's command again with --set RestoredTable={target}{stream} --set-data RestoredTable={target}\n\
         3. Look: dynamowave aws doctor --set aws.main_table={target}\n\
         4. Start what was stopped. What waits in the queues is applied to the restored table; what it holds already \
         is recognised.\n"
    );
    if let Some((reads, writes)) = provisioned {
        text += &scaling(source, target, *reads, *writes);
    }
    text + &format!("{source} stays as it is until somebody deletes it.\n")
}

/// Commands, because the bounds are the operator's to choose.
fn scaling(source: &str, target: &str, reads: i64, writes: i64) -> String {
    let mut text = format!(
        "The table is provisioned for {reads} read and {writes} write units, and does not follow the load yet. The \
         bounds of the old one: aws application-autoscaling describe-scalable-targets --service-namespace dynamodb \
         --resource-ids table/{source}\n"
    );
    for (dimension, metric) in
        [("Read", "DynamoDBReadCapacityUtilization"), ("Write", "DynamoDBWriteCapacityUtilization")]
    {
        let of = format!(
            "--service-namespace dynamodb --resource-id table/{target} --scalable-dimension \
             dynamodb:table:{dimension}CapacityUnits"
        );
        text += &format!(
            "  aws application-autoscaling register-scalable-target {of} --min-capacity MIN --max-capacity MAX\n  \
             aws application-autoscaling put-scaling-policy {of} --policy-name {target}-{dimension} --policy-type \
             TargetTrackingScaling --target-tracking-scaling-policy-configuration \
             'TargetValue=70,PredefinedMetricSpecification={{PredefinedMetricType={metric}}}'\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use backend_aws::Raised;

    use super::*;

    fn restored(already: bool) -> Restored {
        let epoch = Raised { before: "old".to_owned(), now: "new".to_owned(), already };
        Restored { epoch, stream_label: None, provisioned: None }
    }

    #[test]
    fn the_same_moment_has_the_same_name() {
        let to = moment("2026-01-31T12:00:00+01:00").expect("a time");
        assert_eq!(default_name("dynamowave-main", to), "dynamowave-main-20260131T110000Z");
        assert!(moment("yesterday").is_err());
    }

    #[test]
    fn what_is_left_to_do_is_told() {
        let text = next_steps("main", "main-2", &restored(false));
        assert!(text.contains("old -> new") && text.contains("RestoredTable=main-2 --set-data"), "{text}");
        assert!(!text.contains("autoscaling"), "{text}");
        let all = Restored {
            stream_label: Some("2026-01-31T12:00:00.000".to_owned()),
            provisioned: Some((10, 20)),
            ..restored(true)
        };
        let text = next_steps("main", "main-2", &all);
        assert!(text.contains("earlier run") && text.contains("RestoredTableStream=2026-01-31T12"), "{text}");
        assert_eq!(text.matches("put-scaling-policy").count(), 2, "{text}");
    }
}
