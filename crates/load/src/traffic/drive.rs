//! The driver of all scenarios that send: keeps the pace, matches answers and deliveries, measures.
//! Knows nothing of why: scenarios choose rooms, pace and length.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use super::{
    Ledger, Outcome, TrafficPlan, Violation,
    pace::{Lane, Pace},
    shared::Shared,
    verify::{Expected, verify},
};
use crate::{
    client::{
        scan::{self, Kind, Scanner},
        tag::{Tag, mix, number_of},
    },
    clock::{NS_PER_MS, NS_PER_S, RunClock},
    engine::{CloseReason, ConnectionId, Driver, Next, Sockets, fleet::Fleet},
    error::Result,
    limits::{DRAIN_TIMEOUT_MS, EXAMPLES_MAX, HOSTILE_DRAIN_MS, SCHEDULE_STEP_NS, SILENCE_TIMEOUT_MS},
};

/// The driver of one worker.
#[derive(Debug)]
struct Traffic<'a> {
    plan: TrafficPlan,
    clock: RunClock,
    shared: Arc<Shared>,
    expected: Expected<'a>,
    lanes: Vec<Lane>,
    /// Lanes of a connection, with their rooms.
    lanes_of: Vec<Vec<(u32, usize)>>,
    /// Messages that each lane sent.
    sent_by: Vec<u64>,
    /// Unanswered messages by connection.
    unanswered: Vec<u32>,
    ledger: Ledger,
    scanner: Scanner,
    /// What the worker saw.
    outcome: Outcome,
    reported: [u64; 4],
    began_ns: Option<u64>,
    /// When the last frame arrived.
    heard_ns: u64,
    /// Said that it sends no more.
    stopped: bool,
    serial_base: u64,
    next_lane: usize,
}

/// Times in tags are rounded down by less than this, nanoseconds.
const TAG_STEP_NS: u64 = 1_000;
/// Bits of a serial that count; the ones above name the worker.
const COUNT_BITS: u32 = 36;

impl<'a> Traffic<'a> {
    /// A driver for worker `worker` with its lanes and its ledger of joined connections.
    fn new(
        plan: TrafficPlan,
        clock: RunClock,
        shared: Arc<Shared>,
        expected: Expected<'a>,
        (worker, lanes, ledger): (usize, Vec<Lane>, Ledger),
    ) -> Self {
        let connections = lanes.iter().map(|lane| lane.connection + 1).max().unwrap_or(0);
        let mut lanes_of = vec![Vec::new(); connections];
        for (index, lane) in lanes.iter().enumerate() {
            lanes_of[lane.connection].push((lane.room, index));
        }
        Traffic {
            plan,
            clock,
            shared,
            expected,
            sent_by: vec![0; lanes.len()],
            lanes,
            lanes_of,
            unanswered: vec![0; connections],
            ledger,
            scanner: Scanner::default(),
            outcome: Outcome::default(),
            reported: [0; 4],
            began_ns: None,
            heard_ns: 0,
            stopped: false,
            serial_base: (worker as u64) << COUNT_BITS,
            next_lane: 0,
        }
    }

    /// What was seen, and where the connections stand now.
    fn finish(self) -> (Outcome, Ledger) {
        (self.outcome, self.ledger)
    }

    fn window(&self) -> (u64, u64) {
        let from = self.began_ns.unwrap_or(0) + self.plan.warmup_ms * NS_PER_MS;
        (from, from + self.plan.window_ms * NS_PER_MS)
    }

    fn send(&mut self, sockets: &mut Sockets, lane: usize, scheduled_ns: u64) {
        let serial = self.serial_base + self.outcome.sent;
        self.sent_by[lane] += 1;
        let lane = &mut self.lanes[lane];
        let tag = Tag { scheduled_ns, room: lane.room, serial };
        self.shared.begin(serial, lane.audience);
        sockets.send(lane.connection, lane.frame.with(&tag.encode(&self.clock)));
        self.unanswered[lane.connection] += 1;
        self.outcome.sent += 1;
    }

    fn next_lane(&mut self) -> usize {
        self.next_lane = if self.next_lane + 1 < self.lanes.len() { self.next_lane + 1 } else { 0 };
        self.next_lane
    }

