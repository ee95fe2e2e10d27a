//! The two tables: keys, indexes, encryption, payment, protection, removal by time, recovery.
//! Judges descriptions as the service gives them; asks nothing that costs units.

use aws_sdk_dynamodb::types::{
    BillingMode, ContinuousBackupsDescription, KeyType, PointInTimeRecoveryStatus, ScalarAttributeType,
    SseStatus, TableDescription, TableStatus, TimeToLiveDescription, TimeToLiveStatus,
};

use super::{
    Asking,
    finding::{Asked, Finding},
};
use crate::{item::EXPIRY, limits::RECOVERY_DAYS};

/// Which of the two: what is demanded differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Everything that lasts.
    Main,
    /// What may be lost.
    Live,
}

pub(super) async fn inspect(asking: &Asking<'_>) -> Vec<Finding> {
    let (main, live) = tokio::join!(
        table(asking, &asking.names.main_table, Kind::Main),
        table(asking, &asking.names.live_table, Kind::Live),
    );
    [main, live].concat()
}

async fn table(asking: &Asking<'_>, name: &str, kind: Kind) -> Vec<Finding> {
    const CHECK: &str = "table.there";
    let described = Asked::of(asking.tables.describe_table().table_name(name).send().await);
    let table = match described {
        Asked::Told(answer) => match answer.table {
            Some(table) => table,
            None => return vec![Finding::fail(CHECK, name, "the service describes nothing", "try again")],
        },
        Asked::Missing => {
            let advice = "name it by aws.main_table and aws.live_table (of the right aws.region), or make it: deploy \
                          the stack of the data, or `dynamowave aws provision`";
            return vec![Finding::fail(CHECK, name, "there is no such table", advice)];
        }
        Asked::Denied(why) => {
            return vec![Finding::warn(CHECK, name, why, "let who looks do dynamodb:DescribeTable on it")];
        }
        Asked::Failed(why) => {
            return vec![Finding::fail(CHECK, name, why, "see that DynamoDB can be reached from here")];
        }
    };
    let mut found = described_table(name, kind, &table);
    found.push(expiry(asking, name).await);
    if kind == Kind::Main {
        found.push(recovery(asking, name).await);
    }
    found
}

/// What the description alone tells.
fn described_table(name: &str, kind: Kind, table: &TableDescription) -> Vec<Finding> {
    vec![
        status(name, table),
        keys(name, table),
        indexes(name, table),
        encryption(name, table),
        billing(name, table),
        protection(name, kind, table),
    ]
}

fn status(name: &str, table: &TableDescription) -> Finding {
    const CHECK: &str = "table.there";
    match &table.table_status {
        Some(TableStatus::Active) => Finding::ok(CHECK, name, "it is active"),
        Some(TableStatus::Updating) => {
            Finding::warn(CHECK, name, "it is being changed", "wait, and look again")
        }
        Some(TableStatus::InaccessibleEncryptionCredentials) => Finding::fail(
            CHECK,
            name,
            "its key cannot be used",
            "enable the key of KMS again, and see that its policy lets the roles use it",
        ),
        other => {
            let status = other.as_ref().map_or("unknown", TableStatus::as_str);
            Finding::fail(CHECK, name, format!("its status is {status}"), "wait until it is ACTIVE")
        }
    }
}

fn keys(name: &str, table: &TableDescription) -> Finding {
    const CHECK: &str = "table.keys";
    let mut keys: Vec<String> = table
        .key_schema()
        .iter()
        .map(|key| {
            let kind = if key.key_type() == &KeyType::Hash { "partition" } else { "sort" };
            let of_type = |definition: &&aws_sdk_dynamodb::types::AttributeDefinition| {
                definition.attribute_name() == key.attribute_name()
            };
            let is_text = table.attribute_definitions().iter().find(of_type).is_none_or(|definition| {
                // A description without types tells nothing against them.
                definition.attribute_type() == &ScalarAttributeType::S
            });
            format!("{kind} {}{}", key.attribute_name(), if is_text { "" } else { " (no text)" })
        })
        .collect();
    keys.sort_unstable();
    let detail = keys.join(", ");
    if keys == ["partition pk", "sort sk"] {
        Finding::ok(CHECK, name, detail)
    } else {
        let advice = "keys cannot be changed: make the table again with the partition key pk and the sort key sk, \
                      both texts";
        Finding::fail(CHECK, name, format!("its keys are {detail}"), advice)
    }
}

fn indexes(name: &str, table: &TableDescription) -> Finding {
    const CHECK: &str = "table.indexes";
    let global = table.global_secondary_indexes().iter().filter_map(|index| index.index_name());
    let local = table.local_secondary_indexes().iter().filter_map(|index| index.index_name());
    let all: Vec<&str> = global.chain(local).collect();
    if all.is_empty() {
        return Finding::ok(CHECK, name, "none, and none is needed");
    }
    let advice = "nothing reads them and every write pays for them: `aws dynamodb update-table \
                  --global-secondary-index-updates` removes them";
    Finding::warn(CHECK, name, format!("there are indexes: {}", all.join(", ")), advice)
}

