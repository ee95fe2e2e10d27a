//! Renewing leases while work on them lasts, so that they can be short: what a killed worker held is free soon.
//! Invariant: no lease is renewed for longer than a bound, so that work which hangs keeps nothing for ever.

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use chat::ports::{ErrorKind, LeaseId, PortError};
use tokio::time::Instant;

use super::{AwsQueue, Shared, lease::whole_seconds};
use crate::{
    error::{failed, plain},
    limits::{LEASE_HELD_MAX_MS, LEASE_RENEW_MS, QUEUE_BATCH_MAX},
};

/// Renews the leases of a process.
#[derive(Clone)]
pub struct Leases {
    queues: Vec<Arc<dyn Renew>>,
}

/// A queue some of whose items are leased here.
#[async_trait::async_trait]
pub(crate) trait Renew: Send + Sync {
    /// Renews every lease that would run out before the look after next.
    async fn renew(&self) -> Result<(), PortError>;
}

impl Leases {
    pub(crate) fn of(queues: Vec<Arc<dyn Renew>>) -> Leases {
        Leases { queues }
    }

    /// Renews, for ever. A process that leases with [`crate::limits::WORKER_LEASE_MS`] runs this beside its work.
    pub async fn keep(self) {
        loop {
            tokio::time::sleep(Duration::from_millis(LEASE_RENEW_MS) / 2).await;
            for queue in &self.queues {
                if let Err(error) = queue.renew().await {
                    tracing::warn!(%error, "leases could not be renewed; others may take over what they are for");
                }
            }
        }
    }
}

#[async_trait::async_trait]
impl<T: Send + Sync> Renew for AwsQueue<T> {
    async fn renew(&self) -> Result<(), PortError> {
        self.shared.renew().await
    }
}

impl<T> Shared<T> {
    async fn renew(&self) -> Result<(), PortError> {
        let now = Instant::now();
        // Work that is done before the first renewal costs no request.
        let soon = now + self.place.lease.saturating_sub(Duration::from_millis(LEASE_RENEW_MS));
        let due = self.leased.lock().due(soon, Duration::from_millis(LEASE_HELD_MAX_MS));
        for chunk in due.chunks(QUEUE_BATCH_MAX) {
            self.renew_some(chunk).await?;
        }
        Ok(())
    }

    async fn renew_some(&self, leases: &[(LeaseId, String)]) -> Result<(), PortError> {
        const OPERATION: &str = "sqs.ChangeMessageVisibilityBatch (renew)";
        let internal = |error| plain(ErrorKind::Internal, OPERATION).caused_by(error);
        let entry = |(at, (_, receipt)): (usize, &(LeaseId, String))| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(at.to_string())
                .receipt_handle(receipt)
                .visibility_timeout(whole_seconds(self.place.lease))
                .build()
        };
        let entries =
            leases.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>().map_err(internal)?;
        let asked = Instant::now();
        let request = self.client.change_message_visibility_batch().queue_url(&self.place.url);
        let answer = request.set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| failed(OPERATION, &error))?;
        // Those that failed were settled meanwhile, or have run out.
        let renewed = answer.successful.iter().filter_map(|entry| entry.id.parse::<usize>().ok());
        let mut leased = self.leased.lock();
        for (id, _) in renewed.filter_map(|at| leases.get(at)) {
            leased.renewed(id, asked + self.place.lease);
        }
        Ok(())
    }
}
