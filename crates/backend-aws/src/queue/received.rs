//! A queue whose messages were taken already: a function is handed them, and answers which of them it could not bring
//! to an end. Everything else, dead letters above all, is as in the queue they came from.
//! Invariant: what was not settled is answered as failed, so that it comes again.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use aws_config::SdkConfig;
use chat::{
    CommandId, ConversationId, Envelope, Outcome, UserId,
    ports::{
        Clock, DeadLetter, Depth, Item, Lease, LeaseId, PortError, Queue, QueueCapabilities, Randomness,
        Settlement,
    },
};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};

use super::{AwsQueue, QueuePlace, body, lease::Facts, lease::whole_seconds};
use crate::{
    aws::{AwsNames, AwsOptions},
    codec::from_hex,
    error::failed,
    item::Item as TableItem,
    jitter::Jitter,
    keys,
    limits::{OUTCOME_LIFE_MS, QUEUE_BATCH_MAX, RETRY_DELAY_MAX_MS},
    table::Table,
    usage::Usage,
};

/// A message as a function is handed it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceivedMessage {
    /// Its id, by which the function's answer names it.
    pub id: String,
    /// To settle it by.
    pub receipt: String,
    /// What it carries.
    pub body: String,
    /// What the service tells of it: `MessageGroupId`, `ApproximateReceiveCount` and others.
    pub attributes: HashMap<String, String>,
    /// Who waits for its outcome.
    pub waiter: Option<String>,
}

/// Which of the two queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Commands on their way.
    Messages,
    /// Announcements on their way.
    Notifications,
}

/// A queue over what was received, one batch at a time. Clones share it.
pub struct ReceivedQueue<T> {
    queue: AwsQueue<T>,
    live: Table,
    batch: Arc<Mutex<Batch<T>>>,
}

struct Batch<T> {
    waiting: VecDeque<Lease<T>>,
    taken: HashMap<LeaseId, (String, Facts)>,
    failed: BTreeSet<String>,
    waiters: Vec<(T, String)>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Batch {
            waiting: VecDeque::new(),
            taken: HashMap::new(),
            failed: BTreeSet::new(),
            waiters: Vec::new(),
        }
    }
}

impl<T> Clone for ReceivedQueue<T> {
    fn clone(&self) -> Self {
        ReceivedQueue { queue: self.queue.clone(), live: self.live.clone(), batch: Arc::clone(&self.batch) }
    }
}

impl<T> ReceivedQueue<T>
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    /// Opens one of the queues of an installation.
    ///
    /// # Errors
    /// When the queue is not there.
    pub async fn open(
        sdk: &SdkConfig,
        names: &AwsNames,
        which: Which,
        options: AwsOptions,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<ReceivedQueue<T>, PortError> {
        let client = aws_sdk_sqs::Client::new(sdk);
        let (name, names_of) = match which {
            Which::Messages => ("messages", &names.messages),
            Which::Notifications => ("notifications", &names.notifications),
        };
        let tables = aws_sdk_dynamodb::Client::new(sdk);
        let (usage, jitter) = (Arc::new(Usage::default()), Jitter::new(randomness));
        let table = |name: &str| Table::new(tables.clone(), name, Arc::clone(&usage), jitter.clone());
        let place = QueuePlace::find(&client, name, names_of, options).await?;
        let queue = AwsQueue::new(client, place, table(&names.main_table), clock, None);
        Ok(ReceivedQueue { queue, live: table(&names.live_table), batch: Arc::default() })
    }

    /// Offers a batch to the next lease. What does not read becomes a dead letter at once, so that its group goes on.
    pub async fn offer(&self, messages: Vec<ReceivedMessage>) {
        *self.batch.lock() = Batch::default();
        for message in messages {
            let id = message.id.clone();
            let receipt = message.receipt.clone();
            let waiter = message.waiter.clone();
            let Some(facts) = facts_of(message) else {
                tracing::error!(message = %id, "a message has no group: it comes again");
                self.batch.lock().failed.insert(id);
                continue;
            };
            match body::read::<T>(&facts.body) {
                Ok(body) => self.batch.lock().add(facts, receipt, waiter, body),
                Err(error) => {
                    tracing::error!(%error, message = %id, "a queue item does not read");
                    if let Err(error) = self.queue.shared.bury(&facts, &error.to_string()).await {
                        tracing::error!(%error, message = %id, "a dead letter could not be stored");
                        self.batch.lock().failed.insert(id);
                    }
                }
            }
        }
    }

    /// Ends a batch: the ids of messages that have to come again.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        let batch = std::mem::take(&mut *self.batch.lock());
        let unsettled = batch.taken.into_values().map(|(_, facts)| facts.id);
        batch.failed.into_iter().chain(unsettled).collect()
    }

    async fn put_off(&self, receipt: &str, delay: Duration) {
        let delay = delay.min(Duration::from_millis(RETRY_DELAY_MAX_MS));
        let shared = &self.queue.shared;
        let request = shared.client.change_message_visibility().queue_url(&shared.place.url);
        let request = request.receipt_handle(receipt).visibility_timeout(whole_seconds(delay));
        if let Err(error) = request.send().await {
            let error = failed("sqs.ChangeMessageVisibility", &error);
            tracing::warn!(%error, "a message comes again when its lease runs out");
        }
    }
}

