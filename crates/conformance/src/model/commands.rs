//! The way in, over any queue: submit, and execute for who waits for the outcome.
//! Invariant: nobody waits for a command that is not durable; who goes away is forgotten.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use chat::{
    CommandId, ConversationId, Envelope, Outcome, UserId,
    ports::{Commands, ErrorKind, Item, PortError, Queue},
};
use pipeline::AppliedHook;
use tokio::sync::oneshot;

type Key = (ConversationId, UserId, CommandId);
type Waiters = Arc<Mutex<BTreeMap<Key, Vec<oneshot::Sender<Outcome>>>>>;

/// The commands port over a queue. The persister must call [`ModelCommands::applied`].
#[derive(Clone)]
pub struct ModelCommands {
    messages: Arc<dyn Queue<Envelope>>,
    waiters: Waiters,
}

impl ModelCommands {
    /// The way into this queue.
    #[must_use]
    pub fn new(messages: Arc<dyn Queue<Envelope>>) -> ModelCommands {
        ModelCommands { messages, waiters: Waiters::default() }
    }

    /// What the persister calls with every durable outcome.
    #[must_use]
    pub fn applied(&self) -> AppliedHook {
        let waiters = self.waiters.clone();
        Arc::new(move |envelope, outcome| {
            let mut waiters = waiters.lock().unwrap_or_else(PoisonError::into_inner);
            for waiter in waiters.remove(&key(envelope)).unwrap_or_default() {
                // Who has gone away wants no answer.
                let _ = waiter.send(*outcome);
            }
        })
    }

    fn wait_for(&self, envelope: &Envelope) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
        waiters.entry(key(envelope)).or_default().push(sender);
        receiver
    }
}

fn key(envelope: &Envelope) -> Key {
    (envelope.conversation, envelope.actor, envelope.command_id)
}

/// A command as an item of the messages queue: one group per conversation, one name per sender's command.
#[must_use]
pub fn item(envelope: Envelope) -> Item<Envelope> {
    let group = envelope.conversation.as_u128();
    let sender = envelope.actor.as_u128().rotate_left(43);
    let dedup = group.rotate_left(64) ^ sender ^ envelope.command_id.as_u128();
    Item { group, dedup, body: envelope }
}

#[async_trait]
impl Commands for ModelCommands {
    async fn submit(&self, envelopes: Vec<Envelope>) -> Result<(), PortError> {
        let batch_max = self.messages.capabilities().batch_max.max(1);
        let mut items = envelopes.into_iter().map(item).peekable();
        while items.peek().is_some() {
            self.messages.send(items.by_ref().take(batch_max).collect()).await?;
        }
        Ok(())
    }

    async fn execute(&self, envelope: Envelope) -> Result<Outcome, PortError> {
        let outcome = self.wait_for(&envelope);
        self.submit(vec![envelope]).await?;
        outcome.await.map_err(|_| PortError::new(ErrorKind::Unavailable, "model.commands.execute"))
    }
}