fn encryption(name: &str, table: &TableDescription) -> Finding {
    const CHECK: &str = "table.encryption";
    let own = table
        .sse_description()
        .filter(|described| !matches!(described.status(), Some(SseStatus::Disabled | SseStatus::Disabling)));
    let Some(described) = own else {
        let advice = "AWS's own key can be neither watched nor withdrawn: `aws dynamodb update-table \
                      --sse-specification Enabled=true,SSEType=KMS,KMSMasterKeyId=KEY`";
        return Finding::warn(CHECK, name, "encrypted with AWS's own key", advice);
    };
    let key = described.kms_master_key_arn().unwrap_or("a key of KMS");
    if described.inaccessible_encryption_date_time().is_none() {
        return Finding::ok(CHECK, name, format!("encrypted with {key}"));
    }
    let advice = "enable the key again, and see that its policy lets the roles use it; after seven days without it AWS \
                  archives the table";
    Finding::fail(CHECK, name, format!("{key} cannot be used any more"), advice)
}

fn billing(name: &str, table: &TableDescription) -> Finding {
    const CHECK: &str = "table.billing";
    let mode = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    if mode == Some(&BillingMode::PayPerRequest) {
        return Finding::ok(CHECK, name, "paid by request");
    }
    let units = table.provisioned_throughput();
    let reads = units.and_then(|units| units.read_capacity_units()).unwrap_or(0);
    let writes = units.and_then(|units| units.write_capacity_units()).unwrap_or(0);
    Finding::warn(
        CHECK,
        name,
        format!("provisioned for {reads} read and {writes} write units a second"),
        format!(
            "see that it follows the load: `aws application-autoscaling describe-scalable-targets \
             --service-namespace dynamodb --resource-ids table/{name}`"
        ),
    )
}

fn protection(name: &str, kind: Kind, table: &TableDescription) -> Finding {
    const CHECK: &str = "table.protection";
    match (table.deletion_protection_enabled(), kind) {
        (Some(true), _) => Finding::ok(CHECK, name, "it cannot be deleted by mistake"),
        (_, Kind::Live) => Finding::ok(CHECK, name, "it may be deleted: nothing in it lasts"),
        (_, Kind::Main) => Finding::warn(
            CHECK,
            name,
            "one wrong command deletes it",
            format!("`aws dynamodb update-table --table-name {name} --deletion-protection-enabled`"),
        ),
    }
}

async fn expiry(asking: &Asking<'_>, name: &str) -> Finding {
    let answer = Asked::of(asking.tables.describe_time_to_live().table_name(name).send().await);
    match answer {
        Asked::Told(answer) => judged_expiry(name, answer.time_to_live_description.as_ref()),
        Asked::Denied(why) | Asked::Failed(why) => Finding::skip("table.expiry", name, why),
        Asked::Missing => Finding::skip("table.expiry", name, "there is no such table"),
    }
}

fn judged_expiry(name: &str, described: Option<&TimeToLiveDescription>) -> Finding {
    const CHECK: &str = "table.expiry";
    let status = described.and_then(|described| described.time_to_live_status());
    let attribute = described.and_then(|described| described.attribute_name()).unwrap_or(EXPIRY);
    let is_on = matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
    if is_on && attribute == EXPIRY {
        return Finding::ok(CHECK, name, format!("what is out of date is removed by `{EXPIRY}`"));
    }
    let detail = if is_on {
        format!("what is out of date is removed by `{attribute}`, which no item has")
    } else {
        "what is out of date is never removed, and paid for".to_owned()
    };
    let advice = format!(
        "`aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification \
         Enabled=true,AttributeName={EXPIRY}`"
    );
    Finding::fail(CHECK, name, detail, advice)
}

async fn recovery(asking: &Asking<'_>, name: &str) -> Finding {
    let answer = Asked::of(asking.tables.describe_continuous_backups().table_name(name).send().await);
    match answer {
        Asked::Told(answer) => judged_recovery(name, answer.continuous_backups_description.as_ref()),
        Asked::Denied(why) | Asked::Failed(why) => Finding::skip("table.recovery", name, why),
        Asked::Missing => Finding::skip("table.recovery", name, "there is no such table"),
    }
}