impl ReceivedQueue<Envelope> {
    /// Tells whoever waits for one of these outcomes.
    pub async fn tell(&self, outcomes: &[(Envelope, Outcome)]) {
        let waiters = std::mem::take(&mut self.batch.lock().waiters);
        for (waited, waiter) in waiters {
            let same = |(envelope, _): &&(Envelope, Outcome)| name(envelope) == name(&waited);
            let Some((_, outcome)) = outcomes.iter().find(same) else { continue };
            let item = TableItem::new(keys::outcome(&waiter)).data(outcome);
            let now_ms = self.queue.shared.clock.now_ms();
            if let Err(error) = self.live.write(item.expires(now_ms + OUTCOME_LIFE_MS).put()).await {
                tracing::warn!(%error, "an outcome could not be told to who waits for it");
            }
        }
    }
}

impl<T: Clone> Batch<T> {
    fn add(&mut self, facts: Facts, receipt: String, waiter: Option<String>, body: T) {
        let id = LeaseId(facts.id.clone());
        if let Some(waiter) = waiter {
            self.waiters.push((body.clone(), waiter));
        }
        let (group, attempts, sent_at) = (facts.group, facts.attempts, facts.sent_at);
        self.taken.insert(id.clone(), (receipt, facts));
        self.waiting.push_back(Lease { id, group, attempts, sent_at, body });
    }
}

#[async_trait]
impl<T> Queue<T> for ReceivedQueue<T>
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    fn capabilities(&self) -> QueueCapabilities {
        QueueCapabilities { lease_max: QUEUE_BATCH_MAX, ..self.queue.capabilities() }
    }

    async fn send(&self, items: Vec<Item<T>>) -> Result<(), PortError> {
        self.queue.send(items).await
    }

    async fn lease(&self, max: usize, _wait: Duration) -> Result<Vec<Lease<T>>, PortError> {
        let mut batch = self.batch.lock();
        let count = batch.waiting.len().min(max);
        Ok(batch.waiting.drain(..count).collect())
    }

    async fn settle(&self, settlements: Vec<(LeaseId, Settlement)>) -> Result<(), PortError> {
        let mut result = Ok(());
        for (id, settlement) in settlements {
            let Some((receipt, facts)) = self.batch.lock().taken.get(&id).cloned() else { continue };
            match settlement {
                Settlement::Done => {}
                Settlement::RetryAfter(delay) => {
                    self.put_off(&receipt, delay).await;
                    self.batch.lock().failed.insert(facts.id);
                }
                Settlement::Dead { reason } => {
                    if let Err(error) = self.queue.shared.bury(&facts, &reason).await {
                        result = Err(error);
                        continue;
                    }
                }
            }
            self.batch.lock().taken.remove(&id);
        }
        result
    }

    async fn dead_letters(&self, after: Option<&str>, limit: usize) -> Result<Vec<DeadLetter<T>>, PortError> {
        self.queue.dead_letters(after, limit).await
    }

    async fn redrive(&self, ids: &[String]) -> Result<usize, PortError> {
        self.queue.redrive(ids).await
    }

    async fn drop_dead(&self, ids: &[String]) -> Result<usize, PortError> {
        self.queue.drop_dead(ids).await
    }

    async fn depth(&self) -> Result<Depth, PortError> {
        self.queue.depth().await
    }
}

fn name(envelope: &Envelope) -> (ConversationId, UserId, CommandId) {
    (envelope.conversation, envelope.actor, envelope.command_id)
}

fn facts_of(message: ReceivedMessage) -> Option<Facts> {
    let number = |name: &str| message.attributes.get(name).and_then(|value| value.parse::<u64>().ok());
    let sent_at = number("SentTimestamp").unwrap_or(0);
    let attempts = number("ApproximateReceiveCount").unwrap_or(1);
    let first = number("ApproximateFirstReceiveTimestamp").unwrap_or(sent_at);
    Some(Facts {
        group: from_hex("queue group", message.attributes.get("MessageGroupId")?).ok()?,
        id: message.id,
        body: message.body,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        sent_at,
        first_taken_at: first.max(sent_at),
    })
}
