//! Making the tables and queues of an installation, or bringing what is there to what is wanted.
//! Invariant: safe to repeat; never removes anything.

use std::{collections::HashMap, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client as Tables,
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
        ScalarAttributeType, SseSpecification, SseType, TableStatus, TimeToLiveSpecification,
        TimeToLiveStatus,
    },
};
use aws_sdk_sqs::{Client as Queues, types::QueueAttributeName};
use chat::ports::{ErrorKind, PortError};
use tokio::time::Instant;

use crate::{
    aws::{AwsNames, QueueNames},
    error::{failed, plain},
    item::EXPIRY,
    limits::{LEASE_MS, PROVISION_WAIT_MS, QUEUE_RETENTION_S, QUEUE_WAIT_MAX_S, RECEIVES_MAX, RECOVERY_DAYS},
};

/// How tables and queues are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionOptions {
    /// Key that encrypts them (an id, ARN or alias of KMS); without one AWS's own key does.
    pub kms_key: Option<String>,
    /// Whether the durable table is kept from being deleted by mistake.
    pub deletion_protection: bool,
    /// Receives after which a queue moves a message to its dead-letter queue by itself.
    pub receives_max: u32,
    /// Life of a lease.
    pub lease: Duration,
}

impl Default for ProvisionOptions {
    fn default() -> ProvisionOptions {
        ProvisionOptions {
            kms_key: None,
            deletion_protection: true,
            receives_max: RECEIVES_MAX,
            lease: Duration::from_millis(LEASE_MS),
        }
    }
}

/// Makes what is missing and waits until it can be used: two tables that are paid by request, encrypted, with removal
/// by time, the durable one with recovery to any second of the last 35 days; two FIFO queues of high throughput, each
/// with its dead-letter queue.
///
/// # Errors
/// As those of the services; what was made stays.
pub async fn provision(
    sdk: &SdkConfig,
    names: &AwsNames,
    options: &ProvisionOptions,
) -> Result<(), PortError> {
    let (tables, queues) = (Tables::new(sdk), Queues::new(sdk));
    table(&tables, &names.main_table, options, options.deletion_protection).await?;
    table(&tables, &names.live_table, options, false).await?;
    recovery(&tables, &names.main_table).await?;
    for queue in [&names.messages, &names.notifications] {
        queue_with_dead(&queues, queue, options).await?;
    }
    Ok(())
}

async fn table(
    tables: &Tables,
    name: &str,
    options: &ProvisionOptions,
    protected: bool,
) -> Result<(), PortError> {
    const OPERATION: &str = "dynamodb.CreateTable";
    let internal = |error| plain(ErrorKind::Internal, OPERATION).caused_by(error);
    let mut request = tables
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .deletion_protection_enabled(protected);
    for (attribute, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let defined = AttributeDefinition::builder().attribute_name(attribute);
        let defined = defined.attribute_type(ScalarAttributeType::S).build().map_err(internal)?;
        let keyed = KeySchemaElement::builder().attribute_name(attribute).key_type(kind).build();
        request = request.attribute_definitions(defined).key_schema(keyed.map_err(internal)?);
    }
    if let Some(key) = &options.kms_key {
        let encrypted =
            SseSpecification::builder().enabled(true).sse_type(SseType::Kms).kms_master_key_id(key);
        request = request.sse_specification(encrypted.build());
    }
    if let Err(error) = request.send().await
        && !error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception())
    {
        return Err(failed(OPERATION, &error));
    }
    until_active(tables, name).await?;
    expiry(tables, name).await
}

async fn until_active(tables: &Tables, name: &str) -> Result<(), PortError> {
    const OPERATION: &str = "dynamodb.DescribeTable";
    let end = Instant::now() + Duration::from_millis(PROVISION_WAIT_MS);
    while Instant::now() < end {
        let answer = tables.describe_table().table_name(name).send().await;
        let table = answer.map_err(|error| failed(OPERATION, &error))?.table;
        if table.and_then(|table| table.table_status) == Some(TableStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Err(plain(ErrorKind::Unavailable, OPERATION))
}

async fn expiry(tables: &Tables, name: &str) -> Result<(), PortError> {
    const OPERATION: &str = "dynamodb.UpdateTimeToLive";
    let answer = tables.describe_time_to_live().table_name(name).send().await;
    let answer = answer.map_err(|error| failed("dynamodb.DescribeTimeToLive", &error))?;
    let status = answer.time_to_live_description.and_then(|description| description.time_to_live_status);
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(());
    }
    let wanted = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRY).build();
    let wanted = wanted.map_err(|error| plain(ErrorKind::Internal, OPERATION).caused_by(error))?;
    let request = tables.update_time_to_live().table_name(name).time_to_live_specification(wanted);
    request.send().await.map(drop).map_err(|error| failed(OPERATION, &error))
}

