//! How long to wait before the next try: exponential, capped, with full jitter.
//! Knows no clock; randomness is given, so that a simulation decides it.

use std::time::Duration;

use chat::{
    limits::{RETRY_BASE_MS, RETRY_CAP_MS},
    ports::{PortError, Randomness, Retry},
};

/// Evenly random between nothing and `RETRY_BASE_MS * 2^(attempts - 1)`, at most `RETRY_CAP_MS`. `attempts` counts
/// the tries made: 1 after the first.
#[must_use]
pub fn backoff(attempts: u32, randomness: &dyn Randomness) -> Duration {
    let doublings = attempts.saturating_sub(1).min(32);
    let bound_ms = (RETRY_BASE_MS << doublings).min(RETRY_CAP_MS);
    Duration::from_millis(below(bound_ms + 1, randomness))
}

/// [`backoff`], but never sooner than the error asks.
#[must_use]
pub fn delay(attempts: u32, error: &PortError, randomness: &dyn Randomness) -> Duration {
    floor(error) + backoff(attempts, randomness)
}

/// What the error itself asks to wait.
#[must_use]
pub fn floor(error: &PortError) -> Duration {
    let floor_ms = if let Retry::AfterMs(ms) = error.retry { ms.min(RETRY_CAP_MS) } else { 0 };
    Duration::from_millis(floor_ms)
}

fn below(bound: u64, randomness: &dyn Randomness) -> u64 {
    let mut bytes = [0; 8];
    randomness.fill(&mut bytes);
    // The bias of the remainder is below 2^-40 for bounds of seconds in milliseconds.
    u64::from_le_bytes(bytes) % bound
}

#[cfg(test)]
mod tests {
    use chat::ports::ErrorKind;

    use super::*;

    struct Fixed(u64);

    impl Randomness for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.to_le_bytes()[..bytes.len()]);
        }
    }

    #[test]
    fn the_bound_doubles_up_to_the_cap_and_jitter_is_full() {
        for (attempts, bound_ms) in [(1, 50), (2, 100), (3, 200), (9, 12_800), (10, 20_000), (400, 20_000)] {
            assert_eq!(backoff(attempts, &Fixed(bound_ms)), Duration::from_millis(bound_ms), "{attempts}");
            assert_eq!(backoff(attempts, &Fixed(0)), Duration::ZERO);
            assert_eq!(backoff(attempts, &Fixed(bound_ms + 1)), Duration::ZERO, "{attempts}");
        }
    }

    #[test]
    fn never_sooner_than_the_error_asks_and_never_without_bound() {
        let throttled = |ms| PortError::new(ErrorKind::Overloaded, "test").retry(Retry::AfterMs(ms));
        assert_eq!(delay(1, &throttled(700), &Fixed(0)), Duration::from_millis(700));
        assert_eq!(delay(1, &throttled(u64::MAX), &Fixed(0)), Duration::from_millis(RETRY_CAP_MS));
    }
}
