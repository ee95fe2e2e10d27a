//! Read and delivered marks on their way to the store: coalesced for a moment, then one change for all of them.
//! Invariant: a mark never goes beyond the log's head; moving one is told to whom it concerns only after it is stored.

use std::{cell::RefCell, mem, rc::Rc, time::Duration};

use chat::{
    Announcement, Change, ChangeOutcome, ConversationId, Mark, Seq, UserId,
    limits::MARKS_BROADCAST_MEMBERS_MAX, ports::PortError,
};
use protocol::{Code, Ref, frame::ServerFrame, session::Marking};
use rustc_hash::FxHashMap;

use crate::{
    act,
    bell::Bell,
    connection::Connection,
    limits::{IMPLIED_MARKS_FLUSH_MS, MARKS_BATCH_MAX, MARKS_WAITING_MAX},
    shard::Shard,
};

/// The marks of one shard that wait.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    waiting: RefCell<FxHashMap<(ConversationId, UserId), Pending>>,
    bell: Bell,
    /// Who writes has read up to there: the last own message of each sender. Nobody needs to be told, because the
    /// message itself tells it.
    implied: RefCell<FxHashMap<(ConversationId, UserId), Seq>>,
    implied_bell: Bell,
}

/// A mark, and who wants to know when it is moved.
#[derive(Debug)]
struct Pending {
    mark: Mark,
    /// The highest place known to exist.
    head: Seq,
    answers: Vec<(Rc<Connection>, Ref)>,
}

impl Marks {
    /// Adds a mark of a member. `head` is the last event known here.
    ///
    /// # Errors
    /// The `error` to answer when too many wait.
    pub(crate) fn add(
        &self,
        connection: &Rc<Connection>,
        marking: Marking,
        head: Seq,
    ) -> Result<(), Box<ServerFrame<'static>>> {
        let mut waiting = self.waiting.borrow_mut();
        let key = (marking.conversation, connection.user);
        if waiting.len() >= MARKS_WAITING_MAX && !waiting.contains_key(&key) {
            const MESSAGE: &str =
                "The server has too much to do at the moment. Try again after retryAfterMs.";
            let frame = ServerFrame::error(marking.reference, Code::SlowDown, MESSAGE, Some(1_000));
            return Err(Box::new(frame));
        }
        let new = marking.of(connection.user);
        let none = Mark { read: None, delivered: None, ..new };
        let pending = waiting.entry(key).or_insert_with(|| Pending { mark: none, head, answers: Vec::new() });
        pending.head = head;
        pending.mark.read = pending.mark.read.max(new.read);
        pending.mark.delivered = pending.mark.delivered.max(new.delivered);
        if let Some(reference) = marking.reference {
            pending.answers.push((Rc::clone(connection), reference));
        }
        self.bell.ring();
        Ok(())
    }

    /// Notes a message that a person connected here has sent. Beyond the bound it is left out: the next one says more.
    pub(crate) fn sent(&self, conversation: ConversationId, sender: UserId, seq: Seq) {
        let mut implied = self.implied.borrow_mut();
        if implied.len() < MARKS_WAITING_MAX || implied.contains_key(&(conversation, sender)) {
            implied.insert((conversation, sender), seq);
            self.implied_bell.ring();
        }
    }

    /// Stores implied marks, for ever.
    pub(crate) async fn run_implied(&self, shard: &Shard) {
        loop {
            self.implied_bell.rung().await;
            tokio::time::sleep(Duration::from_millis(IMPLIED_MARKS_FLUSH_MS)).await;
            self.flush_implied(shard).await;
        }
    }

    /// Stores the implied marks that wait now.
    pub(crate) async fn flush_implied(&self, shard: &Shard) {
        let implied = mem::take(&mut *self.implied.borrow_mut());
        let marks = implied.into_iter().map(|((conversation, user), seq)| Mark {
            conversation,
            user,
            read: Some(seq),
            delivered: Some(seq),
        });
        let marks: Vec<Mark> = marks.collect();
        for batch in marks.chunks(MARKS_BATCH_MAX) {
            if let Err(error) = shard.app.store.change(Change::Mark(batch.to_vec())).await {
                tracing::warn!(%error, "read marks of senders could not be stored");
            }
        }
    }

    /// Stores, for ever: what comes within `every` goes together.
    pub(crate) async fn run(&self, shard: &Shard, every: Duration) {
        loop {
            self.bell.rung().await;
            tokio::time::sleep(every).await;
            self.flush(shard).await;
        }
    }

    /// Stores what waits now.
    pub(crate) async fn flush(&self, shard: &Shard) {
        let mut waiting: Vec<Pending> = mem::take(&mut *self.waiting.borrow_mut()).into_values().collect();
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(MARKS_BATCH_MAX));
            let batch = mem::replace(&mut waiting, rest);
            store(shard, batch).await;
        }
    }
}

async fn store(shard: &Shard, mut batch: Vec<Pending>) {
    let result = match bound(shard, &mut batch).await {
        Ok(()) => shard.app.store.change(Change::Mark(batch.iter().map(|it| it.mark).collect())).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(outcome) => {
            if let ChangeOutcome::Marks(marks) = outcome {
                for (mark, state, _) in marks.into_iter().filter(|(_, _, moved)| *moved) {
                    let Mark { conversation, user, .. } = mark;
                    let members =
                        shard.hub.borrow_mut().room(conversation).map_or(u64::MAX, |room| room.members);
                    let to_all = members <= MARKS_BROADCAST_MEMBERS_MAX;
                    let told = Announcement::Marks { conversation, user, state, to_all };
                    shard.news.add(told, &shard.out.stats);
                }
            }
            for (connection, reference) in batch.into_iter().flat_map(|it| it.answers) {
                act::finished(shard, &connection, Some(reference));
            }
        }
        Err(error) => {
            tracing::warn!(%error, "marks could not be stored");
            for (connection, reference) in batch.into_iter().flat_map(|it| it.answers) {
                const MESSAGE: &str = "The mark could not be stored. Try again later.";
                let frame = ServerFrame::error(Some(reference), Code::from(&error), MESSAGE, Some(1_000));
                shard.reply(&connection, &frame);
            }
        }
    }
}

/// Cuts marks at the log's head. Most are not above what this shard has told; the store is asked about the others.
async fn bound(shard: &Shard, batch: &mut [Pending]) -> Result<(), PortError> {
    let beyond: Vec<ConversationId> =
        batch.iter().filter(|it| it.highest() > it.head).map(|it| it.mark.conversation).collect();
    if !beyond.is_empty() {
        let heads = shard.app.store.heads(&beyond).await?;
        let heads: FxHashMap<ConversationId, Seq> = beyond.into_iter().zip(heads).collect();
        for it in batch.iter_mut() {
            it.head = heads.get(&it.mark.conversation).copied().unwrap_or_default().max(it.head);
        }
    }
    for it in batch {
        it.mark.read = it.mark.read.map(|seq| seq.min(it.head));
        it.mark.delivered = it.mark.delivered.map(|seq| seq.min(it.head));
    }
    Ok(())
}

impl Pending {
    fn highest(&self) -> Seq {
        self.mark.read.max(self.mark.delivered).unwrap_or_default()
    }
}