    /// Sends what is due; says when to look again.
    fn keep_pace(&mut self, sockets: &mut Sockets, now_ns: u64, began_ns: u64, until_ns: u64) -> u64 {
        match self.plan.pace {
            Pace::Accepted { .. } => until_ns,
            Pace::Delivered { outstanding } => {
                let room = outstanding as u64;
                while self.outcome.sent - self.shared.completed.load(Relaxed) < room && self.may_send() {
                    let lane = self.next_lane();
                    self.send(sockets, lane, now_ns);
                }
                until_ns
            }
            Pace::Scheduled { per_second } => {
                let due = |number: u64| {
                    began_ns
                        + u64::try_from(u128::from(number) * u128::from(NS_PER_S) / u128::from(per_second))
                            .unwrap_or(u64::MAX)
                };
                let number = |outcome: &Outcome| outcome.sent + outcome.skipped;
                while due(number(&self.outcome)) <= now_ns && self.may_send() {
                    let (lane, scheduled_ns) = (self.next_lane(), due(number(&self.outcome)));
                    let id = self.lanes[lane].connection;
                    if sockets.is_open(id) && !sockets.is_congested(id) {
                        self.send(sockets, lane, scheduled_ns);
                    } else {
                        self.outcome.skipped += 1;
                    }
                }
                due(number(&self.outcome)).max(now_ns + SCHEDULE_STEP_NS).min(until_ns)
            }
        }
    }

    fn may_send(&self) -> bool {
        self.outcome.sent + self.outcome.skipped < self.plan.messages_max && !self.lanes.is_empty()
    }

    fn begin(&mut self, sockets: &mut Sockets, now_ns: u64) -> u64 {
        self.began_ns = Some(now_ns);
        if let Pace::Accepted { outstanding } = self.plan.pace {
            for lane in 0..self.lanes.len() {
                for _ in 0..outstanding {
                    if self.may_send() && self.sent_by[lane] < self.plan.per_lane {
                        self.send(sockets, lane, now_ns);
                    }
                }
            }
        }
        now_ns
    }

    /// Tells the other workers, once per turn.
    fn report(&mut self) {
        let outcome = &self.outcome;
        let answered = outcome.accepted + outcome.rejected + outcome.abandoned;
        let now = [outcome.sent, answered, outcome.expected, outcome.delivered];
        let totals =
            [&self.shared.sent, &self.shared.answered, &self.shared.expected, &self.shared.delivered];
        for ((total, now), before) in totals.into_iter().zip(now).zip(&mut self.reported) {
            if now != *before {
                total.fetch_add(now.wrapping_sub(*before), Relaxed);
                *before = now;
            }
        }
    }

    #[inline]
    fn on_event(&mut self, id: ConnectionId, payload: &[u8], now_ns: u64) {
        let Some((seq, text)) = self.scanner.event(payload) else { return };
        let Some(tag) = Tag::decode(text, &self.clock) else { return };
        if self.plan.checked {
            self.check(payload, tag, seq);
        }
        // What is left of an earlier run on the same connections advances the ledger and is not counted here.
        if !self.ledger.note(id, tag.room, seq) || tag.scheduled_ns + TAG_STEP_NS < self.shared.began_ns {
            return;
        }
        let outcome = &mut self.outcome;
        outcome.delivered += 1;
        outcome.delivered_sum = outcome.delivered_sum.wrapping_add(mix(tag.serial));
        let late_ns = now_ns.saturating_sub(tag.scheduled_ns);
        let last = self.shared.arrived(tag.serial);
        let (from, to) = self.window();
        if (from..to).contains(&now_ns) {
            self.outcome.delivered_in_window += 1;
        }
        if (from..to).contains(&tag.scheduled_ns) {
            self.outcome.delivery.record(late_ns);
            if last {
                self.outcome.completion.record(late_ns);
            }
        }
    }

    fn on_accepted(&mut self, sockets: &mut Sockets, id: ConnectionId, payload: &[u8], now_ns: u64) {
        let text = self.scanner.answer(payload).unwrap_or_default();
        let Some(tag) = Tag::decode(text, &self.clock) else { return self.complain(payload) };
        if self.plan.keep_accepted {
            self.outcome.accepted_ids.extend(number_of(text));
        }
        let Some(lane) = self.answered(id, tag.room) else { return self.complain(payload) };
        let audience = u64::from(self.lanes[lane].audience);
        let outcome = &mut self.outcome;
        outcome.accepted += 1;
        outcome.expected += audience;
        outcome.accepted_sum = outcome.accepted_sum.wrapping_add(mix(tag.serial).wrapping_mul(audience));
        let (from, to) = self.window();
        if (from..to).contains(&now_ns) {
            self.outcome.accepted_in_window += 1;
        }
        if (from..to).contains(&tag.scheduled_ns) {
            self.outcome.ack.record(now_ns.saturating_sub(tag.scheduled_ns));
        }
        self.follow(sockets, lane, now_ns);
    }

    fn on_rejected(&mut self, sockets: &mut Sockets, id: ConnectionId, payload: &[u8], now_ns: u64) {
        if !self.plan.hostile {
            self.complain(payload);
        }
        let tag = self.scanner.answer(payload).and_then(|text| Tag::decode(text, &self.clock));
        if let Some(lane) = tag.and_then(|tag| self.answered(id, tag.room)) {
            self.outcome.rejected += 1;
            self.follow(sockets, lane, now_ns);
        }
    }

