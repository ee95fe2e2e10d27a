//! What the service leaves out of a restored table: removal by time, recovery, key, protection, stream, tags.
//! Invariant: each is looked at first and set only where it differs from the table in use, so a repeated run changes
//! nothing.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    operation::update_table::builders::UpdateTableFluentBuilder,
    types::{
        PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, TableDescription, Tag,
        TimeToLiveSpecification, TimeToLiveStatus,
    },
};
use chat::ports::{ErrorKind, PortError};

use super::{RestoreError, RestoreStep, Restoring, encrypted_with, key_of};
use crate::{
    error::{failed, plain},
    item::EXPIRY,
    limits::{RECOVERY_DAYS, TAG_PAGES_MAX},
};

impl Restoring<'_> {
    /// Sets everything, and returns the table as it is then.
    pub(super) async fn set_again(
        &self,
        source: &TableDescription,
        target: &TableDescription,
        tell: &mut (dyn FnMut(RestoreStep) + Send),
    ) -> Result<TableDescription, RestoreError> {
        let already = self.expiry().await?;
        tell(RestoreStep::Set { what: "removal by time", already });
        let already = self.recover().await?;
        tell(RestoreStep::Set { what: "recovery to any second", already });
        let update = || self.client.update_table().table_name(&self.plan.target);
        if let Some(key) = key_of(source) {
            let already = key_of(target) == Some(key);
            if !already {
                self.update(update().sse_specification(encrypted_with(key)), tell).await?;
            }
            tell(RestoreStep::Set { what: "key", already });
        }
        if source.deletion_protection_enabled() == Some(true) {
            let already = target.deletion_protection_enabled() == Some(true);
            if !already {
                self.update(update().deletion_protection_enabled(true), tell).await?;
            }
            tell(RestoreStep::Set { what: "protection from deletion", already });
        }
        if let Some(stream) = source.stream_specification().filter(|stream| stream.stream_enabled()) {
            let already = target.stream_specification().is_some_and(|stream| stream.stream_enabled());
            if !already {
                self.update(update().stream_specification(stream.clone()), tell).await?;
            }
            tell(RestoreStep::Set { what: "stream", already });
        }
        let already = self.tags(source, target).await?;
        tell(RestoreStep::Set { what: "tags", already });
        self.until_there(tell).await
    }

    /// Changes the target, and waits until it can be changed again.
    async fn update(
        &self,
        request: UpdateTableFluentBuilder,
        tell: &mut (dyn FnMut(RestoreStep) + Send),
    ) -> Result<(), RestoreError> {
        request.send().await.map_err(|error| failed("dynamodb.UpdateTable", &error))?;
        self.until_there(tell).await.map(drop)
    }

    async fn expiry(&self) -> Result<bool, PortError> {
        const OPERATION: &str = "dynamodb.UpdateTimeToLive";
        let table = &self.plan.target;
        let answer = self.client.describe_time_to_live().table_name(table).send().await;
        let answer = answer.map_err(|error| failed("dynamodb.DescribeTimeToLive", &error))?;
        let status = answer.time_to_live_description.and_then(|described| described.time_to_live_status);
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(true);
        }
        let wanted = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRY).build();
        let wanted = wanted.map_err(|error| plain(ErrorKind::Internal, OPERATION).caused_by(error))?;
        let sent = self
            .client
            .update_time_to_live()
            .table_name(table)
            .time_to_live_specification(wanted)
            .send()
            .await;
        sent.map(|_| false).map_err(|error| failed(OPERATION, &error))
    }

    async fn recover(&self) -> Result<bool, PortError> {
        const OPERATION: &str = "dynamodb.UpdateContinuousBackups";
        let table = &self.plan.target;
        let answer = self.client.describe_continuous_backups().table_name(table).send().await;
        let answer = answer.map_err(|error| failed("dynamodb.DescribeContinuousBackups", &error))?;
        let described = answer.continuous_backups_description;
        let recovery = described.and_then(|described| described.point_in_time_recovery_description);
        let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
        if status == Some(PointInTimeRecoveryStatus::Enabled) {
            return Ok(true);
        }
        let wanted = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true);
        let wanted = wanted.recovery_period_in_days(RECOVERY_DAYS).build();
        let wanted = wanted.map_err(|error| plain(ErrorKind::Internal, OPERATION).caused_by(error))?;
        let request = self.client.update_continuous_backups().table_name(table);
        let sent = request.point_in_time_recovery_specification(wanted).send().await;
        sent.map(|_| false).map_err(|error| failed(OPERATION, &error))
    }

    async fn tags(&self, source: &TableDescription, target: &TableDescription) -> Result<bool, PortError> {
        let (Some(from), Some(to)) = (source.table_arn(), target.table_arn()) else {
            return Err(plain(ErrorKind::Unavailable, "dynamodb.DescribeTable (no ARN)"));
        };
        let (wanted, there) = (self.tags_of(from).await?, self.tags_of(to).await?);
        let missing: Vec<Tag> = wanted
            .into_iter()
            // Those of AWS itself nobody else may set.
            .filter(|(key, value)| !key.starts_with("aws:") && there.get(key) != Some(value))
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect::<Result<_, _>>()
            .map_err(|error| plain(ErrorKind::Internal, "dynamodb.TagResource").caused_by(error))?;
        if missing.is_empty() {
            return Ok(true);
        }
        let sent = self.client.tag_resource().resource_arn(to).set_tags(Some(missing)).send().await;
        sent.map(|_| false).map_err(|error| failed("dynamodb.TagResource", &error))
    }

    async fn tags_of(&self, arn: &str) -> Result<BTreeMap<String, String>, PortError> {
        const OPERATION: &str = "dynamodb.ListTagsOfResource";
        let (mut all, mut next) = (BTreeMap::new(), None);
        for _ in 0..TAG_PAGES_MAX {
            let request = self.client.list_tags_of_resource().resource_arn(arn).set_next_token(next.take());
            let answer = request.send().await.map_err(|error| failed(OPERATION, &error))?;
            all.extend(answer.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)));
            next = answer.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(all)
    }
}
