"""What `data.yaml` promises: recovery, encryption, expiry, capacity, queues, retention, alarms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import template

ROOT = Path(__file__).parents[3]
SECOND = {"SecondRegion": "eu-central-1", "SecondRegionFilesBucket": "files"}
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "provisioned": {"Capacity": "provisioned", "ReadUnitsMin": 5, "WriteUnitsMax": 50},
    "second": SECOND,
}
KEYED = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
QUEUES = ("MessagesQueue", "MessagesDeadQueue", "NotificationsQueue", "NotificationsDeadQueue")
# What a lost stack must not take with it.
DATA_TYPES = {"AWS::DynamoDB::GlobalTable", "AWS::SQS::Queue", "AWS::KMS::Key", "AWS::KMS::ReplicaKey", "AWS::S3::Bucket"}


def resolved(**parameters: Any) -> dict[str, Any]:
    return template.resolve(template.load("data"), **parameters)


def tables(**parameters: Any) -> dict[str, dict[str, Any]]:
    return template.of_type(resolved(**parameters), "AWS::DynamoDB::GlobalTable")


@pytest.mark.parametrize("variant", VARIANTS)
def test_tables_can_be_restored_to_any_second_of_35_days(variant: str) -> None:
    for table in tables(**VARIANTS[variant]).values():
        for replica in table["Replicas"]:
            wanted = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 35}
            assert replica["PointInTimeRecoverySpecification"] == wanted


@pytest.mark.parametrize("variant", VARIANTS)
def test_tables_are_encrypted_with_our_key_in_every_region(variant: str) -> None:
    for table in tables(**VARIANTS[variant]).values():
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
        assert all(replica["SSESpecification"]["KMSMasterKeyId"] for replica in table["Replicas"])


def test_the_key_rotates_and_can_have_a_replica() -> None:
    (key,) = template.of_type(resolved(), "AWS::KMS::Key").values()
    assert key["EnableKeyRotation"] is True
    assert key["MultiRegion"] is True


def test_tables_remove_by_time_what_has_one() -> None:
    for table in tables().values():
        assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_tables_have_the_keys_that_the_backend_writes() -> None:
    for table in tables().values():
        assert table["KeySchema"] == KEYED
        assert "GlobalSecondaryIndexes" not in table
    assert tables()["MainTable"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_tables_are_paid_by_request_unless_asked_otherwise() -> None:
    for table in tables().values():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert "WriteProvisionedThroughputSettings" not in table


def test_provisioned_tables_follow_the_load_between_bounds() -> None:
    for table in tables(**VARIANTS["provisioned"]).values():
        assert table["BillingMode"] == "PROVISIONED"
        writes = table["WriteProvisionedThroughputSettings"]["WriteCapacityAutoScalingSettings"]
        assert (writes["MinCapacity"], writes["MaxCapacity"]) == (10, 50)
        assert writes["TargetTrackingScalingPolicyConfiguration"] == {"TargetValue": 70}
        for replica in table["Replicas"]:
            reads = replica["ReadProvisionedThroughputSettings"]["ReadCapacityAutoScalingSettings"]
            assert (reads["MinCapacity"], reads["MaxCapacity"]) == (5, 1000)
            assert reads["TargetTrackingScalingPolicyConfiguration"] == {"TargetValue": 70}


def test_tables_refuse_to_be_deleted() -> None:
    for table in tables().values():
        assert all(replica["DeletionProtectionEnabled"] == "true" for replica in table["Replicas"])


def test_a_second_region_has_a_replica_of_what_lasts_and_of_nothing_else() -> None:
    regions = {name: [one["Region"] for one in table["Replicas"]] for name, table in tables(**SECOND).items()}
    assert regions == {
        "MainTable": [{"Ref": "AWS::Region"}, "eu-central-1"],
        "LiveTable": [{"Ref": "AWS::Region"}],
    }
    assert "ReplicationConfiguration" in template.of_type(resolved(**SECOND), "AWS::S3::Bucket")["FilesBucket"]
    assert "ReplicationConfiguration" not in template.of_type(resolved(), "AWS::S3::Bucket")["FilesBucket"]


def test_the_replica_takes_the_table_and_the_key_of_the_primary_region() -> None:
    replica = resolved(RegionRole="replica", PrimaryKeyArn="arn:key", MainTableName="main")
    assert set(template.of_type(replica, "AWS::DynamoDB::GlobalTable")) == {"LiveTable"}
    assert template.of_type(replica, "AWS::KMS::Key") == {}
    (key,) = template.of_type(replica, "AWS::KMS::ReplicaKey").values()
    assert key["PrimaryKeyArn"] == "arn:key"
    assert replica["Outputs"]["MainTable"]["Value"] == "main"
    assert len(template.of_type(replica, "AWS::SQS::Queue")) == len(QUEUES)


def test_each_queue_has_a_dead_letter_queue_after_ten_tries() -> None:
    queues = template.of_type(resolved(), "AWS::SQS::Queue")
    assert set(queues) == set(QUEUES)
    for name in ("Messages", "Notifications"):
        assert queues[f"{name}Queue"]["RedrivePolicy"] == {
            "deadLetterTargetArn": {"Fn::GetAtt": [f"{name}DeadQueue", "Arn"]},
            "maxReceiveCount": 10,
        }


def test_queues_keep_order_by_conversation_at_high_throughput() -> None:
    for queue in template.of_type(resolved(), "AWS::SQS::Queue").values():
        assert queue["FifoQueue"] is True
        assert queue["DeduplicationScope"] == "messageGroup"
        assert queue["FifoThroughputLimit"] == "perMessageGroupId"


def test_queues_are_encrypted_and_keep_for_two_weeks() -> None:
    for queue in template.of_type(resolved(), "AWS::SQS::Queue").values():
        assert queue["KmsMasterKeyId"] == {"Fn::GetAtt": ["Key", "Arn"]}
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_messages_are_hidden_for_six_times_the_timeout_of_their_handler() -> None:
    hidden = template.of_type(resolved(), "AWS::SQS::Queue")
    functions = template.of_type(template.load("serverless"), "AWS::Serverless::Function")
    for queue, handler in (("MessagesQueue", "PersistFunction"), ("NotificationsQueue", "NotifyFunction")):
        assert hidden[queue]["VisibilityTimeout"] >= 6 * functions[handler]["Timeout"]


def denies_plain_text(policy: dict[str, Any]) -> bool:
    return any(
        one["Effect"] == "Deny" and one["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for one in policy["PolicyDocument"]["Statement"]
    )


def test_queues_and_buckets_refuse_what_is_not_tls() -> None:
    data = resolved()
    (queues,) = template.of_type(data, "AWS::SQS::QueuePolicy").values()
    assert queues["Queues"] == [{"Ref": name} for name in QUEUES]
    assert denies_plain_text(queues)
    policies = template.of_type(data, "AWS::S3::BucketPolicy")
    covered = {policy["Bucket"]["Ref"] for policy in policies.values() if denies_plain_text(policy)}
    assert covered == set(template.of_type(data, "AWS::S3::Bucket"))


def test_buckets_are_private_and_encrypted() -> None:
    for bucket in template.of_type(resolved(), "AWS::S3::Bucket").values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.parametrize("role", ["primary", "replica"])
def test_deleting_the_stack_keeps_the_data(role: str) -> None:
    whole = resolved(RegionRole=role)["Resources"]
    data = {name: one for name, one in whole.items() if one["Type"] in DATA_TYPES}
    assert data
    for name, one in data.items():
        assert (name, one.get("DeletionPolicy"), one.get("UpdateReplacePolicy")) == (name, "Retain", "Retain")


def test_alarms_watch_queue_age_dead_letters_and_throttled_tables() -> None:
    alarms = template.of_type(resolved(), "AWS::CloudWatch::Alarm")
    watched = {(_namespace(one), one["MetricName"], _target(one)) for one in alarms.values()}
    assert watched == {
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "MessagesQueue"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "NotificationsQueue"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "MessagesDeadQueue"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "NotificationsDeadQueue"),
        ("DynamoWave/${Environment}", "DeadLetters", ""),
        ("AWS/DynamoDB", "ReadThrottleEvents", "MainTable"),
        ("AWS/DynamoDB", "WriteThrottleEvents", "MainTable"),
        ("AWS/DynamoDB", "ReadThrottleEvents", "LiveTable"),
        ("AWS/DynamoDB", "WriteThrottleEvents", "LiveTable"),
    }
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]


def _namespace(alarm: dict[str, Any]) -> str:
    name = alarm["Namespace"]
    return name if isinstance(name, str) else name["Fn::Sub"]


def _target(alarm: dict[str, Any]) -> str:
    if "Dimensions" not in alarm:
        return ""
    value = alarm["Dimensions"][0]["Value"]
    return value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]


def test_alarms_are_sent_where_somebody_asks_for_them() -> None:
    assert template.of_type(resolved(), "AWS::SNS::Subscription") == {}
    (mail,) = template.of_type(resolved(AlarmEmail="ann@example.org"), "AWS::SNS::Subscription").values()
    assert (mail["Protocol"], mail["Endpoint"]) == ("email", "ann@example.org")
    (topic,) = template.of_type(resolved(), "AWS::SNS::Topic").values()
    assert topic["KmsMasterKeyId"]


def test_the_backend_provisions_the_same() -> None:
    """The backend can make tables and queues by itself; both ways lead to the same."""
    limits = ROOT / "crates/backend-aws/src/limits.rs"
    if not limits.exists():
        return
    text = limits.read_text(encoding="utf-8")
    bounds = dict(re.findall(r"pub const (\w+): \w+ = ([^;]+);", text))
    assert int(bounds["RECEIVES_MAX"]) == 10
    assert int(bounds["RECOVERY_DAYS"]) == 35
    assert eval(bounds["QUEUE_RETENTION_S"], {}) == 14 * 24 * 3600  # noqa: S307
