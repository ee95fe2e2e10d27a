//! Settling leases, with the patience that a queue whose leases never run out needs.
//! Invariant: what is not settled comes again; nothing is settled that has not been dealt with.

use chat::ports::{LeaseId, PortError, Queue, Randomness, Settlement};

use crate::{
    limits::{REASON_BYTES_MAX, SETTLE_TRIES_MAX},
    retry,
};

/// Settles, trying again while the queue fails for the moment.
pub(crate) async fn settle<T: Send + 'static>(
    queue: &dyn Queue<T>,
    settlements: Vec<(LeaseId, Settlement)>,
    randomness: &dyn Randomness,
) -> Result<(), PortError> {
    let mut tries = 1;
    loop {
        let error = match queue.settle(settlements.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if !error.is_transient() || tries >= SETTLE_TRIES_MAX {
            tracing::error!(%error, leases = settlements.len(), "leases could not be settled; they come again");
            return Err(error);
        }
        tokio::time::sleep(retry::delay(tries, &error, randomness)).await;
        tries += 1;
    }
}

/// The reason an operator reads: what failed and how often. The rich cause is in the log.
pub(crate) fn reason(error: &PortError, attempts: u32) -> String {
    tracing::error!(%error, attempts, "given up: goes to the dead letters");
    let mut text = error.to_string();
    if error.is_transient() {
        text = format!("gave up after {attempts} attempts: {text}");
    }
    truncate(&mut text, REASON_BYTES_MAX);
    text
}

fn truncate(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_characters() {
        let mut text = "ä".repeat(400);
        truncate(&mut text, 501);
        assert_eq!(text, "ä".repeat(250));
    }
}
