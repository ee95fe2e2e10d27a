//! Sending: in order, ten messages and a mebibyte a request, never a part of a group twice out of order.
//! Invariant: `Ok` only when the service has taken everything (D1).

use std::collections::BTreeSet;

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use chat::ports::{ErrorKind, Item, PortError, Retry};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Shared,
    body::{self, MESSAGE_OVERHEAD_BYTES, WAITER},
};
use crate::{
    error::{failed, of_code, plain},
    limits::{QUEUE_BATCH_BYTES_MAX, QUEUE_BATCH_MAX, QUEUE_RETRY_MS, SEND_TRIES_MAX},
};

const OPERATION: &str = "sqs.SendMessageBatch";

/// A message ready to go.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) group: u128,
    pub(super) dedup: String,
    pub(super) body: String,
    pub(super) waiter: Option<String>,
}

impl<T> Shared<T>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub(super) async fn send(&self, items: Vec<Item<T>>, waiter: Option<&str>) -> Result<(), PortError> {
        if items.is_empty() {
            return Ok(());
        }
        let messages: Vec<Message> = items
            .into_iter()
            .map(|item| {
                Ok(Message {
                    group: item.group,
                    dedup: body::name(item.dedup),
                    body: body::write(&item.body)?,
                    waiter: waiter.map(str::to_owned),
                })
            })
            .collect::<Result<_, PortError>>()?;
        self.send_messages(messages).await
    }

    /// Sends in order, if there is room.
    pub(super) async fn send_messages(&self, messages: Vec<Message>) -> Result<(), PortError> {
        if !self.has_room(messages.len() as u64).await? {
            let full = plain(ErrorKind::Overloaded, "sqs.send (the queue is full)");
            return Err(full.retry(Retry::AfterMs(QUEUE_RETRY_MS)));
        }
        let mut rest = messages.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(batch_len(rest));
            self.send_batch(batch).await?;
            self.gauge.lock().sent(batch.len() as u64);
            rest = after;
        }
        Ok(())
    }

    /// One request, and again for what was not taken as long as that keeps the order of every group.
    async fn send_batch(&self, batch: &[Message]) -> Result<(), PortError> {
        let mut left: Vec<usize> = (0..batch.len()).collect();
        for _ in 0..SEND_TRIES_MAX {
            let entries = left.iter().map(|at| entry(*at, &batch[*at])).collect::<Result<Vec<_>, _>>()?;
            let request =
                self.client.send_message_batch().queue_url(&self.place.url).set_entries(Some(entries));
            let answer = request.send().await.map_err(|error| failed(OPERATION, &error))?;
            let refused: BTreeSet<usize> =
                answer.failed.iter().filter_map(|failure| failure.id.parse().ok()).collect();
            if refused.is_empty() {
                return Ok(());
            }
            let why = answer.failed.first().map_or("", |failure| failure.code.as_str());
            let kind =
                match of_code(why, if answer.failed.iter().all(|it| it.sender_fault) { 400 } else { 500 }) {
                    ErrorKind::Conflict => ErrorKind::Unavailable,
                    kind => kind,
                };
            tracing::warn!(code = why, refused = refused.len(), "a queue took a part of a request only");
            if kind == ErrorKind::Invalid || kind == ErrorKind::Internal || overtakes(batch, &left, &refused)
            {
                return Err(plain(kind, OPERATION));
            }
            left.retain(|at| refused.contains(at));
        }
        Err(plain(ErrorKind::Unavailable, OPERATION))
    }
}

/// Whether something that was taken stands behind something of its group that was not: sending that now would change
/// the order, so the caller has to know that nothing is certain.
fn overtakes(batch: &[Message], sent: &[usize], refused: &BTreeSet<usize>) -> bool {
    sent.iter().any(|at| {
        !refused.contains(at)
            && refused.iter().any(|missing| missing < at && batch[*missing].group == batch[*at].group)
    })
}

/// How many messages from the front one request takes.
fn batch_len(messages: &[Message]) -> usize {
    let mut bytes = 0;
    let fits = |message: &&Message| {
        bytes += message.body.len() + MESSAGE_OVERHEAD_BYTES;
        bytes <= QUEUE_BATCH_BYTES_MAX
    };
    messages.iter().take(QUEUE_BATCH_MAX).take_while(fits).count().max(1)
}

fn entry(at: usize, message: &Message) -> Result<SendMessageBatchRequestEntry, PortError> {
    let invalid = |error| plain(ErrorKind::Internal, OPERATION).caused_by(error);
    let mut entry = SendMessageBatchRequestEntry::builder()
        .id(at.to_string())
        .message_body(&message.body)
        .message_group_id(body::name(message.group))
        .message_deduplication_id(&message.dedup);
    if let Some(waiter) = &message.waiter {
        let value = MessageAttributeValue::builder().data_type("String").string_value(waiter);
        entry = entry.message_attributes(WAITER, value.build().map_err(invalid)?);
    }
    entry.build().map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(group: u128, bytes: usize) -> Message {
        Message { group, dedup: String::new(), body: "x".repeat(bytes), waiter: None }
    }

    #[test]
    fn a_request_takes_ten_messages_and_a_mebibyte() {
        assert_eq!(batch_len(&vec![message(1, 10); 25]), 10);
        assert_eq!(batch_len(&vec![message(1, 400_000); 5]), 2);
        assert_eq!(batch_len(&[message(1, 1)]), 1);
    }

    #[test]
    fn what_was_not_taken_is_sent_again_only_if_nothing_of_its_group_overtook_it() {
        let batch = [message(1, 1), message(2, 1), message(1, 1), message(2, 1)];
        let all = [0, 1, 2, 3];
        assert!(overtakes(&batch, &all, &[0].into()), "the third of group 1 was taken");
        assert!(!overtakes(&batch, &all, &[2].into()));
        assert!(!overtakes(&batch, &all, &[0, 2, 3].into()));
        assert!(overtakes(&batch, &all, &[1, 2].into()));
    }
}
