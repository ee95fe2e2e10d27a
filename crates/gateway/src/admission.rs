//! How many connections there may be: in all, of one user, from one address.
//! Invariant: a seat is given back exactly when its guard is dropped; nothing here is touched by messages.

use std::{
    hash::Hash,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use api::Network;
use chat::UserId;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::options::{ConnectionLimits, Options};

/// Seats of all shards.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: ConnectionLimits,
    trusted: Vec<Network>,
    open: AtomicUsize,
    by_address: Counts<IpAddr>,
    by_user: Counts<UserId>,
}

/// A connection's place among all; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

/// A WebSocket's place among its user's; given back when dropped.
#[derive(Debug)]
pub(crate) struct UserSeat {
    admission: Arc<Admission>,
    user: UserId,
}

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Server,
    Address,
}

impl Admission {
    pub(crate) fn new(options: &Options) -> Arc<Admission> {
        Arc::new(Admission {
            limits: options.connections,
            trusted: options.trusted_proxies.clone(),
            open: AtomicUsize::new(0),
            by_address: Counts::default(),
            by_user: Counts::default(),
        })
    }

    /// A seat for a connection just accepted from `peer`.
    pub(crate) fn seat(self: &Arc<Self>, peer: IpAddr) -> Result<Seat, Full> {
        // Proxies and the machine itself carry many people.
        let carrier = peer.is_loopback() || self.trusted.iter().any(|network| network.contains(peer));
        let address = (!carrier).then_some(peer);
        if address.is_some_and(|address| !self.by_address.add(address, self.limits.per_address)) {
            return Err(Full::Address);
        }
        let seat = Seat { admission: Arc::clone(self), address };
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.limits.total {
            return Err(Full::Server);
        }
        Ok(seat)
    }

    /// A seat for a WebSocket of `user`; `None` when they have as many as one user may have.
    pub(crate) fn user_seat(self: &Arc<Self>, user: UserId) -> Option<UserSeat> {
        let added = self.by_user.add(user, self.limits.per_user);
        added.then(|| UserSeat { admission: Arc::clone(self), user })
    }

    /// Connections open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.admission.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address {
            self.admission.by_address.remove(&address);
        }
    }
}

impl Drop for UserSeat {
    fn drop(&mut self) {
        self.admission.by_user.remove(&self.user);
    }
}

/// Counts by key; a key that counts nothing is forgotten.
#[derive(Debug)]
struct Counts<K>(Mutex<FxHashMap<K, usize>>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Counts<K> {
    fn add(&self, key: K, most: usize) -> bool {
        let mut counts = self.0.lock();
        let count = counts.entry(key).or_insert(0);
        let fits = *count < most;
        *count += usize::from(fits);
        fits
    }

    fn remove(&self, key: &K) {
        let mut counts = self.0.lock();
        match counts.get_mut(key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(total: usize, per_user: usize, per_address: usize) -> Arc<Admission> {
        let connections = ConnectionLimits { total, per_user, per_address, ..ConnectionLimits::default() };
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        Admission::new(&Options { connections, trusted_proxies, ..Options::default() })
    }

    #[test]
    fn d6_seats_are_bounded_and_given_back() {
        let admission = admission(2, 1, 1);
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        let first = admission.seat(peer).unwrap();
        assert_eq!(admission.seat(peer).unwrap_err(), Full::Address);
        let second = admission.seat("192.0.2.2".parse().unwrap()).unwrap();
        assert_eq!(admission.seat("192.0.2.3".parse().unwrap()).unwrap_err(), Full::Server);
        assert_eq!(admission.open(), 2);
        drop((first, second));
        assert_eq!(admission.open(), 0);
        assert!(admission.by_address.0.lock().is_empty());
        assert!(admission.seat(peer).is_ok());
    }

    #[test]
    fn loopback_and_trusted_proxies_carry_many() {
        let admission = admission(10, 1, 1);
        let seats: Vec<_> = ["127.0.0.1", "127.0.0.1", "10.1.1.1", "10.1.1.1", "::1", "::1"]
            .iter()
            .map(|peer| admission.seat(peer.parse().unwrap()))
            .collect();
        assert!(seats.iter().all(Result::is_ok));
    }

    #[test]
    fn d6_a_user_has_so_many_sockets_and_no_more() {
        let admission = admission(10, 2, 10);
        let user = UserId::from_u128(1);
        let seats = (admission.user_seat(user), admission.user_seat(user));
        assert!(seats.0.is_some() && seats.1.is_some() && admission.user_seat(user).is_none());
        assert!(admission.user_seat(UserId::from_u128(2)).is_some());
        drop(seats);
        assert!(admission.by_user.0.lock().is_empty());
    }
}
