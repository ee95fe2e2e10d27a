//! The shard's clock: pings, dead peers, stalled sockets, leases, counters. One timer for all connections.
//! Invariant: every open connection is looked at once in each heartbeat, in a slice of its own place in the table.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use protocol::CloseCode;

use crate::{
    connection::{Connection, Stage},
    limits::{CERTIFICATE_CHECK_MS, CLOSE_MS, HEARTBEAT_SLICES, PINGS_UNANSWERED_MAX},
    outbox::{Frame, Weight},
    shard::Shard,
    websocket::{OpCode, control},
};

/// Ticks, for ever.
pub(crate) async fn run(shard: Rc<Shard>) {
    let heartbeat = Duration::from_millis(shard.options.heartbeat_ms.max(1));
    let tick = (heartbeat / HEARTBEAT_SLICES).clamp(Duration::from_millis(10), Duration::from_secs(1));
    let slices = usize::try_from(heartbeat.as_millis() / tick.as_millis()).unwrap_or(1).max(1);
    let mut timer = tokio::time::interval(tick);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let ping: Frame = control(OpCode::Ping, b"").into();
    let mut certificate_seen_at = Instant::now();
    for slice in (0..slices).cycle() {
        timer.tick().await;
        let now = Instant::now();
        beat(&shard, slice, slices, &ping);
        let held_bytes = tend_sockets(&shard, now);
        shard.publish(held_bytes);
        shard.roll.tend(&shard, now).await;
        let since = now.saturating_duration_since(certificate_seen_at);
        if let Some(certificate) = &shard.certificate
            && since >= Duration::from_millis(CERTIFICATE_CHECK_MS)
        {
            certificate.refresh();
            certificate_seen_at = now;
        }
    }
}

/// Looks at one slice of the connections.
fn beat(shard: &Shard, slice: usize, slices: usize, ping: &Frame) {
    let hub = shard.hub.borrow();
    let table = hub.connections();
    // A slab's slots are dense, so its length plus its free slots bound the walk.
    let connections = (slice..table.capacity()).step_by(slices).filter_map(|slot| table.get(slot));
    for connection in connections.filter(|connection| connection.is_open()) {
        if connection.heard.replace(false) {
            connection.pings_unanswered.set(0);
            continue;
        }
        let unanswered = connection.pings_unanswered.get();
        if unanswered >= PINGS_UNANSWERED_MAX {
            connection.close(CloseCode::HeartbeatLost, &shard.out);
        } else {
            connection.pings_unanswered.set(unanswered + 1);
            connection.push(Rc::clone(ping), Weight::Durable, &shard.out);
        }
    }
}

/// Ends sockets that take nothing, or do not answer a close.
fn tend_sockets(shard: &Shard, now: Instant) -> usize {
    let passed = |since: Option<Instant>, ms: u64| {
        since.is_some_and(|since| now.saturating_duration_since(since) >= Duration::from_millis(ms))
    };
    shard.out.closing.borrow_mut().retain(|connection: &Rc<Connection>| {
        if passed(connection.closing_since.get(), CLOSE_MS) {
            connection.give_up();
        }
        connection.stage() != Stage::Gone
    });
    let stalled: Vec<Rc<Connection>> = shard.out.stalled.take();
    let stalled = stalled.into_iter().filter(|connection| {
        let waits = connection.is_open() && connection.stalled_since.get().is_some();
        if waits && passed(connection.stalled_since.get(), shard.options.stall_ms) {
            connection.close(CloseCode::SlowReader, &shard.out);
        }
        connection.is_watched.set(waits);
        waits
    });
    let stalled: Vec<Rc<Connection>> = stalled.collect();
    shard.out.stalled.borrow_mut().extend(stalled);
    shard.out.held_bytes.get()
}
