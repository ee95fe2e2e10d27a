//! A bounded map of what was read or written last, in two generations: a full young one becomes the old one.
//! Invariant: never holds what was read before a write and put in after it.

use std::hash::{BuildHasher, Hash};

use parking_lot::Mutex;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::limits::CACHE_SHARDS;

/// A cache shared between threads.
pub(crate) struct Cache<K, V> {
    shards: [Mutex<Shard<K, V>>; CACHE_SHARDS],
    /// Entries of one generation of one shard.
    generation_max: usize,
}

struct Shard<K, V> {
    young: FxHashMap<K, V>,
    old: FxHashMap<K, V>,
    /// Writes so far.
    writes: u64,
}

/// Says up to which write a value was read.
#[derive(Clone, Copy)]
pub(crate) struct Seen(u64);

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn new(entries_max: usize) -> Self {
        let shard =
            || Mutex::new(Shard { young: FxHashMap::default(), old: FxHashMap::default(), writes: 0 });
        Self {
            shards: std::array::from_fn(|_| shard()),
            generation_max: (entries_max / CACHE_SHARDS / 2).max(1),
        }
    }

    /// The value, or what to hand to [`Cache::fill`] with the value read elsewhere.
    pub(crate) fn get(&self, key: &K) -> Result<V, Seen> {
        let mut shard = self.shard(key).lock();
        if let Some(value) = shard.young.get(key) {
            return Ok(value.clone());
        }
        match shard.old.remove(key) {
            Some(value) => {
                shard.insert(key.clone(), value.clone(), self.generation_max);
                Ok(value)
            }
            None => Err(Seen(shard.writes)),
        }
    }

    /// Keeps a value read after `seen`, unless something was written since.
    pub(crate) fn fill(&self, key: &K, value: V, seen: Seen) {
        let mut shard = self.shard(key).lock();
        if shard.writes == seen.0 {
            shard.insert(key.clone(), value, self.generation_max);
        }
    }

    /// The value is this one now.
    pub(crate) fn set(&self, key: &K, value: V) {
        let mut shard = self.shard(key).lock();
        shard.writes += 1;
        shard.old.remove(key);
        shard.insert(key.clone(), value, self.generation_max);
    }

    fn shard(&self, key: &K) -> &Mutex<Shard<K, V>> {
        // The high bits: the map inside uses the low ones.
        let hash = FxBuildHasher.hash_one(key) >> 48;
        &self.shards[usize::try_from(hash).unwrap_or_default() % CACHE_SHARDS]
    }
}

impl<K: Hash + Eq, V> Shard<K, V> {
    fn insert(&mut self, key: K, value: V, generation_max: usize) {
        if self.young.len() >= generation_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_read_before_a_write_is_not_kept_after_it() {
        let cache = Cache::new(1000);
        let Err(seen) = cache.get(&1) else { panic!("empty") };
        cache.set(&1, "new");
        cache.fill(&1, "old", seen);
        assert_eq!(cache.get(&1).ok(), Some("new"));
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_what_is_used() {
        let cache = Cache::new(CACHE_SHARDS * 2 * 8);
        for key in 0..10_000 {
            cache.set(&key, key);
            assert_eq!(cache.get(&7.min(key)).ok(), Some(7.min(key)));
        }
        let held = (0..10_000).filter(|key| cache.get(key).is_ok()).count();
        assert!(held <= CACHE_SHARDS * 2 * 8, "{held}");
    }
}
