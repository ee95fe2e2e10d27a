//! Who takes part in a run: accounts and rooms, made over HTTP as anybody would make them.
//! Knows the documented routes alone.

mod accounts;
mod rooms;
mod shape;

pub use self::{
    accounts::{User, register, reuse_or_register},
    rooms::{Room, create},
    shape::{one_room, overlapping, pairs},
};

/// Accounts and rooms of one run. A user's number is its place in `users`, a room's its place in `rooms`.
#[derive(Debug, Clone, Default)]
pub struct Population {
    /// The accounts.
    pub users: Vec<User>,
    /// The rooms.
    pub rooms: Vec<Room>,
}
