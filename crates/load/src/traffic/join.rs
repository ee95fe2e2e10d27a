//! Joining: open, authenticate, sync; first connections and reconnect storms alike.
//! Counts what a sync hands over and checks its order, so that a catch-up is held to the same rules as live traffic (D4).

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Ledger, Violation};
use crate::{
    client::{
        frame,
        scan::{self, Kind},
    },
    clock::NS_PER_MS,
    engine::{CloseReason, ConnectionId, Driver, Next, Sockets, fleet::Fleet},
    error::{LoadError, Result},
    limits::JOIN_TIMEOUT_MS,
    measure::Latencies,
};

/// Who joins, and how.
#[derive(Debug, Clone, Copy)]
pub struct JoinPlan<'a> {
    /// Ids of the rooms that are counted.
    pub conversations: &'a [String],
    /// Connections that are being opened at a time, per worker.
    pub opening_max: usize,
}

/// Who sits on one connection of a worker, and what they remember.
#[derive(Debug, Clone, Default)]
pub struct Seat {
    /// Bearer token.
    pub token: String,
    /// Token of the last sync, if there was one.
    pub sync_token: Option<String>,
    /// Epoch of the last connection.
    pub epoch: Option<Value>,
}

/// What one worker's joining came to.
#[derive(Debug, Default)]
pub struct Joined {
    /// Events that syncs handed over.
    pub caught_up: u64,
    /// Connections that the server refused or ended.
    pub closed: Vec<(ConnectionId, CloseReason)>,
    /// Syncs answered by `resync` or an error.
    pub refused: Vec<String>,
    /// From the opening of each connection until it was synced.
    pub latency: Latencies,
    /// When the last one was synced, nanoseconds since the beginning of the run.
    pub done_ns: u64,
}

struct Join<'a> {
    plan: JoinPlan<'a>,
    rooms: &'a HashMap<&'a str, u32>,
    seats: &'a mut [Seat],
    ledger: &'a mut Ledger,
    /// When each connection began to open.
    began_ns: Vec<u64>,
    next: usize,
    opening: usize,
    joined: Joined,
    deadline_ns: u64,
    failure: Option<LoadError>,
}

/// Joins all seats, those of a worker in order, and returns when the last is synced. `ledgers` say where each stands
/// and are brought up to date.
///
/// # Errors
/// When not all are synced in time, or there are no more files or ports.
pub fn join(
    fleet: &mut Fleet,
    plan: JoinPlan<'_>,
    seats: &mut [Vec<Seat>],
    ledgers: &mut [Ledger],
) -> Result<Vec<Joined>> {
    let rooms: HashMap<&str, u32> =
        (plan.conversations.iter().zip(0..)).map(|(id, number)| (id.as_str(), number)).collect();
    let began_ns = fleet.clock().now_ns();
    let mut drivers: Vec<Join<'_>> = Vec::new();
    for (worker, (seats, ledger)) in seats.iter_mut().zip(ledgers).enumerate() {
        let sockets = fleet.engine(worker).sockets();
        while sockets.len() < seats.len() {
            sockets.reserve();
        }
        drivers.push(Join::new(plan, &rooms, seats, ledger, began_ns));
    }
    fleet.run(&mut drivers)?;
    drivers.into_iter().map(Join::finish).collect()
}

impl<'a> Join<'a> {
    fn new(
        plan: JoinPlan<'a>,
        rooms: &'a HashMap<&'a str, u32>,
        seats: &'a mut [Seat],
        ledger: &'a mut Ledger,
        began_ns: u64,
    ) -> Self {
        Join {
            plan,
            rooms,
            began_ns: vec![0; seats.len()],
            seats,
            ledger,
            next: 0,
            opening: 0,
            joined: Joined::default(),
            deadline_ns: began_ns + JOIN_TIMEOUT_MS * NS_PER_MS,
            failure: None,
        }
    }

    fn finish(self) -> Result<Joined> {
        let waiting = self.seats.len() - self.next + self.opening;
        match self.failure {
            Some(failure) => Err(failure),
            None if waiting > 0 => Err(LoadError::Timeout {
                what: format!("joining ({waiting} left)"),
                limit_ms: JOIN_TIMEOUT_MS,
            }),
            None => Ok(self.joined),
        }
    }

