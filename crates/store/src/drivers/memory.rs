//! The memory of this process: values (in `values`, beside this), and counts.
//!
//! Counts are spread over shards, each behind a lock that is held for a few comparisons and never across a wait. What is counted in
//! a shard, and what has to go where there is no room for more, is in `counts`.

mod counts;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use mainstay_core::clock::Clock;

use self::counts::Counts;
use super::values::{Usage, Values};
use crate::driver::{Counting, Driver, StoreError};
use crate::entry::{Entry, Growth, Lookup, Old, Stamp};
use crate::quota::{Decision, Quota};

/// An engine in the memory of this process.
pub struct Memory {
    shards: Box<[Mutex<Counts>]>,
    /// Behind one lock, so that what goes is what was not used the longest of all. It is held for a few look-ups; where a tag is
    /// deleted, for as many as it has values.
    values: Mutex<Values>,
    room: usize,
    hasher: RandomState,
    clock: Arc<dyn Clock>,
    start: Instant,
    evicted: AtomicU64,
}

/// So many locks are enough for so many threads as a server has.
const SHARDS: usize = 16;
/// A shard for fewer keys is not worth it: they would not be spread evenly enough to use the room.
const LEAST_ROOM: usize = 64;

impl Memory {
    /// Room for at most so many keys that are counted, each with one quota, and [some bytes](Self::VALUES) of values.
    pub fn new(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        let count = (capacity / LEAST_ROOM).clamp(1, SHARDS);
        let start = clock.monotonic();
        Self {
            shards: (0..count).map(|_| Mutex::default()).collect(),
            values: Mutex::new(Values::new(Self::VALUES)),
            room: (capacity / count).max(1),
            hasher: RandomState::new(),
            clock,
            start,
            evicted: AtomicU64::new(0),
        }
    }

    /// How much room there is for values, unless something else is said: 64 MiB.
    pub const VALUES: usize = 64 << 20;

    /// Room for so many bytes of values, with their keys and tags.
    #[must_use]
    pub fn room_for_values(mut self, bytes: usize) -> Self {
        self.values = Mutex::new(Values::new(bytes));
        self
    }

    /// How much there is of values.
    pub fn usage(&self) -> Usage {
        lock(&self.values).usage()
    }

    /// How many keys are counted. One with several quotas counts for each of them.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many keys had to go before their time because there was no room.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        let since = self.clock.monotonic().saturating_duration_since(self.start);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn decide(&self, key: &str, quotas: &[Quota], cost: u32) -> Vec<Decision> {
        let now = self.now();
        let index = self.hasher.hash_one(key) as usize % self.shards.len();
        let mut counts = lock(&self.shards[index]);
        let mut turns: Vec<_> =
            quotas.iter().map(|quota| quota.turn(counts.whole_at(key, quota), now)).collect();
        let had: Vec<bool> = turns.iter().map(|turn| turn.has(cost)).collect();
        if cost > 0 && had.iter().all(|had| *had) {
            turns = turns.into_iter().map(|turn| turn.taken(cost)).collect();
            let mut evicted = 0;
            for (quota, turn) in quotas.iter().zip(&turns) {
                evicted += counts.keep((key, quota), turn.whole_at(), now, self.room);
            }
            self.evicted.fetch_add(evicted, Ordering::Relaxed);
        }
        turns.iter().zip(had).map(|(turn, had)| turn.decision(cost, had)).collect()
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counting for Memory {
    fn limit<'a>(
        &'a self,
        key: &'a str,
        quotas: &'a [Quota],
        cost: u32,
    ) -> BoxFuture<'a, Result<Vec<Decision>, StoreError>> {
        Box::pin(ready(Ok(self.decide(key, quotas, cost))))
    }

    fn grow<'a>(&'a self, key: &'a str, growth: Growth) -> BoxFuture<'a, Result<i64, StoreError>> {
        let now = self.now();
        Box::pin(ready(lock(&self.values).grow(key, growth, now)))
    }
}

impl Driver for Memory {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Lookup, StoreError>> {
        let now = self.now();
        Box::pin(ready(Ok(lock(&self.values).get(key, now))))
    }

    fn set<'a>(&'a self, key: &'a str, entry: Entry) -> BoxFuture<'a, Result<Option<Stamp>, StoreError>> {
        let now = self.now();
        Box::pin(ready(lock(&self.values).set(key, entry, now)))
    }

    fn touch<'a>(&'a self, key: &'a str, lifetime: Duration) -> BoxFuture<'a, Result<bool, StoreError>> {
        let now = self.now();
        Box::pin(ready(Ok(lock(&self.values).touch(key, lifetime, now))))
    }

    fn delete<'a>(&'a self, key: &'a str, old: Old) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        let now = self.now();
        let was = lock(&self.values).delete(key, now);
        Box::pin(ready(Ok(was.filter(|_| old == Old::Taken))))
    }

    fn delete_tag<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        lock(&self.values).delete_tag(tag);
        Box::pin(ready(Ok(())))
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory")
            .field("counts", &self.len())
            .field("values", &self.usage())
            .field("evicted", &self.evicted())
            .finish_non_exhaustive()
    }
}
