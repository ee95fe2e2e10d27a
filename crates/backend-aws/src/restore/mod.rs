//! Bringing the durable table back to a moment (D4): a new table is made from the recovery of the one in use, gets
//! everything that a new table lacks, and a new epoch, so that clients load their history anew.
//! Does not switch to it and changes nothing of the table in use. Invariant: safe to repeat; the epoch of one table is
//! raised once, and last, so that a table with a raised epoch lacks nothing.

mod epoch;
mod settings;

use std::{sync::Arc, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    primitives::DateTime,
    types::{
        BillingMode, PointInTimeRecoveryDescription, PointInTimeRecoveryStatus, SseSpecification, SseType,
        TableDescription, TableStatus,
    },
};
use chat::{
    TimestampMs,
    ports::{Clock, PortError, Randomness},
};
use thiserror::Error;
use tokio::time::Instant;

pub use self::epoch::Raised;
use crate::{
    error::failed,
    jitter::Jitter,
    limits::{RESTORE_LOOK_FIRST_MS, RESTORE_LOOK_MAX_MS, RESTORE_WAIT_MS},
};

/// Where the table to finish comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreFrom {
    /// It is made from the recovery of the table in use, as that was at this time.
    Moment(TimestampMs),
    /// It is there already: restored by hand or from a backup, or copied.
    Table,
}

/// What is to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorePlan {
    /// The table in use.
    pub source: String,
    /// The table that takes its place.
    pub target: String,
    /// Where it comes from.
    pub from: RestoreFrom,
}

/// What is being done, for whoever waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreStep {
    /// The service was asked to make the table.
    Asked,
    /// An earlier run asked for it.
    Found,
    /// The service is at it, for so long.
    Waiting(Duration),
    /// Something that a new table lacks is set now, or was set already.
    Set {
        /// What.
        what: &'static str,
        /// Whether an earlier run set it.
        already: bool,
    },
}

/// A table that is ready to take the place of the one in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Its epochs.
    pub epoch: Raised,
    /// The label of its stream, where the table in use has one.
    pub stream_label: Option<String>,
    /// Read and write units a second, where it is provisioned: its scaling is to be set again.
    pub provisioned: Option<(i64, i64)>,
}

/// Why a table could not be restored.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The target is the table in use.
    #[error("{0} is the table in use: name another one to restore to")]
    InUse(String),
    /// There is no such table.
    #[error("there is no table {0} in this region")]
    NoTable(String),
    /// The table in use keeps nothing to restore from.
    #[error(
        "recovery of {0} is off, so there is no earlier moment of it; a backup can be restored by hand and finished \
         with --from-table"
    )]
    NoRecovery(String),
    /// The service does not go back to that moment.
    #[error("{table} cannot be restored to that moment; it can be to any second {range}")]
    NoSuchMoment {
        /// The table in use.
        table: String,
        /// From when until when.
        range: String,
    },
    /// There is a table of that name, and it is not what an earlier run began.
    #[error(
        "there is a table {target} already, and {why}: name another one with --table, or, if it is the one you mean, \
         finish it with --from-table {target}"
    )]
    Taken {
        /// The target.
        target: String,
        /// Why it is not taken for an earlier run's.
        why: String,
    },
    /// It holds something else.
    #[error("{table} is not from this installation: {why}")]
    Stranger {
        /// The target.
        table: String,
        /// How that shows.
        why: &'static str,
    },
    /// It takes longer than anybody waits.
    #[error("{0} is still being restored; run the same command again later, it goes on from there")]
    Slow(String),
    /// A service did not do it.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The tables and what they are asked with.
pub(super) struct Restoring<'a> {
    pub(super) client: Client,
    pub(super) plan: &'a RestorePlan,
    pub(super) jitter: Jitter,
    /// The restored history's home.
    pub(super) region: String,
    pub(super) now_ms: TimestampMs,
}

