//! Leasing: what the service hands out, with what settling it needs kept here until then.
//! Invariant: a lease is forgotten when it is settled or runs out, so that nothing is kept for ever.

use std::{collections::HashMap, time::Duration};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use aws_smithy_types::timeout::TimeoutConfig;
use chat::{
    TimestampMs,
    ports::{Lease, LeaseId, PortError},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::{
    Shared,
    body::{self, WAITER},
};
use crate::{
    error::failed,
    limits::{LEASE_PAUSE_MS, QUEUE_BATCH_MAX, QUEUE_WAIT_MAX_S, REQUEST_TRY_MS},
};

/// What is known of a leased message.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) receipt: String,
    pub(super) message: Facts,
    /// When the lease runs out.
    pub(super) until: Instant,
    /// Since when it is held.
    pub(super) since: Instant,
}

/// A message as the service tells of it.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) id: String,
    pub(super) group: u128,
    pub(super) body: String,
    pub(super) attempts: u32,
    pub(super) sent_at: TimestampMs,
    pub(super) first_taken_at: TimestampMs,
}

/// Leases of this process, and its retries that are still to come.
#[derive(Debug, Default)]
pub(super) struct Leased {
    number: u64,
    taken: HashMap<LeaseId, Taken>,
    /// Message ids put off, with the time at which each comes again and the one at which it was sent.
    put_off: HashMap<String, (Instant, TimestampMs)>,
}

impl Leased {
    fn add(&mut self, taken: Taken) -> LeaseId {
        self.number += 1;
        self.put_off.remove(&taken.message.id);
        let id = LeaseId(format!("{}:{}", self.number, taken.message.id));
        self.taken.insert(id.clone(), taken);
        id
    }

    /// The lease, if it has not run out.
    pub(super) fn take(&mut self, id: &LeaseId) -> Option<Taken> {
        self.taken.remove(id).filter(|taken| taken.until > Instant::now())
    }

    /// Keeps a lease for another try of settling it.
    pub(super) fn give_back(&mut self, id: LeaseId, taken: Taken) {
        self.taken.insert(id, taken);
    }

    /// Leases that run out before `soon` and are held for no longer than `held_max`, with their receipts.
    pub(super) fn due(&self, soon: Instant, held_max: Duration) -> Vec<(LeaseId, String)> {
        let now = Instant::now();
        let due = self.taken.iter().filter(|(_, taken)| {
            (now..soon).contains(&taken.until) && now.saturating_duration_since(taken.since) <= held_max
        });
        due.map(|(id, taken)| (id.clone(), taken.receipt.clone())).collect()
    }

    /// A lease lasts longer, if it is still held.
    pub(super) fn renewed(&mut self, id: &LeaseId, until: Instant) {
        if let Some(taken) = self.taken.get_mut(id) {
            taken.until = until;
        }
    }

    pub(super) fn put_off(&mut self, message: &Facts, delay: Duration) {
        self.put_off.insert(message.id.clone(), (Instant::now() + delay, message.sent_at));
    }

    /// Items put off that have not come again, and the time of the oldest item known here.
    pub(super) fn known(&mut self) -> (u64, Option<TimestampMs>) {
        let now = Instant::now();
        self.taken.retain(|_, taken| taken.until > now);
        let waiting = self.put_off.values().filter(|(at, _)| *at > now).count() as u64;
        self.put_off.retain(|_, (at, _)| *at + Duration::from_secs(60) > now);
        let leased = self.taken.values().map(|taken| taken.message.sent_at);
        (waiting, leased.chain(self.put_off.values().map(|(_, sent_at)| *sent_at)).min())
    }

    pub(super) fn forget_retry(&mut self, message: &str) {
        self.put_off.remove(message);
    }
}

