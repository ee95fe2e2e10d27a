//! The way in: commands into the queue, and for who waits, the outcome out of a short-lived item (decision 0021).
//! Invariant: nobody waits for a command that is not durable (D1); who goes away takes nothing back.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use chat::{
    CommandId, ConversationId, Envelope, Outcome, UserId,
    ports::{Clock, Commands, ErrorKind, Item as QueueItem, PortError, Queue},
};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::{
    codec::hex,
    error::plain,
    item::{Item, data},
    jitter::Jitter,
    keys,
    limits::{EXECUTE_WAIT_MS, OUTCOME_LIFE_MS, OUTCOME_POLL_FIRST_MS, OUTCOME_POLL_MAX_MS, WAITED_MAX},
    queue::{AwsQueue, OnWaited},
    table::Table,
};

type Name = (ConversationId, UserId, CommandId);

/// Called with every durable outcome by the persister of this process.
pub type Applied = Arc<dyn Fn(&Envelope, &Outcome) + Send + Sync>;

/// Commands leased in this process that somebody waits for, with the names of those who wait.
#[derive(Clone, Default)]
pub(crate) struct Waited {
    waiters: Arc<Mutex<HashMap<Name, Vec<String>>>>,
}

/// The port.
#[derive(Clone)]
pub(crate) struct AwsCommands {
    queue: AwsQueue<Envelope>,
    live: Table,
    jitter: Jitter,
}

impl Waited {
    /// To be called with every leased command that somebody waits for.
    pub(crate) fn note(&self) -> OnWaited<Envelope> {
        let waiters = Arc::clone(&self.waiters);
        Arc::new(move |envelope, waiter| {
            let mut waiters = waiters.lock();
            // Above the bound those who wait longest learn nothing; they ask again.
            if waiters.len() >= WAITED_MAX {
                waiters.clear();
            }
            let known = waiters.entry(name(envelope)).or_default();
            if !known.iter().any(|other| other == waiter) {
                known.push(waiter.to_owned());
            }
        })
    }

    /// What the persister calls with every durable outcome; writes those that are waited for, beside its work.
    pub(crate) fn applied(&self, live: Table, clock: Arc<dyn Clock>) -> Applied {
        let (sender, mut outcomes) = mpsc::unbounded_channel::<(String, Outcome)>();
        // Bounded by what is noted: each waiter is taken out once.
        tokio::spawn(async move {
            while let Some((waiter, outcome)) = outcomes.recv().await {
                let item = Item::new(keys::outcome(&waiter)).data(&outcome);
                let written = live.write(item.expires(clock.now_ms() + OUTCOME_LIFE_MS).put()).await;
                if let Err(error) = written {
                    tracing::warn!(%error, "an outcome could not be told to who waits for it");
                }
            }
        });
        let waiters = Arc::clone(&self.waiters);
        Arc::new(move |envelope, outcome| {
            let waiting = waiters.lock().remove(&name(envelope)).unwrap_or_default();
            for waiter in waiting {
                // Fails only while the runtime ends.
                let _ = sender.send((waiter, *outcome));
            }
        })
    }
}

impl AwsCommands {
    pub(crate) fn new(queue: AwsQueue<Envelope>, live: Table, jitter: Jitter) -> AwsCommands {
        AwsCommands { queue, live, jitter }
    }

    /// A command as an item. Its name for deduplication is new each time: a resend has to reach the persister, which
    /// tells again what its sender missed; that it makes no second event is the store's promise (D2).
    fn item(&self, body: Envelope) -> QueueItem<Envelope> {
        QueueItem { group: body.conversation.as_u128(), dedup: self.jitter.nonce(), body }
    }

    async fn wait(&self, waiter: &str) -> Result<Outcome, PortError> {
        let mut pause_ms = OUTCOME_POLL_FIRST_MS;
        let looking = async {
            loop {
                if let Some(item) = self.live.get(&keys::outcome(waiter)).await? {
                    return data("outcome", &item);
                }
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                pause_ms = (pause_ms + pause_ms / 2).min(OUTCOME_POLL_MAX_MS);
            }
        };
        let late = |_| plain(ErrorKind::Unavailable, "commands.execute (no outcome in time)");
        tokio::time::timeout(Duration::from_millis(EXECUTE_WAIT_MS), looking).await.map_err(late)?
    }
}

fn name(envelope: &Envelope) -> Name {
    (envelope.conversation, envelope.actor, envelope.command_id)
}

#[async_trait]
impl Commands for AwsCommands {
    async fn submit(&self, envelopes: Vec<Envelope>) -> Result<(), PortError> {
        let items = envelopes.into_iter().map(|envelope| self.item(envelope)).collect();
        self.queue.send(items).await
    }

    async fn execute(&self, envelope: Envelope) -> Result<Outcome, PortError> {
        let item = self.item(envelope);
        let waiter = hex(&self.jitter.nonce().to_be_bytes());
        self.queue.send_waited(item, &waiter).await?;
        self.wait(&waiter).await
    }
}