/// Restores as planned, going on from wherever an earlier run ended.
///
/// # Errors
/// As [`RestoreError`] says; what was done stays, and the next run goes on from there.
pub async fn restore(
    sdk: &SdkConfig,
    plan: &RestorePlan,
    clock: &dyn Clock,
    randomness: Arc<dyn Randomness>,
    tell: &mut (dyn FnMut(RestoreStep) + Send),
) -> Result<Restored, RestoreError> {
    let client = Client::new(sdk);
    let (jitter, region) = (Jitter::new(randomness), crate::epoch::region_of(sdk));
    let restoring = Restoring { client, plan, jitter, region, now_ms: clock.now_ms() };
    if plan.source == plan.target {
        return Err(RestoreError::InUse(plan.target.clone()));
    }
    let missing = |name: &String| RestoreError::NoTable(name.clone());
    let source = restoring.describe(&plan.source).await?.ok_or_else(|| missing(&plan.source))?;
    match (plan.from, restoring.describe(&plan.target).await?) {
        (RestoreFrom::Table, None) => return Err(missing(&plan.target)),
        (RestoreFrom::Table, Some(_)) => tell(RestoreStep::Found),
        (RestoreFrom::Moment(at_ms), None) => {
            restoring.ask(&source, at_ms).await?;
            tell(RestoreStep::Asked);
        }
        (RestoreFrom::Moment(at_ms), Some(target)) => {
            is_from(&target, &source, at_ms)
                .map_err(|why| RestoreError::Taken { target: plan.target.clone(), why })?;
            tell(RestoreStep::Found);
        }
    }
    let target = restoring.until_there(tell).await?;
    restoring.belongs(&target).await?;
    let target = restoring.set_again(&source, &target, tell).await?;
    let epoch = restoring.raise_epoch(&target).await?;
    Ok(Restored {
        epoch,
        stream_label: source.stream_specification().and_then(|_| target.latest_stream_label.clone()),
        provisioned: provisioned(&target),
    })
}

impl Restoring<'_> {
    /// The table of this name, if there is one.
    pub(super) async fn describe(&self, name: &str) -> Result<Option<TableDescription>, PortError> {
        match self.client.describe_table().table_name(name).send().await {
            Ok(answer) => Ok(answer.table),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed("dynamodb.DescribeTable", &error)),
        }
    }

    /// Asks the service to make the target, with the key of the source: else it would have AWS's own.
    async fn ask(&self, source: &TableDescription, at_ms: TimestampMs) -> Result<(), RestoreError> {
        const OPERATION: &str = "dynamodb.RestoreTableToPointInTime";
        let recovery = self.recovery().await?;
        let Some(recovery) = recovery else { return Err(RestoreError::NoRecovery(self.plan.source.clone())) };
        let at = DateTime::from_millis(i64::try_from(at_ms).unwrap_or(i64::MAX));
        let mut request = self
            .client
            .restore_table_to_point_in_time()
            .source_table_name(&self.plan.source)
            .target_table_name(&self.plan.target)
            .restore_date_time(at);
        if let Some(key) = key_of(source) {
            request = request.sse_specification_override(encrypted_with(key));
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(service) if service.is_invalid_restore_time_exception() => {
                    Err(RestoreError::NoSuchMoment {
                        table: self.plan.source.clone(),
                        range: range(&recovery),
                    })
                }
                Some(service) if service.is_point_in_time_recovery_unavailable_exception() => {
                    Err(RestoreError::NoRecovery(self.plan.source.clone()))
                }
                _ => Err(failed(OPERATION, &error).into()),
            },
        }
    }

    async fn recovery(&self) -> Result<Option<PointInTimeRecoveryDescription>, PortError> {
        let request = self.client.describe_continuous_backups().table_name(&self.plan.source);
        let answer =
            request.send().await.map_err(|error| failed("dynamodb.DescribeContinuousBackups", &error))?;
        let described = answer.continuous_backups_description;
        let recovery = described.and_then(|described| described.point_in_time_recovery_description);
        Ok(recovery.filter(|recovery| {
            recovery.point_in_time_recovery_status() == Some(&PointInTimeRecoveryStatus::Enabled)
        }))
    }

    /// Waits until the target can be used.
    pub(super) async fn until_there(
        &self,
        tell: &mut (dyn FnMut(RestoreStep) + Send),
    ) -> Result<TableDescription, RestoreError> {
        let begun = Instant::now();
        let mut pause_ms = RESTORE_LOOK_FIRST_MS;
        while begun.elapsed() < Duration::from_millis(RESTORE_WAIT_MS) {
            let table = self.describe(&self.plan.target).await?;
            let table = table.ok_or_else(|| RestoreError::NoTable(self.plan.target.clone()))?;
            if table.table_status() == Some(&TableStatus::Active) {
                return Ok(table);
            }
            tell(RestoreStep::Waiting(begun.elapsed()));
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 3 / 2).min(RESTORE_LOOK_MAX_MS);
        }
        Err(RestoreError::Slow(self.plan.target.clone()))
    }
}

