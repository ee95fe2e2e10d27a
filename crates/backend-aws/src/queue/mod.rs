//! The queue port over an SQS FIFO queue, its dead-letter queue, and a table for the dead letters (decision 0021).
//! Does not know what it carries. Invariant: an item is deleted from the queue only when it is settled, or when its
//! dead letter is stored.

mod body;
mod dead;
mod depth;
mod lease;
mod received;
mod renew;
mod send;
mod settle;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use chat::ports::{
    Clock, DeadLetter, Depth, ErrorKind, Item, Lease, LeaseId, PortError, Queue, QueueCapabilities,
    Settlement,
};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::dead::dead_letter;
pub(crate) use self::renew::Renew;
use self::{depth::Gauge, lease::Leased};
pub use self::{
    received::{ReceivedMessage, ReceivedQueue, Which},
    renew::Leases,
};
use crate::{
    aws::{AwsOptions, QueueNames},
    error::{failed, plain},
    limits::{QUEUE_BATCH_MAX, SEND_ITEMS_MAX},
    table::Table,
};

/// Names the dead letters of the queue of commands in the table.
pub(crate) const MESSAGES: &str = "messages";

/// Called with every leased item that somebody elsewhere waits for, and with the waiter's name.
pub(crate) type OnWaited<T> = Arc<dyn Fn(&T, &str) + Send + Sync>;

/// A queue. Clones share it.
pub(crate) struct AwsQueue<T> {
    shared: Arc<Shared<T>>,
}

/// Where a queue is, and how it behaves.
#[derive(Debug, Clone)]
pub(crate) struct QueuePlace {
    /// Names its dead letters in the table.
    pub(crate) name: &'static str,
    pub(crate) url: String,
    /// Where the service puts what was received too often.
    pub(crate) dead_url: String,
    pub(crate) lease: Duration,
    /// Waiting and leased items above which it is full.
    pub(crate) items_max: u64,
    /// Receives after which the service gives up.
    pub(crate) receives_max: u32,
}

struct Shared<T> {
    client: Client,
    place: QueuePlace,
    /// Dead letters.
    table: Table,
    clock: Arc<dyn Clock>,
    leased: Mutex<Leased>,
    gauge: Mutex<Gauge>,
    on_waited: Option<OnWaited<T>>,
}

impl QueuePlace {
    /// Where the queues with these names, or at these URLs, are.
    pub(crate) async fn find(
        client: &Client,
        name: &'static str,
        names: &QueueNames,
        options: AwsOptions,
    ) -> Result<QueuePlace, PortError> {
        Ok(QueuePlace {
            name,
            url: url(client, &names.queue).await?,
            dead_url: url(client, &names.dead).await?,
            lease: options.lease,
            items_max: options.queue_items_max,
            receives_max: options.receives_max,
        })
    }
}

/// The URL of a queue, which is asked for only by name.
async fn url(client: &Client, queue: &str) -> Result<String, PortError> {
    const OPERATION: &str = "sqs.GetQueueUrl";
    if queue.starts_with("http") {
        return Ok(queue.to_owned());
    }
    let answer = client.get_queue_url().queue_name(queue).send().await;
    let answer = answer.map_err(|error| failed(OPERATION, &error))?;
    answer.queue_url.ok_or_else(|| plain(ErrorKind::Unavailable, OPERATION))
}

impl<T> Clone for AwsQueue<T> {
    fn clone(&self) -> Self {
        AwsQueue { shared: Arc::clone(&self.shared) }
    }
}

impl<T> AwsQueue<T> {
    pub(crate) fn new(
        client: Client,
        place: QueuePlace,
        table: Table,
        clock: Arc<dyn Clock>,
        on_waited: Option<OnWaited<T>>,
    ) -> AwsQueue<T> {
        let (leased, gauge) = (Mutex::default(), Mutex::default());
        AwsQueue { shared: Arc::new(Shared { client, place, table, clock, leased, gauge, on_waited }) }
    }
}

#[async_trait]
impl<T> Queue<T> for AwsQueue<T>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn capabilities(&self) -> QueueCapabilities {
        QueueCapabilities {
            survives_restart: true,
            leases_expire: true,
            batch_max: SEND_ITEMS_MAX,
            lease_max: QUEUE_BATCH_MAX,
        }
    }

    async fn send(&self, items: Vec<Item<T>>) -> Result<(), PortError> {
        self.shared.send(items, None).await
    }

    async fn lease(&self, max: usize, wait: Duration) -> Result<Vec<Lease<T>>, PortError> {
        self.shared.lease(max, wait).await
    }

    async fn settle(&self, settlements: Vec<(LeaseId, Settlement)>) -> Result<(), PortError> {
        self.shared.settle(settlements).await
    }

    async fn dead_letters(&self, after: Option<&str>, limit: usize) -> Result<Vec<DeadLetter<T>>, PortError> {
        self.shared.dead_letters(after, limit).await
    }

    async fn redrive(&self, ids: &[String]) -> Result<usize, PortError> {
        self.shared.redrive(ids).await
    }

    async fn drop_dead(&self, ids: &[String]) -> Result<usize, PortError> {
        self.shared.drop_dead(ids).await
    }

    async fn depth(&self) -> Result<Depth, PortError> {
        self.shared.depth().await
    }
}

impl<T> AwsQueue<T>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Sends one item whose outcome somebody waits for under this name.
    pub(crate) async fn send_waited(&self, item: Item<T>, waiter: &str) -> Result<(), PortError> {
        self.shared.send(vec![item], Some(waiter)).await
    }
}
