//! Events of a queue as messages, and the answer that names those which have to come again.
//! Knows neither commands nor announcements. Invariant: what is not named is deleted by the service, so everything
//! that was not brought to an end is named.

use anyhow::{Context as _, Result};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use backend_aws::ReceivedMessage;
use serde_json::{Value, json};

use crate::limits::RECORDS_MAX;

/// Attribute of a message whose outcome somebody waits for.
const WAITER: &str = "waiter";

/// The messages of an event, and the ids of those that are left out, because there are more than a batch has.
pub(crate) fn messages(event: Value) -> Result<(Vec<ReceivedMessage>, Vec<String>)> {
    let event: SqsEvent = serde_json::from_value(event).context("this is no event of a queue")?;
    let mut messages: Vec<ReceivedMessage> = event.records.into_iter().map(message).collect();
    let beyond = messages.split_off(messages.len().min(RECORDS_MAX));
    Ok((messages, beyond.into_iter().map(|message| message.id).collect()))
}

/// The answer that makes these messages come again, and no others.
pub(crate) fn answer(failed: Vec<String>) -> Value {
    let failures: Vec<Value> = failed.into_iter().map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": failures })
}

fn message(record: SqsMessage) -> ReceivedMessage {
    let waiter = record.message_attributes.get(WAITER).and_then(|value| value.string_value.clone());
    ReceivedMessage {
        id: record.message_id.unwrap_or_default(),
        receipt: record.receipt_handle.unwrap_or_default(),
        body: record.body.unwrap_or_default(),
        attributes: record.attributes,
        waiter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str) -> Value {
        json!({
            "messageId": id, "receiptHandle": format!("r-{id}"), "body": "AQ",
            "attributes": {
                "ApproximateReceiveCount": "2", "SentTimestamp": "1545082649183",
                "MessageGroupId": "00000000000000000000000000000007", "SenderId": "x",
                "ApproximateFirstReceiveTimestamp": "1545082649185"
            },
            "messageAttributes": { "waiter": { "stringValue": "w1", "dataType": "String" } },
            "md5OfBody": "x", "eventSource": "aws:sqs", "awsRegion": "eu-west-1",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:messages.fifo"
        })
    }

    #[test]
    fn a_record_carries_what_settling_it_needs() {
        let (messages, beyond) = messages(json!({ "Records": [record("a")] })).unwrap();
        assert!(beyond.is_empty());
        let [message] = &messages[..] else { panic!("one") };
        assert_eq!((&*message.id, &*message.receipt, &*message.body), ("a", "r-a", "AQ"));
        assert_eq!(message.attributes["ApproximateReceiveCount"], "2");
        assert_eq!(message.waiter.as_deref(), Some("w1"));
    }

    #[test]
    fn d5_only_what_failed_is_named_and_what_is_beyond_the_bound_comes_again() {
        assert_eq!(answer(Vec::new()), json!({ "batchItemFailures": [] }));
        assert_eq!(answer(vec!["a".into()]), json!({ "batchItemFailures": [{ "itemIdentifier": "a" }] }));
        let records: Vec<Value> = (0..12).map(|at| record(&at.to_string())).collect();
        let (messages, beyond) = messages(json!({ "Records": records })).unwrap();
        assert_eq!((messages.len(), beyond), (RECORDS_MAX, vec!["10".to_owned(), "11".to_owned()]));
    }
}
