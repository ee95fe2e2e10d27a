//! What drives the sockets: joining, sending by a pace, and keeping count of what comes back.
//! Invariant: every sent message ends as accepted or rejected and every accepted one as one delivery per member who is
//! connected, in order; whatever does not is reported.

mod drive;
mod join;
mod lanes;
mod ledger;
mod outcome;
mod pace;
mod shared;
mod verify;

pub use self::{
    drive::run,
    join::{JoinPlan, Joined, Seat, join},
    lanes::{audiences, lanes_of},
    ledger::{Ledger, Violation},
    outcome::{Outcome, TrafficPlan},
    pace::{Lane, Pace},
    shared::Shared,
};
