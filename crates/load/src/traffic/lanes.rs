//! From users and rooms to lanes: who sends on which connection of which worker.
//! Invariant: user `n` has connection `n / workers` of worker `n % workers`, as joining made it.

use super::pace::Lane;
use crate::{client::tag::SendFrame, population::Room};

/// How many of the first `connected` users are in each room.
#[must_use]
pub fn audiences(rooms: &[Room], connected: usize) -> Vec<u32> {
    let count = |room: &Room| room.members.iter().filter(|user| **user < connected).count();
    rooms.iter().map(|room| u32::try_from(count(room)).unwrap_or(u32::MAX)).collect()
}

/// A lane for every pair of (user, room), by worker.
#[must_use]
pub fn lanes_of(
    rooms: &[Room],
    connected: usize,
    workers: usize,
    senders: &[(usize, usize)],
    body: &str,
) -> Vec<Vec<Lane>> {
    let audiences = audiences(rooms, connected);
    let mut lanes = vec![Vec::new(); workers];
    for (user, room) in senders {
        lanes[user % workers].push(Lane {
            connection: user / workers,
            room: u32::try_from(*room).unwrap_or(u32::MAX),
            audience: audiences[*room],
            frame: SendFrame::new(&rooms[*room].conversation, body),
        });
    }
    lanes
}