    fn on_synced(&mut self, id: ConnectionId, payload: &[u8], now_ns: u64) {
        let value: Value = match serde_json::from_slice(payload) {
            Ok(value) => value,
            Err(error) => return self.fail(LoadError::Protocol(format!("synced: {error}"))),
        };
        for item in value["unlisted"].as_array().into_iter().flatten() {
            let room = item["conversationId"].as_str().and_then(|id| self.rooms.get(id));
            if let (Some(room), Some(head)) = (room, item["headSeq"].as_u64()) {
                self.ledger.set(id, *room, head);
            }
        }
        self.seats[id].sync_token = value["token"].as_str().map(str::to_owned);
        self.opening = self.opening.saturating_sub(1);
        self.joined.latency.record(now_ns - self.began_ns[id]);
        self.joined.done_ns = now_ns;
    }

    fn on_events(&mut self, id: ConnectionId, payload: &[u8]) {
        let Ok(page) = serde_json::from_slice::<Value>(payload) else {
            return self.ledger.violate(Violation::Foreign("a page that is no JSON".into()));
        };
        for event in page["events"].as_array().into_iter().flatten() {
            self.take(id, &page["conversationId"], &event["seq"]);
        }
    }

    /// Who is synced already gets what happens while the others join.
    fn on_event(&mut self, id: ConnectionId, payload: &[u8]) {
        match serde_json::from_slice::<Value>(payload) {
            Ok(event) => self.take(id, &event["conversationId"], &event["seq"]),
            Err(error) => {
                self.ledger.violate(Violation::Foreign(format!("an event that is no JSON: {error}")));
            }
        }
    }

    fn take(&mut self, id: ConnectionId, conversation: &Value, seq: &Value) {
        if let Some(room) = conversation.as_str().and_then(|id| self.rooms.get(id)) {
            let fresh = self.ledger.note(id, *room, seq.as_u64().unwrap_or(0));
            self.joined.caught_up += u64::from(fresh);
        }
    }

    fn sync_frame(&self, id: ConnectionId) -> Vec<u8> {
        let places = self.ledger.places(id).iter();
        let cursors: serde_json::Map<String, Value> =
            places.map(|(room, seq)| (self.plan.conversations[*room as usize].clone(), json!(seq))).collect();
        let seat = &self.seats[id];
        let mut sync = json!({"action": "sync", "cursors": cursors});
        if let Some(token) = &seat.sync_token {
            sync["token"] = json!(token);
        }
        if let Some(epoch) = &seat.epoch {
            sync["epoch"] = epoch.clone();
        }
        frame::text(sync.to_string().as_bytes())
    }

    fn fail(&mut self, failure: LoadError) {
        self.failure.get_or_insert(failure);
    }
}

impl Driver for Join<'_> {
    fn opened(&mut self, sockets: &mut Sockets, id: ConnectionId, _: u64) {
        sockets.send(id, &self.sync_frame(id));
    }

    fn frame(&mut self, _: &mut Sockets, id: ConnectionId, payload: &[u8], now_ns: u64) {
        match scan::kind(payload) {
            Kind::Hello => {
                let hello: Option<Value> = serde_json::from_slice(payload).ok();
                self.seats[id].epoch = hello.and_then(|mut hello| hello.get_mut("epoch").map(Value::take));
            }
            Kind::Synced => self.on_synced(id, payload, now_ns),
            Kind::Events => self.on_events(id, payload),
            Kind::Event => self.on_event(id, payload),
            Kind::Resync | Kind::Error => {
                self.joined
                    .refused
                    .push(String::from_utf8_lossy(&payload[..payload.len().min(300)]).into_owned());
            }
            _ => {}
        }
    }

    fn closed(&mut self, _: &mut Sockets, id: ConnectionId, reason: CloseReason, _: u64) {
        self.fail(LoadError::Protocol(format!("connection {id} was ended while joining: {reason:?}")));
        self.joined.closed.push((id, reason));
    }

    fn turn(&mut self, sockets: &mut Sockets, now_ns: u64) -> Next {
        while self.opening < self.plan.opening_max && self.next < self.seats.len() && self.failure.is_none() {
            let id = self.next;
            self.next += 1;
            if sockets.is_open(id) {
                continue;
            }
            self.began_ns[id] = now_ns;
            self.opening += 1;
            if let Err(error) = sockets.open(id, &self.seats[id].token) {
                self.fail(error);
            }
        }
        let finished = self.opening == 0 && self.next == self.seats.len();
        if finished || self.failure.is_some() || now_ns >= self.deadline_ns {
            Next::Done
        } else {
            Next::At(self.deadline_ns)
        }
    }
}