async fn recovery(tables: &Tables, name: &str) -> Result<(), PortError> {
    const OPERATION: &str = "dynamodb.UpdateContinuousBackups";
    let wanted = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true);
    let wanted = wanted.recovery_period_in_days(RECOVERY_DAYS).build();
    let wanted = wanted.map_err(|error| plain(ErrorKind::Internal, OPERATION).caused_by(error))?;
    let request =
        tables.update_continuous_backups().table_name(name).point_in_time_recovery_specification(wanted);
    request.send().await.map(drop).map_err(|error| failed(OPERATION, &error))
}

async fn queue_with_dead(
    queues: &Queues,
    names: &QueueNames,
    options: &ProvisionOptions,
) -> Result<(), PortError> {
    let common = attributes(options);
    let dead_url = queue(queues, &names.dead, common.clone()).await?;
    let arn = arn(queues, &dead_url).await?;
    let mut own = common;
    let receives = options.receives_max;
    let policy = serde_json::json!({ "deadLetterTargetArn": arn, "maxReceiveCount": receives.to_string() });
    own.insert(QueueAttributeName::RedrivePolicy, policy.to_string());
    queue(queues, &names.queue, own).await.map(drop)
}

/// What both kinds of queue have. Deduplication and throughput go by group, so that a busy installation is not held to
/// 300 requests a second.
fn attributes(options: &ProvisionOptions) -> HashMap<QueueAttributeName, String> {
    let lease_s = options.lease.as_millis().div_ceil(1_000);
    let mut attributes = HashMap::from([
        (QueueAttributeName::DeduplicationScope, "messageGroup".to_owned()),
        (QueueAttributeName::FifoThroughputLimit, "perMessageGroupId".to_owned()),
        (QueueAttributeName::VisibilityTimeout, lease_s.to_string()),
        (QueueAttributeName::MessageRetentionPeriod, QUEUE_RETENTION_S.to_string()),
        (QueueAttributeName::ReceiveMessageWaitTimeSeconds, QUEUE_WAIT_MAX_S.to_string()),
    ]);
    match &options.kms_key {
        Some(key) => attributes.insert(QueueAttributeName::KmsMasterKeyId, key.clone()),
        None => attributes.insert(QueueAttributeName::SqsManagedSseEnabled, "true".to_owned()),
    };
    attributes
}

async fn queue(
    queues: &Queues,
    name: &str,
    attributes: HashMap<QueueAttributeName, String>,
) -> Result<String, PortError> {
    const OPERATION: &str = "sqs.CreateQueue";
    let mut all = attributes.clone();
    all.insert(QueueAttributeName::FifoQueue, "true".to_owned());
    let made = queues.create_queue().queue_name(name).set_attributes(Some(all)).send().await;
    let url = match made {
        Ok(answer) => answer.queue_url,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_queue_name_exists()) => {
            let answer = queues.get_queue_url().queue_name(name).send().await;
            let url = answer.map_err(|error| failed("sqs.GetQueueUrl", &error))?.queue_url;
            let request = queues.set_queue_attributes().set_queue_url(url.clone());
            let request = request.set_attributes(Some(attributes));
            request.send().await.map_err(|error| failed("sqs.SetQueueAttributes", &error))?;
            url
        }
        Err(error) => return Err(failed(OPERATION, &error)),
    };
    url.ok_or_else(|| plain(ErrorKind::Unavailable, OPERATION))
}

async fn arn(queues: &Queues, url: &str) -> Result<String, PortError> {
    const OPERATION: &str = "sqs.GetQueueAttributes";
    let request = queues.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::QueueArn);
    let answer = request.send().await.map_err(|error| failed(OPERATION, &error))?;
    let arn = answer.attributes.and_then(|mut attributes| attributes.remove(&QueueAttributeName::QueueArn));
    arn.ok_or_else(|| plain(ErrorKind::Unavailable, OPERATION))
}
