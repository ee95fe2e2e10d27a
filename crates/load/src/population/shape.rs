//! Who is in which room, as numbers of users.
//! Invariant: nobody is twice in a room.

/// Rooms of two: users 0 and 1, 2 and 3, and so on.
#[must_use]
pub fn pairs(count: usize) -> Vec<Vec<usize>> {
    (0..count).map(|room| vec![2 * room, 2 * room + 1]).collect()
}

/// One room with everybody.
#[must_use]
pub fn one_room(users: usize) -> Vec<Vec<usize>> {
    vec![(0..users).collect()]
}

/// Rooms of `size` such that each of `users` is in two, with different people: half of the rooms hold neighbours, the
/// other half people far from each other. `users` must be a multiple of `size` for all rooms to be full.
#[must_use]
pub fn overlapping(users: usize, size: usize) -> Vec<Vec<usize>> {
    let halves = users / size.max(1);
    let near = (0..halves).map(|room| (0..size).map(|slot| room * size + slot).collect());
    let far = (0..halves).map(|room| (0..size).map(|slot| slot * halves + room).collect());
    near.chain(far).collect()
}
