//! Going away, or sending some clients elsewhere: they are told when to reconnect, what was accepted is finished, then
//! their connections close.
//! Invariant: every command read before the connections close gets its answer, and the whole takes no longer than its
//! deadline. A command read later is sent again by its client, under the same id (D2).

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use protocol::{CloseCode, session::Input};

use crate::{announcer::Shed, connection::Connection, input, limits::DRAIN_LOOK_MS, shard::Shard};

/// Drains a shard that accepts no more.
pub(crate) async fn run(shard: &Rc<Shard>, deadline: Instant) {
    let _ = tokio::time::timeout_at(deadline.into(), finish(shard)).await;
    for connection in connections(shard) {
        connection.give_up();
    }
    // Tasks of given-up connections take them out of the tables at their next turn.
    tokio::task::yield_now().await;
    shard.roll.flush(shard).await;
    shard.roll.store_seen(shard).await;
    shard.publish(0);
}

/// Sends connections elsewhere while the shard goes on.
pub(crate) async fn shed(shard: Rc<Shard>, shed: Shed) {
    let mut chosen = connections(&shard);
    if let Shed::PerMille(share) = shed {
        chosen.retain(|_| part_of(1_000, &shard) < u64::from(share));
    }
    tell_to_reconnect(&shard, &chosen);
    shard.intake.idle().await;
    for connection in chosen {
        connection.close(CloseCode::GoingAway, &shard.out);
    }
}

fn tell_to_reconnect(shard: &Rc<Shard>, connections: &[Rc<Connection>]) {
    let spread_ms = shard.options.reconnect_spread_ms;
    for connection in connections {
        let after_ms = part_of(spread_ms, shard);
        input::step(shard, connection, Input::Drain { after_ms });
    }
}

async fn finish(shard: &Rc<Shard>) {
    tell_to_reconnect(shard, &connections(shard));
    shard.intake.idle().await;
    shard.marks.flush(shard).await;
    shard.marks.flush_implied(shard).await;
    for connection in connections(shard) {
        connection.close(CloseCode::GoingAway, &shard.out);
    }
    shard.intake.idle().await;
    // What is left is up to the peers.
    while !shard.hub.borrow().connections().is_empty() || shard.http_open.get() > 0 {
        tokio::time::sleep(Duration::from_millis(DRAIN_LOOK_MS)).await;
    }
}

/// A random part of the spread, so that clients do not come back all at once.
fn part_of(spread_ms: u64, shard: &Shard) -> u64 {
    let [a, b, c, d, ..] = shard.random();
    let random = u64::from(u32::from_le_bytes([a, b, c, d]));
    (spread_ms.saturating_mul(random)) >> 32
}

fn connections(shard: &Shard) -> Vec<Rc<Connection>> {
    shard.hub.borrow().connections().iter().map(|(_, connection)| Rc::clone(connection)).collect()
}