fn judged_recovery(name: &str, described: Option<&ContinuousBackupsDescription>) -> Finding {
    const CHECK: &str = "table.recovery";
    let advice = format!(
        "`aws dynamodb update-continuous-backups --table-name {name} --point-in-time-recovery-specification \
         PointInTimeRecoveryEnabled=true,RecoveryPeriodInDays={RECOVERY_DAYS}`"
    );
    let recovery = described.and_then(|described| described.point_in_time_recovery_description());
    let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status());
    if status != Some(&PointInTimeRecoveryStatus::Enabled) {
        return Finding::fail(CHECK, name, "it cannot be restored to a moment", advice);
    }
    // Where the service does not say, it is the longest there is.
    let days = recovery.and_then(|recovery| recovery.recovery_period_in_days()).unwrap_or(RECOVERY_DAYS);
    let detail = format!("it can be restored to any second of the last {days} days");
    if days < RECOVERY_DAYS {
        Finding::warn(CHECK, name, detail, advice)
    } else {
        Finding::ok(CHECK, name, detail)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, KeySchemaElement, LocalSecondaryIndexDescription,
        PointInTimeRecoveryDescription, SseDescription,
    };

    use super::*;
    use crate::inspect::Verdict;

    fn key(name: &str, kind: KeyType) -> KeySchemaElement {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a key")
    }

    fn verdicts(table: &TableDescription) -> Vec<(&'static str, Verdict)> {
        let found = described_table("main", Kind::Main, table);
        found.into_iter().map(|finding| (finding.check, finding.verdict)).collect()
    }

    /// What no emulator can be brought to.
    #[test]
    fn a_table_is_judged_by_its_description() {
        let good = TableDescription::builder()
            .table_status(TableStatus::Active)
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .sse_description(SseDescription::builder().status(SseStatus::Enabled).build())
            .deletion_protection_enabled(true);
        let told = verdicts(&good.clone().build());
        assert!(
            told.iter().all(|(check, verdict)| *check == "table.billing" || *verdict == Verdict::Ok),
            "{told:?}"
        );
        let number =
            AttributeDefinition::builder().attribute_name("sk").attribute_type(ScalarAttributeType::N);
        for (broken, check, verdict) in [
            (good.clone().table_status(TableStatus::Updating), "table.there", Verdict::Warn),
            (good.clone().table_status(TableStatus::Archived), "table.there", Verdict::Fail),
            (
                good.clone().table_status(TableStatus::InaccessibleEncryptionCredentials),
                "table.there",
                Verdict::Fail,
            ),
            (good.clone().set_key_schema(Some(vec![key("id", KeyType::Hash)])), "table.keys", Verdict::Fail),
            (
                good.clone().attribute_definitions(number.build().expect("a type")),
                "table.keys",
                Verdict::Fail,
            ),
            (
                good.clone().local_secondary_indexes(
                    LocalSecondaryIndexDescription::builder().index_name("by-time").build(),
                ),
                "table.indexes",
                Verdict::Warn,
            ),
            (good.clone().set_sse_description(None), "table.encryption", Verdict::Warn),
            (
                good.clone().sse_description(SseDescription::builder().status(SseStatus::Disabled).build()),
                "table.encryption",
                Verdict::Warn,
            ),
            (
                good.clone().sse_description(
                    SseDescription::builder()
                        .status(SseStatus::Enabled)
                        .inaccessible_encryption_date_time(aws_sdk_dynamodb::primitives::DateTime::from_secs(
                            1,
                        ))
                        .build(),
                ),
                "table.encryption",
                Verdict::Fail,
            ),
            (good.deletion_protection_enabled(false), "table.protection", Verdict::Warn),
        ] {
            assert!(verdicts(&broken.build()).contains(&(check, verdict)), "{check} {verdict:?}");
        }
    }

    #[test]
    fn a_short_recovery_and_a_wrong_attribute_are_told() {
        let enabled = PointInTimeRecoveryDescription::builder()
            .point_in_time_recovery_status(PointInTimeRecoveryStatus::Enabled);
        let judged = |days: Option<i32>| {
            let recovery = enabled.clone().set_recovery_period_in_days(days).build();
            let described = ContinuousBackupsDescription::builder()
                .continuous_backups_status(aws_sdk_dynamodb::types::ContinuousBackupsStatus::Enabled)
                .point_in_time_recovery_description(recovery);
            judged_recovery("main", Some(&described.build().expect("a description"))).verdict
        };
        assert_eq!(judged(None), Verdict::Ok);
        assert_eq!(judged(Some(RECOVERY_DAYS)), Verdict::Ok);
        assert_eq!(judged(Some(7)), Verdict::Warn);
        assert_eq!(judged_recovery("main", None).verdict, Verdict::Fail);
        let by = |attribute: &str, status: TimeToLiveStatus| {
            let described =
                TimeToLiveDescription::builder().attribute_name(attribute).time_to_live_status(status);
            judged_expiry("main", Some(&described.build())).verdict
        };
        assert_eq!(by("ttl", TimeToLiveStatus::Enabling), Verdict::Ok);
        assert_eq!(by("expires", TimeToLiveStatus::Enabled), Verdict::Fail);
        assert_eq!(by("ttl", TimeToLiveStatus::Disabling), Verdict::Fail);
    }
}
