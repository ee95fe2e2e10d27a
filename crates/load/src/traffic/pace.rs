//! When the next message leaves.
//! An open loop keeps its schedule whatever the server does, so that a stalled server is seen in every latency
//! (no coordinated omission); a closed loop measures capacity.

use crate::{client::tag::SendFrame, engine::ConnectionId};

/// A sender: one connection writing to one room.
#[derive(Debug, Clone)]
pub struct Lane {
    /// The connection it writes to.
    pub connection: ConnectionId,
    /// The room.
    pub room: u32,
    /// Connections that will get each message.
    pub audience: u32,
    /// The prepared frame.
    pub frame: SendFrame,
}

/// When a lane sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each lane keeps `outstanding` messages unanswered: the next one leaves when one is accepted.
    Accepted {
        /// Messages a lane has under way.
        outstanding: usize,
    },
    /// All lanes together keep `outstanding` messages under way, each until *everybody* got it. One worker sends.
    Delivered {
        /// Messages under way.
        outstanding: usize,
    },
    /// All lanes of a worker together send this many messages in a second, on schedule.
    Scheduled {
        /// Messages a second of one worker.
        per_second: u64,
    },
}
