//! The two queues and their dead-letter queues: kind, throughput, redrive, lease, retention, encryption, what is dead.
//! Judges attributes as the service gives them; takes nothing out of any queue.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use serde_json::Value;

use super::{
    Asking,
    finding::{Asked, Finding},
};
use crate::{
    aws::QueueNames,
    keys,
    limits::{LEASE_MS, QUEUE_RETENTION_S, RECEIVES_MAX},
    table::LAST,
};

type Attributes = HashMap<Name, String>;

pub(super) async fn inspect(asking: &Asking<'_>) -> Vec<Finding> {
    let (messages, notifications) = tokio::join!(
        pair(asking, "messages", &asking.names.messages),
        pair(asking, "notifications", &asking.names.notifications),
    );
    [messages, notifications].concat()
}

async fn pair(asking: &Asking<'_>, name: &str, names: &QueueNames) -> Vec<Finding> {
    let (own, dead) = tokio::join!(attributes(asking, &names.queue), attributes(asking, &names.dead));
    let mut found = Vec::new();
    if let Ok(own) = &own {
        found.extend(common(&names.queue, own));
        found.push(lease(&names.queue, own));
        let dead_arn = dead.as_ref().ok().and_then(|dead| dead.get(&Name::QueueArn));
        found.push(redrive(&names.queue, own, dead_arn.map(String::as_str)));
    }
    if let Ok(dead) = &dead {
        found.extend(common(&names.dead, dead));
    }
    found.extend(own.as_ref().err().cloned());
    found.extend(dead.as_ref().err().cloned());
    found.push(dead_letters(asking, name, dead.as_ref().ok()).await);
    found
}

/// Where a queue is: its name, or its address as it is.
pub(super) async fn address(asking: &Asking<'_>, queue: &str) -> Asked<String> {
    if queue.starts_with("https://") || queue.starts_with("http://") {
        return Asked::Told(queue.to_owned());
    }
    match Asked::of(asking.queues.get_queue_url().queue_name(queue).send().await) {
        Asked::Told(answer) => answer.queue_url.map_or(Asked::Missing, Asked::Told),
        Asked::Missing => Asked::Missing,
        Asked::Denied(why) => Asked::Denied(why),
        Asked::Failed(why) => Asked::Failed(why),
    }
}

async fn attributes(asking: &Asking<'_>, queue: &str) -> Result<Attributes, Finding> {
    const CHECK: &str = "queue.there";
    let missing = || {
        let advice = "name it by the options of [aws] (of the right aws.region), or make it: deploy the stack of the \
                      data, or `dynamowave aws provision`";
        Finding::fail(CHECK, queue, "there is no such queue", advice)
    };
    let denied =
        |why| Finding::warn(CHECK, queue, why, "let who looks do sqs:GetQueueUrl and sqs:GetQueueAttributes");
    let failed = |why| Finding::fail(CHECK, queue, why, "see that SQS can be reached from here");
    let url = match address(asking, queue).await {
        Asked::Told(url) => url,
        Asked::Missing => return Err(missing()),
        Asked::Denied(why) => return Err(denied(why)),
        Asked::Failed(why) => return Err(failed(why)),
    };
    let request = asking.queues.get_queue_attributes().queue_url(url).attribute_names(Name::All);
    match Asked::of(request.send().await) {
        Asked::Told(answer) => Ok(answer.attributes.unwrap_or_default()),
        Asked::Missing => Err(missing()),
        Asked::Denied(why) => Err(denied(why)),
        Asked::Failed(why) => Err(failed(why)),
    }
}

/// What both kinds of queue have to be.
fn common(queue: &str, attributes: &Attributes) -> Vec<Finding> {
    vec![
        kind(queue, attributes),
        throughput(queue, attributes),
        retention(queue, attributes),
        encryption(queue, attributes),
    ]
}

fn kind(queue: &str, attributes: &Attributes) -> Finding {
    const CHECK: &str = "queue.there";
    if attributes.get(&Name::FifoQueue).is_some_and(|value| value == "true") {
        Finding::ok(CHECK, queue, "it is there, and keeps the order of each conversation")
    } else {
        let advice =
            "a queue cannot become a FIFO queue: make one whose name ends in .fifo, and name it instead";
        Finding::fail(CHECK, queue, "it is no FIFO queue, so nothing keeps the order (D3)", advice)
    }
}

fn throughput(queue: &str, attributes: &Attributes) -> Finding {
    const CHECK: &str = "queue.throughput";
    let scope = attributes.get(&Name::DeduplicationScope).map_or("queue", String::as_str);
    let limit = attributes.get(&Name::FifoThroughputLimit).map_or("perQueue", String::as_str);
    if (scope, limit) == ("messageGroup", "perMessageGroupId") {
        return Finding::ok(CHECK, queue, "high, counted by conversation");
    }
    let advice = format!(
        "`aws sqs set-queue-attributes --queue-url URL --attributes \
         DeduplicationScope=messageGroup,FifoThroughputLimit=perMessageGroupId` for {queue}"
    );
    let detail = format!(
        "deduplication by {scope} and throughput {limit}: at most 300 requests a second for everybody"
    );
    Finding::fail(CHECK, queue, detail, advice)
}

