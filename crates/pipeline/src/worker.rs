//! The loop that both workers run: lease, process, and rest after a failure.
//! Knows nothing of what is leased; which step a worker is, its own file says.

use std::{future::Future, pin::pin};

use chat::ports::{Lease, PortError, Randomness};

use crate::retry;

/// What the loop asks of a worker.
pub(crate) trait Worker: Sync {
    /// What lies in its queue.
    type Item: Send;
    /// What it leases, in the plural, for the log.
    const ITEMS: &'static str;

    /// Leases what comes next; a worker whose last step failed is not `is_healthy`.
    fn lease(
        &self,
        is_healthy: bool,
    ) -> impl Future<Output = Result<Vec<Lease<Self::Item>>, PortError>> + Send;

    /// Whether what is being leased at the moment would be lost to others for a while if nobody took it.
    fn leases_expire(&self) -> bool;

    /// Brings a lease to its end. False when what it stands on fails, so that the next lease had better wait.
    fn complete(&self, leases: Vec<Lease<Self::Item>>) -> impl Future<Output = bool> + Send;
}

/// Works until `shutdown` completes. A step under way is finished first, which may take as long as a lease is waited for;
/// what it has not settled comes again.
pub(crate) async fn run<W: Worker>(
    worker: &W,
    randomness: &dyn Randomness,
    shutdown: impl Future<Output = ()> + Send,
) {
    let mut shutdown = pin!(shutdown);
    let mut failures: u32 = 0;
    loop {
        let mut leasing = pin!(worker.lease(failures == 0));
        let leased = tokio::select! {
            biased;
            () = &mut shutdown => {
                if worker.leases_expire() && let Ok(leases) = leasing.await {
                    worker.complete(leases).await;
                }
                return;
            }
            leased = &mut leasing => leased,
        };
        let is_healthy = match leased {
            Ok(leases) => worker.complete(leases).await,
            Err(error) => {
                tracing::warn!(%error, items = W::ITEMS, "nothing can be leased");
                false
            }
        };
        if is_healthy {
            failures = 0;
            continue;
        }
        failures = failures.saturating_add(1);
        let pause = retry::backoff(failures, randomness);
        tokio::select! {
            biased;
            () = &mut shutdown => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
