//! Settling leases: done is deleted, put off becomes visible later, given up becomes a dead letter first.
//! Invariant: a lease that has run out, or is not known, changes nothing.

use std::time::Duration;

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
};
use chat::ports::{ErrorKind, LeaseId, PortError, Settlement};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Shared,
    lease::{Taken, whole_seconds},
};
use crate::{
    error::{failed, plain},
    limits::{QUEUE_BATCH_MAX, RETRY_DELAY_MAX_MS},
};

type Held = (LeaseId, Taken);

impl<T> Shared<T>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub(super) async fn settle(&self, settlements: Vec<(LeaseId, Settlement)>) -> Result<(), PortError> {
        let (mut done, mut later, mut dead) = (Vec::new(), Vec::new(), Vec::new());
        for (id, settlement) in settlements {
            let Some(taken) = self.leased.lock().take(&id) else { continue };
            match settlement {
                Settlement::Done => done.push((id, taken)),
                Settlement::RetryAfter(delay) => later.push(((id, taken), delay)),
                Settlement::Dead { reason } => dead.push(((id, taken), reason)),
            }
        }
        // Dead letters are stored before anything leaves the queue.
        let mut result = Ok(());
        for (held, reason) in dead {
            match self.bury(&held.1.message, &reason).await {
                Ok(()) => done.push(held),
                Err(error) => {
                    self.give_back(vec![held]);
                    result = Err(error);
                }
            }
        }
        let deleted = self.delete_leases(done).await;
        let put_off = self.put_off(later).await;
        result.and(deleted).and(put_off)
    }

    async fn delete_leases(&self, done: Vec<Held>) -> Result<(), PortError> {
        let mut rest = done;
        while !rest.is_empty() {
            let after = rest.split_off(rest.len().min(QUEUE_BATCH_MAX));
            let receipts = rest.iter().map(|(_, taken)| taken.receipt.clone()).collect();
            if let Err(error) = self.delete(&self.place.url, receipts).await {
                rest.extend(after);
                self.give_back(rest);
                return Err(error);
            }
            let mut leased = self.leased.lock();
            rest.iter().for_each(|(_, taken)| leased.forget_retry(&taken.message.id));
            drop(leased);
            self.gauge.lock().settled(rest.len() as u64);
            rest = after;
        }
        Ok(())
    }

    /// Deletes messages, at most ten. A receipt that is worth nothing any more is no error.
    pub(super) async fn delete(&self, url: &str, receipts: Vec<String>) -> Result<(), PortError> {
        const OPERATION: &str = "sqs.DeleteMessageBatch";
        let internal = |error| plain(ErrorKind::Internal, OPERATION).caused_by(error);
        let entry = |(at, receipt): (usize, String)| {
            DeleteMessageBatchRequestEntry::builder().id(at.to_string()).receipt_handle(receipt).build()
        };
        let entries = receipts.into_iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>();
        let request = self.client.delete_message_batch().queue_url(url);
        let request = request.set_entries(Some(entries.map_err(internal)?));
        let answer = request.send().await.map_err(|error| failed(OPERATION, &error))?;
        all_taken(&answer.failed, OPERATION)
    }

    /// Makes messages visible again after their delays, the later ones of a group not before the earlier.
    async fn put_off(&self, later: Vec<(Held, Duration)>) -> Result<(), PortError> {
        const OPERATION: &str = "sqs.ChangeMessageVisibilityBatch";
        let internal = |error| plain(ErrorKind::Internal, OPERATION).caused_by(error);
        for chunk in later.chunks(QUEUE_BATCH_MAX) {
            let entry = |(at, ((_, taken), delay)): (usize, &(Held, Duration))| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(at.to_string())
                    .receipt_handle(&taken.receipt)
                    .visibility_timeout(whole_seconds(bounded(*delay)))
                    .build()
            };
            let entries = chunk.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>();
            let request = self.client.change_message_visibility_batch().queue_url(&self.place.url);
            let request = request.set_entries(Some(entries.map_err(internal)?));
            let answer = request.send().await.map_err(|error| failed(OPERATION, &error));
            if let Err(error) = answer.and_then(|answer| all_taken(&answer.failed, OPERATION)) {
                self.give_back(later.iter().map(|(held, _)| held.clone()).collect());
                return Err(error);
            }
            let mut leased = self.leased.lock();
            for ((_, taken), delay) in chunk {
                let seconds = u64::try_from(whole_seconds(bounded(*delay))).unwrap_or(0);
                leased.put_off(&taken.message, Duration::from_secs(seconds));
            }
        }
        Ok(())
    }

    fn give_back(&self, held: Vec<Held>) {
        let mut leased = self.leased.lock();
        for (id, taken) in held {
            leased.give_back(id, taken);
        }
    }
}

fn bounded(delay: Duration) -> Duration {
    delay.min(Duration::from_millis(RETRY_DELAY_MAX_MS))
}

/// Whether the service did everything; what it says is the sender's fault concerns leases that have run out.
fn all_taken(failures: &[BatchResultErrorEntry], operation: &'static str) -> Result<(), PortError> {
    match failures.iter().find(|failure| !failure.sender_fault) {
        None => Ok(()),
        Some(failure) => {
            tracing::warn!(code = %failure.code, operation, "a queue did a part of a request only");
            Err(plain(ErrorKind::Unavailable, operation))
        }
    }
}