impl<T> Shared<T>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub(super) async fn lease(&self, max: usize, wait: Duration) -> Result<Vec<Lease<T>>, PortError> {
        let max = i32::try_from(max.min(QUEUE_BATCH_MAX)).unwrap_or(1);
        let end = Instant::now() + wait;
        if max < 1 {
            return Ok(Vec::new());
        }
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // Rounded up: what is left of a second would be many requests.
            let wait_s = if left < Duration::from_secs(1) { 0 } else { left.as_millis().div_ceil(1_000) };
            let wait_s = u64::try_from(wait_s).unwrap_or(QUEUE_WAIT_MAX_S).min(QUEUE_WAIT_MAX_S);
            let asked = Instant::now();
            let messages = self.receive(&self.place.url, max, wait_s, self.place.lease).await?;
            let leases = self.take_over(messages, asked).await?;
            let left = end.saturating_duration_since(Instant::now());
            if !leases.is_empty() || left.is_zero() {
                return Ok(leases);
            }
            // The service waits whole seconds; what is left of one is waited for here.
            if left < Duration::from_secs(1) {
                tokio::time::sleep(left.min(Duration::from_millis(LEASE_PAUSE_MS))).await;
            }
        }
    }

    /// One look into a queue.
    pub(super) async fn receive(
        &self,
        url: &str,
        max: i32,
        wait_s: u64,
        lease: Duration,
    ) -> Result<Vec<Message>, PortError> {
        let request = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(max)
            .wait_time_seconds(i32::try_from(wait_s).unwrap_or(0))
            .visibility_timeout(whole_seconds(lease))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names(WAITER);
        let try_for = Duration::from_millis(REQUEST_TRY_MS) + Duration::from_secs(wait_s);
        let timeouts =
            TimeoutConfig::builder().operation_attempt_timeout(try_for).operation_timeout(try_for * 2);
        let patient = aws_sdk_sqs::config::Builder::new().timeout_config(timeouts.build());
        let answer = request.customize().config_override(patient).send().await;
        Ok(answer.map_err(|error| failed("sqs.ReceiveMessage", &error))?.messages.unwrap_or_default())
    }

    /// Messages as leases. What does not read goes to the dead letters, so that its group goes on.
    async fn take_over(&self, messages: Vec<Message>, asked: Instant) -> Result<Vec<Lease<T>>, PortError> {
        let mut leases = Vec::with_capacity(messages.len());
        for message in messages {
            let waiter = waiter_of(&message);
            let Some((receipt, facts)) = facts_of(message) else { continue };
            match body::read::<T>(&facts.body) {
                Ok(body) => {
                    if let (Some(waiter), Some(on_waited)) = (waiter, &self.on_waited) {
                        on_waited(&body, &waiter);
                    }
                    let (attempts, sent_at, group) = (facts.attempts, facts.sent_at, facts.group);
                    let taken =
                        Taken { receipt, message: facts, until: asked + self.place.lease, since: asked };
                    let id = self.leased.lock().add(taken);
                    leases.push(Lease { id, group, attempts, sent_at, body });
                }
                Err(error) => {
                    tracing::error!(%error, message = %facts.id, "a queue item does not read");
                    self.bury(&facts, &error.to_string()).await?;
                    self.delete(&self.place.url, vec![receipt]).await?;
                }
            }
        }
        Ok(leases)
    }
}

/// A duration in whole seconds, never shorter.
pub(super) fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1_000)).unwrap_or(i32::MAX)
}

/// What the service tells of a message, and the receipt to settle it by.
pub(super) fn facts_of(message: Message) -> Option<(String, Facts)> {
    let attributes = message.attributes.unwrap_or_default();
    let number = |name| attributes.get(&name).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
    let sent_at = number(MessageSystemAttributeName::SentTimestamp);
    let attempts = number(MessageSystemAttributeName::ApproximateReceiveCount);
    let group = attributes.get(&MessageSystemAttributeName::MessageGroupId)?;
    let facts = Facts {
        id: message.message_id?,
        group: body::bits(group).ok()?,
        body: message.body?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        sent_at,
        first_taken_at: number(MessageSystemAttributeName::ApproximateFirstReceiveTimestamp).max(sent_at),
    };
    Some((message.receipt_handle?, facts))
}

fn waiter_of(message: &Message) -> Option<String> {
    message.message_attributes.as_ref()?.get(WAITER)?.string_value.clone()
}
