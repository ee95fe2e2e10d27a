//! The measurements, one per file. Each ends by itself, checks its counts, and measures one thing.
//! Knows a server by its address; only `restart` and `failover` may kill one.

mod crowd;
pub mod durable;
pub mod failover;
pub mod fanout;
pub mod flood;
pub mod growth;
pub mod history;
pub mod idle;
pub mod restart;
pub mod rooms;
pub mod search;
mod setting;
pub mod start;
pub mod storm;

pub use self::{
    crowd::{Crowd, Run},
    setting::{Setting, body},
};