/// The key of KMS of a table that has one.
fn key_of(table: &TableDescription) -> Option<&str> {
    table.sse_description()?.kms_master_key_arn()
}

fn encrypted_with(key: &str) -> SseSpecification {
    SseSpecification::builder().enabled(true).sse_type(SseType::Kms).kms_master_key_id(key).build()
}

/// Whether a table is what an earlier run asked for.
fn is_from(target: &TableDescription, source: &TableDescription, at_ms: TimestampMs) -> Result<(), String> {
    let Some(summary) = target.restore_summary() else {
        return Err("it was not made by a restore".to_owned());
    };
    if summary.source_table_arn() != source.table_arn() {
        return Err("it was restored from another table".to_owned());
    }
    let restored_ms = summary.restore_date_time().to_millis().unwrap_or(0);
    // The service restores to whole seconds.
    if u64::try_from(restored_ms).unwrap_or(0) / 1_000 == at_ms / 1_000 {
        Ok(())
    } else {
        Err(format!("it was restored to another moment, {}", shown(summary.restore_date_time())))
    }
}

fn provisioned(table: &TableDescription) -> Option<(i64, i64)> {
    let mode = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    let units = table.provisioned_throughput().filter(|_| mode != Some(&BillingMode::PayPerRequest))?;
    Some((units.read_capacity_units().unwrap_or(0), units.write_capacity_units().unwrap_or(0)))
}

fn range(recovery: &PointInTimeRecoveryDescription) -> String {
    let end = |time: Option<&DateTime>| time.map_or_else(|| "?".to_owned(), shown);
    let (from, to) = (recovery.earliest_restorable_date_time(), recovery.latest_restorable_date_time());
    format!("from {} to {}", end(from), end(to))
}

fn shown(time: &DateTime) -> String {
    let format = aws_smithy_types::date_time::Format::DateTime;
    time.fmt(format).unwrap_or_else(|_| format!("{} s after 1970", time.secs()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::RestoreSummary;

    use super::*;

    const AT_MS: u64 = 1_769_860_800_250;

    fn table(arn: &str) -> TableDescription {
        TableDescription::builder().table_arn(arn).build()
    }

    fn restored(from: &str, at_ms: i64) -> TableDescription {
        let summary = RestoreSummary::builder()
            .source_table_arn(from)
            .restore_date_time(DateTime::from_millis(at_ms))
            .restore_in_progress(true);
        TableDescription::builder().restore_summary(summary.build().expect("a summary")).build()
    }

    /// Only a restore of the same table to the same second is gone on with.
    #[test]
    fn a_table_is_taken_for_an_earlier_runs_only_if_it_is() {
        let source = table("arn:main");
        assert!(is_from(&restored("arn:main", 1_769_860_800_000), &source, AT_MS).is_ok());
        for other in
            [restored("arn:main", 1_769_860_799_999), restored("arn:old", 1_769_860_800_000), table("arn:x")]
        {
            assert!(is_from(&other, &source, AT_MS).is_err(), "{other:?}");
        }
        let why = is_from(&restored("arn:main", 0), &source, AT_MS).unwrap_err();
        assert!(why.contains("1970-01-01T00:00:00Z"), "{why}");
    }
}
