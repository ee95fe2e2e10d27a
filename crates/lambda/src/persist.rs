//! Commands become events: the very persister of the other homes, over messages that were received already.
//! Invariant: a function answers only when outcomes are with those who wait for them, because it is frozen afterwards.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Result;
use backend_aws::{AwsOptions, ReceivedQueue, Which};
use chat::{Change, Command, ConversationId, Envelope, Mark, Outcome, Seq, UserId, ports::Queue};
use parking_lot::Mutex;
use pipeline::{Persister, PersisterOptions};
use serde_json::Value;

use crate::{
    batch,
    home::Home,
    limits::{MARKS_MAX, RECORDS_MAX},
};

/// Commands of one batch whose outcome is durable.
type Outcomes = Arc<Mutex<Vec<(Envelope, Outcome)>>>;

/// The handler's tools, kept from one event to the next.
pub(crate) struct Persisting {
    persister: Persister,
    received: ReceivedQueue<Envelope>,
    outcomes: Outcomes,
}

impl Persisting {
    pub(crate) async fn open(home: &Home) -> Result<Persisting> {
        let app = &home.app;
        let (clock, randomness) = (Arc::clone(&app.clock), Arc::clone(&app.randomness));
        let options = AwsOptions::default();
        let received: ReceivedQueue<Envelope> = ReceivedQueue::open(
            &home.sdk,
            &home.settings.names,
            Which::Messages,
            options,
            Arc::clone(&clock),
            Arc::clone(&randomness),
        )
        .await?;
        let outcomes = Outcomes::default();
        let noted = Arc::clone(&outcomes);
        let persister = Persister::new(
            Arc::new(received.clone()) as Arc<dyn Queue<Envelope>>,
            Arc::clone(&app.store),
            Arc::clone(&app.notifications),
            clock,
            randomness,
            PersisterOptions { batch_max: RECORDS_MAX, lease_wait: Duration::ZERO },
        )
        .on_applied(Arc::new(move |envelope, outcome| noted.lock().push((envelope.clone(), *outcome))));
        Ok(Persisting { persister, received, outcomes })
    }

    /// Handles an event of the messages queue.
    pub(crate) async fn handle(&self, home: &Home, event: Value) -> Result<Value> {
        let (messages, beyond) = batch::messages(event)?;
        self.outcomes.lock().clear();
        self.received.offer(messages).await;
        if let Err(error) = self.persister.step().await {
            tracing::error!(%error, "a batch could not be settled: what is open comes again");
        }
        let outcomes = std::mem::take(&mut *self.outcomes.lock());
        self.received.tell(&outcomes).await;
        home.mark_senders(&outcomes).await;
        Ok(batch::answer(self.received.failed().into_iter().chain(beyond).collect()))
    }
}

impl Home {
    /// Who writes has read up to there. Nobody needs to be told, because the message itself tells it.
    async fn mark_senders(&self, outcomes: &[(Envelope, Outcome)]) {
        let marks: Vec<Mark> = implied(outcomes);
        for part in marks.chunks(MARKS_MAX) {
            if let Err(error) = self.app.store.change(Change::Mark(part.to_vec())).await {
                tracing::warn!(%error, "read marks of senders could not be stored");
            }
        }
    }
}

/// The marks that sending implies: the last own message of each sender.
fn implied(outcomes: &[(Envelope, Outcome)]) -> Vec<Mark> {
    let mut last: BTreeMap<(ConversationId, UserId), Seq> = BTreeMap::new();
    for (envelope, outcome) in outcomes {
        if let (Command::Send { .. }, Outcome::Applied { seq }) = (&envelope.command, outcome) {
            let mark = last.entry((envelope.conversation, envelope.actor)).or_default();
            *mark = (*mark).max(*seq);
        }
    }
    let mark =
        |((conversation, user), seq)| Mark { conversation, user, read: Some(seq), delivered: Some(seq) };
    last.into_iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use chat::CommandId;

    use super::*;

    fn sent(user: u128, command: Command, outcome: Outcome) -> (Envelope, Outcome) {
        let envelope = Envelope {
            conversation: ConversationId::from_u128(1),
            actor: UserId::from_u128(user),
            command_id: CommandId::from_u128(9),
            accepted_at: 0,
            command,
        };
        (envelope, outcome)
    }

    #[test]
    fn d9_who_writes_has_read_up_to_there() {
        let text = || Command::Send {
            body: "x".into(),
            reply_to: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
        };
        let outcomes = [
            sent(1, text(), Outcome::Applied { seq: 4 }),
            sent(1, text(), Outcome::Applied { seq: 7 }),
            sent(1, Command::Delete { target: 4 }, Outcome::Applied { seq: 8 }),
            sent(2, text(), Outcome::Unchanged),
        ];
        let marks = implied(&outcomes);
        assert_eq!(marks.len(), 1);
        assert_eq!((marks[0].user, marks[0].read), (UserId::from_u128(1), Some(7)));
    }
}