fn retention(queue: &str, attributes: &Attributes) -> Finding {
    const CHECK: &str = "queue.retention";
    let seconds = number(attributes, &Name::MessageRetentionPeriod);
    let days = seconds / 86_400;
    if seconds >= QUEUE_RETENTION_S {
        return Finding::ok(CHECK, queue, format!("what nobody takes is kept for {days} days"));
    }
    let advice = format!(
        "what is accepted must outlive a long outage (D1): `aws sqs set-queue-attributes --queue-url URL --attributes \
         MessageRetentionPeriod={QUEUE_RETENTION_S}`"
    );
    let hours = seconds / 3_600;
    Finding::fail(CHECK, queue, format!("what nobody takes is gone after {hours} hours"), advice)
}

fn encryption(queue: &str, attributes: &Attributes) -> Finding {
    const CHECK: &str = "queue.encryption";
    if let Some(key) = attributes.get(&Name::KmsMasterKeyId).filter(|key| !key.is_empty()) {
        return Finding::ok(CHECK, queue, format!("encrypted with {key}"));
    }
    if attributes.get(&Name::SqsManagedSseEnabled).is_some_and(|value| value == "true") {
        return Finding::ok(CHECK, queue, "encrypted with a key of SQS");
    }
    let advice = "`aws sqs set-queue-attributes --queue-url URL --attributes SqsManagedSseEnabled=true`, or \
                  KmsMasterKeyId=KEY";
    Finding::fail(CHECK, queue, "what waits in it is not encrypted (D7)", advice)
}

fn lease(queue: &str, attributes: &Attributes) -> Finding {
    const CHECK: &str = "queue.lease";
    let seconds = number(attributes, &Name::VisibilityTimeout);
    let least = LEASE_MS / 1_000;
    if seconds >= least {
        return Finding::ok(CHECK, queue, format!("what is taken is hidden for {seconds} s"));
    }
    let advice = format!(
        "six times the timeout of the function that takes from it, and at least {least} s: `aws sqs \
         set-queue-attributes --queue-url URL --attributes VisibilityTimeout=180`"
    );
    Finding::fail(
        CHECK,
        queue,
        format!("what is taken is hidden for {seconds} s: a function at work on it sees it come again"),
        advice,
    )
}

fn redrive(queue: &str, attributes: &Attributes, dead_arn: Option<&str>) -> Finding {
    const CHECK: &str = "queue.redrive";
    let policy: Value = attributes
        .get(&Name::RedrivePolicy)
        .and_then(|policy| serde_json::from_str(policy).ok())
        .unwrap_or(Value::Null);
    let target = policy["deadLetterTargetArn"].as_str().unwrap_or_default();
    let receives = &policy["maxReceiveCount"];
    // A number or a text, whoever wrote it.
    let receives = receives.as_u64().or_else(|| receives.as_str()?.parse().ok()).unwrap_or(0);
    let advice = format!(
        "`aws sqs set-queue-attributes --queue-url URL --attributes RedrivePolicy=…` with the ARN of its own \
         dead-letter queue and maxReceiveCount {RECEIVES_MAX}"
    );
    if target.is_empty() {
        let detail = "what cannot be processed comes again for ever and holds back its conversation (D5)";
        return Finding::fail(CHECK, queue, detail, advice);
    }
    match dead_arn {
        Some(arn) if arn != target => {
            let detail = format!("what is given up goes to {target}, where nobody looks (D5)");
            return Finding::fail(CHECK, queue, detail, advice);
        }
        _ => {}
    }
    if receives < u64::from(RECEIVES_MAX) {
        let detail = format!("given up after {receives} receives: a short outage fills the dead letters");
        return Finding::warn(CHECK, queue, detail, advice);
    }
    Finding::ok(CHECK, queue, format!("given up after {receives} receives, into its dead-letter queue"))
}

/// What waits for a decision: in the table, and in the service's own dead-letter queue.
async fn dead_letters(asking: &Asking<'_>, name: &str, dead: Option<&Attributes>) -> Finding {
    const CHECK: &str = "queue.dead";
    let request = asking
        .tables
        .query()
        .table_name(&asking.names.main_table)
        .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
        .expression_attribute_values(":pk", crate::item::text(&keys::dead_letters(name)))
        .expression_attribute_values(":from", crate::item::text("\u{1}"))
        .expression_attribute_values(":to", crate::item::text(&LAST.to_string()))
        .select(aws_sdk_dynamodb::types::Select::Count);
    let stored = match Asked::of(request.send().await) {
        Asked::Told(answer) => u64::try_from(answer.count).unwrap_or(0),
        Asked::Missing => return Finding::skip(CHECK, name, "there is no table to look into"),
        Asked::Denied(why) | Asked::Failed(why) => return Finding::skip(CHECK, name, why),
    };
    let waiting = dead.map_or(0, |dead| {
        number(dead, &Name::ApproximateNumberOfMessages)
            + number(dead, &Name::ApproximateNumberOfMessagesNotVisible)
    });
    if stored + waiting == 0 {
        return Finding::ok(CHECK, name, "there are no dead letters");
    }
    let advice = format!("`dynamowave dlq list --backend aws --queue {name}` tells what and why (D5)");
    Finding::warn(CHECK, name, format!("{} dead letters wait for a decision", stored + waiting), advice)
}

fn number(attributes: &Attributes, name: &Name) -> u64 {
    attributes.get(name).and_then(|value| value.parse().ok()).unwrap_or(0)
}
