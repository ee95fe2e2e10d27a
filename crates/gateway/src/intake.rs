//! Step 5: commands → queue. All commands that the connections of a shard read in one turn of its loop become durable
//! together; `accepted` goes out when, and only when, the queue has said so (D1).
//! Invariant: batches are handed over in the order they were read; each command is answered exactly once.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    mem,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Instant,
};

use chat::{
    CommandId, Envelope, TimestampMs,
    ports::{Commands, ErrorKind, PortError, Retry},
};
use protocol::{Code, Ref, frame::ServerFrame, session::Submission};

use crate::{
    bell::Bell,
    connection::Connection,
    limits::{INTAKE_BATCH_MAX, INTAKE_BATCHES_IN_FLIGHT_MAX, INTAKE_RETRY_MS, INTAKE_WAITING_MAX},
    outbox::{Frame, Weight},
    shard::Shard,
};

/// The commands of one shard.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    waiting: RefCell<VecDeque<(Envelope, Sender)>>,
    /// When the oldest that waits was read.
    waiting_since: Cell<Option<Instant>>,
    in_flight: Cell<usize>,
    bell: Bell,
    idle: Bell,
}

/// Whom to answer.
#[derive(Debug)]
struct Sender {
    connection: Rc<Connection>,
    reference: Option<Ref>,
    command_id: CommandId,
}

/// A batch on its way to being durable.
struct Flight<'a> {
    submitting: Pin<Box<dyn Future<Output = Result<(), PortError>> + Send + 'a>>,
    senders: Vec<Sender>,
    read_at: Instant,
}

impl Intake {
    /// Adds an admitted command to the next batch.
    ///
    /// # Errors
    /// The `rejected` to answer when too many wait.
    pub(crate) fn add(
        &self,
        connection: &Rc<Connection>,
        submission: Submission,
        accepted_at: TimestampMs,
    ) -> Result<(), Box<ServerFrame<'static>>> {
        let mut waiting = self.waiting.borrow_mut();
        let command_id = submission.command_id;
        let (envelope, reference) = submission.into_envelope(connection.user, accepted_at);
        if waiting.len() >= INTAKE_WAITING_MAX {
            return Err(Box::new(overloaded(reference, command_id, INTAKE_RETRY_MS)));
        }
        waiting.push_back((envelope, Sender { connection: Rc::clone(connection), reference, command_id }));
        if self.waiting_since.get().is_none() {
            self.waiting_since.set(Some(Instant::now()));
        }
        self.bell.ring();
        Ok(())
    }

    /// Hands batches over, for ever.
    pub(crate) async fn run(&self, shard: &Shard) {
        let commands = &*shard.app.commands;
        let mut flights: VecDeque<Flight<'_>> = VecDeque::new();
        loop {
            let mut rung = Box::pin(self.bell.rung());
            poll_fn(|cx| {
                let landed = self.land(&mut flights, shard, cx);
                let wanted = rung.as_mut().poll(cx).is_ready();
                if landed || wanted { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            while flights.len() < INTAKE_BATCHES_IN_FLIGHT_MAX && !self.waiting.borrow().is_empty() {
                let mut flight = self.take_off(commands, shard);
                // Polled once before the next is made: that is when the queue takes it, so order is kept.
                if let Poll::Ready(result) =
                    poll_fn(|cx| Poll::Ready(flight.submitting.as_mut().poll(cx))).await
                {
                    answer(shard, flight, &result);
                } else {
                    flights.push_back(flight);
                }
            }
            self.in_flight.set(flights.len());
            if self.is_idle() {
                self.idle.ring();
            }
        }
    }

    /// Whether nothing waits for the queue.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.get() == 0 && self.waiting.borrow().is_empty()
    }

    /// Returns when nothing waits for the queue.
    pub(crate) async fn idle(&self) {
        while !self.is_idle() {
            self.idle.rung().await;
        }
    }

    fn take_off<'a>(&self, commands: &'a dyn Commands, shard: &Shard) -> Flight<'a> {
        let mut waiting = self.waiting.borrow_mut();
        let count = waiting.len().min(INTAKE_BATCH_MAX);
        let (envelopes, senders): (Vec<Envelope>, Vec<Sender>) = waiting.drain(..count).unzip();
        let read_at = self.waiting_since.get().unwrap_or_else(Instant::now);
        if waiting.is_empty() {
            self.waiting_since.set(None);
        }
        shard.out.stats.batches.add(1);
        shard.out.stats.commands.add(count);
        Flight { submitting: commands.submit(envelopes), senders, read_at }
    }

    /// Answers the batches that are done. Returns whether there were any.
    fn land(&self, flights: &mut VecDeque<Flight<'_>>, shard: &Shard, cx: &mut Context<'_>) -> bool {
        let before = flights.len();
        for mut flight in mem::take(flights) {
            match flight.submitting.as_mut().poll(cx) {
                Poll::Ready(result) => answer(shard, flight, &result),
                Poll::Pending => flights.push_back(flight),
            }
        }
        flights.len() < before
    }
}

fn answer(shard: &Shard, flight: Flight<'_>, result: &Result<(), PortError>) {
    match result {
        Ok(()) => {
            let took = flight.read_at.elapsed();
            shard.recorder.borrow().accepted_seconds.record(took.as_secs_f64());
            for sender in flight.senders {
                sender.accepted(shard);
            }
        }
        Err(error) => {
            if error.kind != ErrorKind::Overloaded {
                tracing::warn!(%error, commands = flight.senders.len(), "commands could not be queued");
            }
            shard.out.stats.rejected.add(flight.senders.len());
            for sender in flight.senders {
                let frame = rejected(sender.reference, sender.command_id, error);
                shard.reply(&sender.connection, &frame);
            }
        }
    }
}

impl Sender {
    fn accepted(self, shard: &Shard) {
        let frame: Frame = shard.out.frame(&ServerFrame::accepted(self.reference, self.command_id));
        self.connection.push(frame, Weight::Durable, &shard.out);
        tracing::trace!(target: "journey", stage = "accepted", command = %self.command_id);
    }
}

pub(crate) fn rejected(reference: Option<Ref>, id: CommandId, error: &PortError) -> ServerFrame<'static> {
    let wait_ms = match error.retry {
        Retry::AfterMs(ms) => Some(ms),
        Retry::Backoff => Some(INTAKE_RETRY_MS),
        Retry::Never => None,
    };
    match Code::from(error) {
        Code::SlowDown => overloaded(reference, id, wait_ms.unwrap_or(INTAKE_RETRY_MS)),
        Code::Unavailable => ServerFrame::rejected(
            reference,
            Some(id),
            Code::Unavailable,
            "The server cannot take messages at the moment. Send it again later, with the same id.",
            wait_ms,
        ),
        code => ServerFrame::rejected(
            reference,
            Some(id),
            code,
            "The server could not take the message because of a fault of its own. It has been logged.",
            wait_ms,
        ),
    }
}

pub(crate) fn overloaded(reference: Option<Ref>, id: CommandId, retry_after_ms: u64) -> ServerFrame<'static> {
    ServerFrame::rejected(
        reference,
        Some(id),
        Code::SlowDown,
        "The server has too much to do at the moment. Send it again after retryAfterMs, with the same id.",
        Some(retry_after_ms),
    )
}
