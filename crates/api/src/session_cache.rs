//! Who a token belongs to, remembered for a few seconds so that a request needs no store read.
//! Invariant: a session that ended on this node is not found again; one that ended elsewhere, for at most the cache's
//! age limit.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use chat::{AccountRole, SessionId, TimestampMs, UserId, account::SecretHash};
use quick_cache::sync::Cache;

use crate::limits::{SESSION_CACHE_ENTRIES, SESSION_CACHE_MS};

/// A session as it was when it was last read, its account enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KnownSession {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) role: AccountRole,
    pub(crate) expires_at: TimestampMs,
    pub(crate) read_at: TimestampMs,
}

/// Sessions by the hash of their token, bounded; shared by all shards.
pub struct SessionCache {
    known: Cache<SecretHash, KnownSession>,
    /// Counts what was forgotten: a read that began before must not be remembered after.
    generation: AtomicU64,
}

/// When a read began, as far as forgetting is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generation(u64);

impl Default for SessionCache {
    fn default() -> Self {
        Self::new(SESSION_CACHE_ENTRIES)
    }
}

impl SessionCache {
    /// A cache of at most so many sessions.
    #[must_use]
    pub fn new(entries_max: usize) -> SessionCache {
        SessionCache { known: Cache::new(entries_max), generation: AtomicU64::new(0) }
    }

    /// Forgets sessions that ended. For announcements of other nodes; the routes do it by themselves.
    pub fn forget(&self, ended: &[SessionId]) {
        self.forget_where(|known| ended.contains(&known.session));
    }

    /// Forgets all sessions of somebody whose account changed.
    pub(crate) fn forget_user(&self, user: UserId) {
        self.forget_where(|known| known.user == user);
    }

    pub(crate) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::SeqCst))
    }

    pub(crate) fn get(&self, hash: &SecretHash, now_ms: TimestampMs) -> Option<KnownSession> {
        self.known.get(hash).filter(|known| now_ms.abs_diff(known.read_at) < SESSION_CACHE_MS)
    }

    /// Remembers what was read since `generation`, unless something was forgotten meanwhile.
    pub(crate) fn put(&self, generation: Generation, hash: SecretHash, known: KnownSession) {
        if self.generation().0 == generation.0 {
            self.known.insert(hash, known);
            // Forgetting may have run between the check and the insertion.
            if self.generation().0 != generation.0 {
                self.known.remove(&hash);
            }
        }
    }

    fn forget_where(&self, gone: impl Fn(&KnownSession) -> bool) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.known.retain(|_, known| !gone(known));
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(session: u128, read_at: TimestampMs) -> KnownSession {
        KnownSession {
            user: UserId::from_u128(7),
            session: SessionId::from_u128(session),
            role: AccountRole::Member,
            expires_at: u64::MAX,
            read_at,
        }
    }

    #[test]
    fn a_session_is_known_for_a_while() {
        let cache = SessionCache::new(10);
        cache.put(cache.generation(), [1; 32], known(1, 1_000));
        assert!(cache.get(&[1; 32], 1_000 + SESSION_CACHE_MS - 1).is_some());
        assert!(cache.get(&[1; 32], 1_000 + SESSION_CACHE_MS).is_none());
    }

    #[test]
    fn an_ended_session_is_forgotten_even_by_a_read_under_way() {
        let cache = SessionCache::new(10);
        let before = cache.generation();
        cache.put(before, [1; 32], known(1, 0));
        cache.put(before, [2; 32], known(2, 0));
        cache.forget(&[SessionId::from_u128(1)]);
        assert!(cache.get(&[1; 32], 0).is_none());
        assert!(cache.get(&[2; 32], 0).is_some());
        cache.put(before, [1; 32], known(1, 0));
        assert!(cache.get(&[1; 32], 0).is_none(), "read before it ended");
        cache.forget_user(UserId::from_u128(7));
        assert!(cache.get(&[2; 32], 0).is_none());
    }

    #[test]
    fn d6_the_cache_is_bounded() {
        let cache = SessionCache::new(100);
        for n in 0..1_000_u32 {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&n.to_be_bytes());
            cache.put(cache.generation(), hash, known(u128::from(n), 0));
        }
        assert!(cache.known.len() <= 100);
    }
}
