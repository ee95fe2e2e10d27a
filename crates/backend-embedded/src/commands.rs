//! The way commands enter (step 5), and the wait for what they come to.
//! Keeps the journal free of commands for conversations that do not exist: they are refused here, because replay
//! could not tell whether one came before or after its conversation did.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use chat::{
    Announcement, CommandId, ConversationId, Envelope, Outcome, Refusal, UserId,
    ports::{Commands, ErrorKind, Item, PortError, Queue},
};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use crate::{
    core::Core,
    error::Fault,
    limits::QUEUE_AGE_MAX_MS,
    queue::{notifications::Notifications, port::MessageQueue},
    record::{Failures, Record},
};

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
pub(crate) struct EmbeddedCommands {
    pub(crate) core: Arc<Core>,
    pub(crate) notifications: Arc<Notifications>,
}

#[async_trait]
impl Commands for EmbeddedCommands {
    async fn submit(&self, envelopes: Vec<Envelope>) -> Result<(), PortError> {
        const OPERATION: &str = "commands.submit (embedded)";
        self.check_room(OPERATION)?;
        let mut items = Vec::with_capacity(envelopes.len());
        let mut orphans = Vec::new();
        for envelope in envelopes {
            if self.core.meta(envelope.conversation).map_err(|fault| fault.at(OPERATION))?.is_some() {
                items.push(to_item(envelope));
            } else {
                orphans.push(envelope);
            }
        }
        MessageQueue(Arc::clone(&self.core)).send(items).await?;
        if orphans.is_empty() { Ok(()) } else { self.refuse(orphans).await }
    }

    async fn execute(&self, envelope: Envelope) -> Result<Outcome, PortError> {
        const OPERATION: &str = "commands.execute (embedded)";
        self.check_room(OPERATION)?;
        if self.core.meta(envelope.conversation).map_err(|fault| fault.at(OPERATION))?.is_none() {
            return Ok(Outcome::Refused(Refusal::ConversationNotFound));
        }
        let outcome = self.core.waiters.wait(name(&envelope));
        MessageQueue(Arc::clone(&self.core)).send(vec![to_item(envelope)]).await?;
        outcome.await.map_err(|_| Fault::Stopped.at(OPERATION))
    }
}

impl EmbeddedCommands {
    fn check_room(&self, operation: &'static str) -> Result<(), PortError> {
        self.core.check_running(operation)?;
        if self.core.has_queue_room(QUEUE_AGE_MAX_MS) {
            Ok(())
        } else {
            Err(PortError::new(ErrorKind::Overloaded, operation))
        }
    }

    /// Tells senders that there is no such conversation, durably first.
    async fn refuse(&self, orphans: Vec<Envelope>) -> Result<(), PortError> {
        const OPERATION: &str = "commands.submit (embedded)";
        let failures: Vec<Announcement> = orphans.iter().map(failed).collect();
        let record = Record::Failures(Failures { at: self.core.now_ms(), failures: failures.clone() });
        self.core.change(record).await.map_err(|fault| fault.at(OPERATION))?;
        let items = failures.into_iter().zip(&orphans).map(|(body, envelope)| Item {
            group: envelope.conversation.as_u128(),
            dedup: envelope.command_id.as_u128(),
            body,
        });
        self.notifications.send(items.collect()).await
    }
}

fn failed(envelope: &Envelope) -> Announcement {
    Announcement::Failed {
        user: envelope.actor,
        conversation: envelope.conversation,
        command_id: envelope.command_id,
        refusal: Refusal::ConversationNotFound,
    }
}

fn to_item(body: Envelope) -> Item<Envelope> {
    let group = body.conversation.as_u128();
    let dedup = group ^ body.actor.as_u128().rotate_left(43) ^ body.command_id.as_u128().rotate_left(85);
    Item { group, dedup, body }
}