    /// The next message of a lane whose last one was answered.
    fn follow(&mut self, sockets: &mut Sockets, lane: usize, now_ns: u64) {
        let (_, until_ns) = self.window();
        let goes_on =
            matches!(self.plan.pace, Pace::Accepted { .. }) && self.sent_by[lane] < self.plan.per_lane;
        if goes_on && now_ns < until_ns && self.may_send() {
            self.send(sockets, lane, now_ns);
        }
    }

    /// An answer on this connection, for this room: the lane that it answers.
    fn answered(&mut self, id: ConnectionId, room: u32) -> Option<usize> {
        let lane = self.lanes_of.get(id)?.iter().find(|(of, _)| *of == room)?.1;
        self.unanswered[id] = self.unanswered[id].checked_sub(1)?;
        Some(lane)
    }

    fn complain(&mut self, payload: &[u8]) {
        if self.outcome.complaints.len() < EXAMPLES_MAX {
            self.outcome
                .complaints
                .push(String::from_utf8_lossy(&payload[..payload.len().min(300)]).into_owned());
        }
    }

    /// The whole frame, not just the fields that counting needs.
    #[cold]
    fn check(&mut self, payload: &[u8], tag: Tag, seq: u64) {
        let Err(reason) = verify(payload, self.expected, tag, seq) else { return };
        self.ledger.violate(Violation::Foreign(reason));
    }
}

impl Driver for Traffic<'_> {
    fn frame(&mut self, sockets: &mut Sockets, id: ConnectionId, payload: &[u8], now_ns: u64) {
        self.heard_ns = now_ns;
        match scan::kind(payload) {
            Kind::Event => self.on_event(id, payload, now_ns),
            Kind::Accepted => self.on_accepted(sockets, id, payload, now_ns),
            Kind::Rejected => self.on_rejected(sockets, id, payload, now_ns),
            Kind::Failed => {
                self.outcome.failed += 1;
                self.complain(payload);
            }
            Kind::Error => self.complain(payload),
            _ => {}
        }
    }

    fn closed(&mut self, _: &mut Sockets, id: ConnectionId, reason: CloseReason, _: u64) {
        if let Some(unanswered) = self.unanswered.get_mut(id) {
            self.outcome.abandoned += u64::from(std::mem::take(unanswered));
        }
        self.outcome.closed.push((id, reason));
    }

    fn turn(&mut self, sockets: &mut Sockets, now_ns: u64) -> Next {
        let began_ns = match self.began_ns {
            Some(began_ns) => began_ns,
            None => self.begin(sockets, now_ns),
        };
        let (_, until_ns) = self.window();
        let mut look_ns = until_ns;
        if now_ns < until_ns && self.may_send() {
            look_ns = self.keep_pace(sockets, now_ns, began_ns, until_ns);
        }
        self.report();
        let cut_off = sockets.open_count() == 0;
        let silent_ns = self.heard_ns.max(began_ns) + SILENCE_TIMEOUT_MS * NS_PER_MS;
        if now_ns < until_ns && self.may_send() && !cut_off && now_ns < silent_ns {
            return Next::At(look_ns.min(silent_ns));
        }
        if !std::mem::replace(&mut self.stopped, true) {
            self.shared.stop_sending();
        }
        if cut_off {
            return Next::Done;
        }
        let drain_ms = if self.plan.hostile { HOSTILE_DRAIN_MS } else { DRAIN_TIMEOUT_MS };
        let deadline_ns = until_ns.min(silent_ns) + drain_ms * NS_PER_MS;
        if self.shared.is_settled() || now_ns >= deadline_ns {
            return Next::Done;
        }
        Next::At(deadline_ns.min(now_ns + 5 * NS_PER_MS))
    }
}

/// Runs traffic on all workers of a fleet: `lanes` and `ledgers` by worker, messages with `body` into `conversations`. Returns what was seen by all of them
/// together, and the ledgers for the next run on the same connections.
///
/// # Errors
/// When the kernel fails.
pub fn run(
    fleet: &mut Fleet,
    plan: TrafficPlan,
    (conversations, body): (&[String], &str),
    lanes: Vec<Vec<Lane>>,
    ledgers: Vec<Ledger>,
) -> Result<(Outcome, Vec<Ledger>)> {
    let expected = Expected { conversations, body };
    let clock = fleet.clock();
    let shared = Arc::new(Shared::new(&plan.pace, clock.now_ns(), fleet.wakers()));
    let mut drivers: Vec<Traffic<'_>> = (lanes.into_iter().zip(ledgers).enumerate())
        .map(|(worker, (lanes, ledger))| {
            Traffic::new(plan, clock, Arc::clone(&shared), expected, (worker, lanes, ledger))
        })
        .collect();
    fleet.run(&mut drivers)?;
    let mut total = Outcome::default();
    let mut ledgers = Vec::with_capacity(drivers.len());
    for driver in drivers {
        let (outcome, mut ledger) = driver.finish();
        total.merge(outcome, ledger.take_violations());
        ledgers.push(ledger);
    }
    Ok((total, ledgers))
}
