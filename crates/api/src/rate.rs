//! How often somebody may ask: per address before login, per user after it, and per user for sends.
//! Invariant: what is remembered is bounded however many addresses or users there are (D6).

use std::{
    fmt,
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use chat::UserId;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use crate::{
    limits::{RATE_CHECKS_PER_SWEEP, RATE_KEYS_MAX},
    secret::digest_128,
};

/// A steady rate with room for bursts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many at once after a rest.
    pub burst: u32,
    /// One more every so often, milliseconds.
    pub refill_ms: u32,
}

/// The rates of one server; `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateOptions {
    /// Registrations, per address.
    pub registrations: Option<Rate>,
    /// Logins, per address.
    pub logins: Option<Rate>,
    /// Logins to one account, from wherever: a botnet guesses no faster than one address.
    pub logins_per_name: Option<Rate>,
    /// Requests whose token is not known, per address.
    pub strangers: Option<Rate>,
    /// Requests, per user.
    pub requests: Option<Rate>,
    /// Messages and other commands, per user, over HTTP and sockets together.
    pub sends: Option<Rate>,
    /// Searches, per user.
    pub searches: Option<Rate>,
}

/// Wait this long before asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowDown {
    /// Milliseconds; at least 1.
    pub retry_after_ms: u64,
}

/// All limiters of one server, shared by all its shards.
#[derive(Debug)]
pub struct RateLimits {
    registrations: Limiter<u128>,
    logins: Limiter<u128>,
    logins_per_name: Limiter<u128>,
    strangers: Limiter<u128>,
    requests: Limiter<u128>,
    sends: Limiter<u128>,
    searches: Limiter<u128>,
}

impl Rate {
    /// `per_second` steadily, `burst` at once.
    #[must_use]
    pub fn per_second(per_second: u32, burst: u32) -> Rate {
        Rate { burst, refill_ms: 1_000 / per_second.clamp(1, 1_000) }
    }
}

impl Default for RateOptions {
    fn default() -> Self {
        Self {
            registrations: Some(Rate { burst: 20, refill_ms: 6_000 }),
            logins: Some(Rate { burst: 30, refill_ms: 3_000 }),
            logins_per_name: Some(Rate { burst: 10, refill_ms: 6_000 }),
            strangers: Some(Rate::per_second(10, 100)),
            requests: Some(Rate::per_second(100, 500)),
            sends: Some(Rate::per_second(50, 500)),
            searches: Some(Rate::per_second(10, 30)),
        }
    }
}

impl RateOptions {
    /// No limits at all, for measurements.
    #[must_use]
    pub fn unlimited() -> RateOptions {
        RateOptions {
            registrations: None,
            logins: None,
            logins_per_name: None,
            strangers: None,
            requests: None,
            sends: None,
            searches: None,
        }
    }
}

impl RateLimits {
    /// Limiters with nothing used yet.
    #[must_use]
    pub fn new(options: &RateOptions) -> RateLimits {
        RateLimits {
            registrations: Limiter::new(options.registrations, RATE_KEYS_MAX),
            logins: Limiter::new(options.logins, RATE_KEYS_MAX),
            logins_per_name: Limiter::new(options.logins_per_name, RATE_KEYS_MAX),
            strangers: Limiter::new(options.strangers, RATE_KEYS_MAX),
            requests: Limiter::new(options.requests, RATE_KEYS_MAX),
            sends: Limiter::new(options.sends, RATE_KEYS_MAX),
            searches: Limiter::new(options.searches, RATE_KEYS_MAX),
        }
    }

    /// One command of `user`: for every send, edit, reaction…, over HTTP or a socket.
    ///
    /// # Errors
    /// How long to wait.
    pub fn send(&self, user: UserId) -> Result<(), SlowDown> {
        self.sends.check(user.as_u128())
    }

    /// One request of `user`.
    ///
    /// # Errors
    /// How long to wait.
    pub fn request(&self, user: UserId) -> Result<(), SlowDown> {
        self.requests.check(user.as_u128())
    }

    pub(crate) fn search(&self, user: UserId) -> Result<(), SlowDown> {
        self.searches.check(user.as_u128())
    }

    pub(crate) fn registration(&self, from: IpAddr) -> Result<(), SlowDown> {
        self.registrations.check(address_key(from))
    }

