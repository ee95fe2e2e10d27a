//! The way commands enter (step 5), and the wait for what they come to.
//! Knows nothing of what a command means; the queue does the rest.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use chat::{
    CommandId, ConversationId, Envelope, Outcome, Refusal, UserId,
    ports::{Commands, ErrorKind, Item, PortError, Queue, Retry},
};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use crate::{core::Core, error::Fault, limits::QUEUE_RETRY_MS, queue::port::MessageQueue};

type Name = (ConversationId, UserId, CommandId);

/// Called by the pipeline for each command once what it came to is durable in the store.
pub type AppliedHook = Arc<dyn Fn(&Envelope, &Outcome) + Send + Sync>;

/// Who waits for the outcome of which command.
#[derive(Default)]
pub(crate) struct Waiters {
    count: AtomicUsize,
    waiting: Mutex<FxHashMap<Name, Vec<oneshot::Sender<Outcome>>>>,
}

impl Waiters {
    fn wait(&self, name: Name) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        let senders = waiting.entry(name).or_default();
        // Who gave up waiting leaves a closed channel behind.
        senders.retain(|sender| !sender.is_closed());
        senders.push(sender);
        self.count.store(waiting.len(), Ordering::SeqCst);
        receiver
    }

    pub(crate) fn applied(&self, envelope: &Envelope, outcome: Outcome) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut waiting = self.waiting.lock();
        let senders = waiting.remove(&name(envelope));
        self.count.store(waiting.len(), Ordering::SeqCst);
        drop(waiting);
        for sender in senders.into_iter().flatten() {
            // Who gave up waiting is gone.
            let _ = sender.send(outcome);
        }
    }

    /// A command went to the dead letters. One that took effect before has told its outcome already.
    pub(crate) fn died(&self, envelope: &Envelope, is_applied: bool) {
        if !is_applied {
            self.applied(envelope, Outcome::Refused(Refusal::DeadLettered));
        }
    }
}

fn name(envelope: &Envelope) -> Name {
    (envelope.conversation, envelope.actor, envelope.command_id)
}

/// The port.
pub(crate) struct EmbeddedCommands(pub(crate) Arc<Core>);

#[async_trait]
impl Commands for EmbeddedCommands {
    async fn submit(&self, envelopes: Vec<Envelope>) -> Result<(), PortError> {
        self.check_room("commands.submit (embedded)")?;
        self.queue().send(envelopes.into_iter().map(to_item).collect()).await
    }

    async fn execute(&self, envelope: Envelope) -> Result<Outcome, PortError> {
        const OPERATION: &str = "commands.execute (embedded)";
        self.check_room(OPERATION)?;
        let outcome = self.0.waiters.wait(name(&envelope));
        self.queue().send(vec![to_item(envelope)]).await?;
        outcome.await.map_err(|_| Fault::Stopped.at(OPERATION))
    }
}

impl EmbeddedCommands {
    fn queue(&self) -> MessageQueue {
        MessageQueue(Arc::clone(&self.0))
    }

    fn check_room(&self, operation: &'static str) -> Result<(), PortError> {
        self.0.check_running(operation)?;
        if self.0.has_queue_room(self.0.config.queue_age_max_ms) {
            Ok(())
        } else {
            Err(PortError::new(ErrorKind::Overloaded, operation).retry(Retry::AfterMs(QUEUE_RETRY_MS)))
        }
    }
}

fn to_item(body: Envelope) -> Item<Envelope> {
    let group = body.conversation.as_u128();
    let dedup = group ^ body.actor.as_u128().rotate_left(43) ^ body.command_id.as_u128().rotate_left(85);
    Item { group, dedup, body }
}