    pub(crate) fn login(&self, from: IpAddr, username_key: &str) -> Result<(), SlowDown> {
        self.logins.check(address_key(from))?;
        self.logins_per_name.check(u128::from_be_bytes(digest_128(&[username_key.as_bytes()])))
    }

    pub(crate) fn stranger(&self, from: IpAddr) -> Result<(), SlowDown> {
        self.strangers.check(address_key(from))
    }
}

/// One network customer: an IPv4 address, or the /64 that an IPv6 customer chooses addresses from.
fn address_key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => v6.to_bits(),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}

/// One rate for many keys.
struct Limiter<K: Hash + Eq + Clone> {
    keyed: Option<DefaultKeyedRateLimiter<K>>,
    clock: DefaultClock,
    checks: AtomicU32,
    keys_max: usize,
}

impl<K: Hash + Eq + Clone + Default> Limiter<K> {
    fn new(rate: Option<Rate>, keys_max: usize) -> Limiter<K> {
        Limiter {
            keyed: rate.map(|rate| RateLimiter::keyed(quota(rate))),
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
            keys_max,
        }
    }

    fn check(&self, key: K) -> Result<(), SlowDown> {
        let Some(keyed) = &self.keyed else { return Ok(()) };
        let crowded = self.sweep(keyed);
        // When too many are remembered, all share the bucket of the default key until some are forgotten.
        let key = if crowded { K::default() } else { key };
        keyed.check_key(&key).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            SlowDown { retry_after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1) }
        })
    }

    /// Forgets who has rested now and then. Returns whether there are still too many.
    fn sweep(&self, keyed: &DefaultKeyedRateLimiter<K>) -> bool {
        let due =
            self.checks.fetch_add(1, Ordering::Relaxed) % RATE_CHECKS_PER_SWEEP == RATE_CHECKS_PER_SWEEP - 1;
        if due {
            keyed.retain_recent();
            keyed.shrink_to_fit();
        }
        keyed.len() > self.keys_max
    }
}

impl<K: Hash + Eq + Clone> fmt::Debug for Limiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("keys", &self.keyed.as_ref().map(|keyed| keyed.len())).finish()
    }
}

fn quota(rate: Rate) -> Quota {
    let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
    let period = Duration::from_millis(u64::from(rate.refill_ms.max(1)));
    Quota::with_period(period).expect("invariant: the period is at least 1 ms").allow_burst(burst)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Rate = Rate { burst: 3, refill_ms: 3_600_000 };

    #[test]
    fn d6_a_burst_passes_and_the_next_is_told_how_long_to_wait() {
        let limiter = Limiter::new(Some(SLOW), 10);
        for _ in 0..3 {
            assert_eq!(limiter.check(1_u128), Ok(()));
        }
        let SlowDown { retry_after_ms } = limiter.check(1).unwrap_err();
        assert!((1..=3_600_000).contains(&retry_after_ms), "{retry_after_ms}");
        assert_eq!(limiter.check(2), Ok(()), "others are not affected");
    }

    #[test]
    fn d6_what_is_remembered_is_bounded() {
        let limiter = Limiter::new(Some(SLOW), 100);
        let passed = (1..=1_000_u128).filter(|key| limiter.check(*key).is_ok()).count();
        let keys = limiter.keyed.as_ref().unwrap().len();
        assert!(keys <= 102, "{keys} keys");
        assert_eq!(passed, 101 + 3, "those beyond share one bucket of three");
    }

    #[test]
    fn who_has_rested_is_forgotten() {
        let limiter = Limiter::new(Some(Rate { burst: 1, refill_ms: 1 }), usize::MAX);
        for key in 0..u128::from(RATE_CHECKS_PER_SWEEP) * 4 {
            limiter.check(key + 1).unwrap();
        }
        let keys = limiter.keyed.as_ref().unwrap().len();
        assert!(keys < usize::try_from(RATE_CHECKS_PER_SWEEP).unwrap() * 4, "{keys} keys");
    }

    #[test]
    fn one_ipv6_customer_is_one_key() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:2"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("10.0.0.1"), key("10.0.0.2"));
        assert_eq!(key("10.0.0.1"), key("::ffff:10.0.0.1"));
    }
}
