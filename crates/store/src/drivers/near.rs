//! Memory in front of a Redis server: what was read there is kept here for a moment, too.
//!
//! Such a value is out of date for as long as that moment at most, whatever happens to the server and to the way there: the time is
//! counted from before the server was asked, and nothing makes it longer. What this process writes, forgets and lets grow is never
//! out of date in it: its own copy goes with the answer of the server, and a value that was asked for before that, and comes after, is
//! not kept. That is what the deletions of `values` are for, which know of each value its tags.
//!
//! Only [`Driver::near`] gives what is here. Everything else asks the server, and so do those who make a value, and those who find it
//! out of date: one of all processes makes it, as without. What is nothing but a whole number may be a counter, and is not kept here.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::{BoxFuture, FutureExt};
use mainstay_core::clock::Clock;

use super::redis::Tagged;
use super::values::{Usage, Values};
use crate::driver::{Counting, Driver, StoreError};
use crate::entry::{Entry, Growth, Lookup, Old, Place, Stamp};
use crate::quota::{Decision, Quota};
use crate::redis::Redis;

/// A server, and memory in front of it.
pub struct Near {
    far: Redis,
    values: Mutex<Values>,
    lifetime: Duration,
    hits: AtomicU64,
    clock: Arc<dyn Clock>,
    start: Instant,
}

impl Near {
    /// Keeps what is read on this server for so long here, in so many bytes with keys and tags.
    pub fn new(far: Redis, clock: Arc<dyn Clock>, bytes: usize, lifetime: Duration) -> Self {
        let (values, start) = (Mutex::new(Values::new(bytes)), clock.monotonic());
        Self { far, values, lifetime, hits: AtomicU64::new(0), clock, start }
    }

    /// How much there is here.
    pub fn usage(&self) -> Usage {
        self.values().usage()
    }

    /// How many values were found here.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        nanos(self.clock.monotonic().saturating_duration_since(self.start))
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, key: &str) -> Result<Lookup, StoreError> {
        let (now, since) = (self.now(), self.values().stamp());
        let (found, tags) = self.far.find(key, Tagged::Yes).await?;
        if let Some(value) = found.value.as_ref().filter(|value| !is_number(value)) {
            let entry = Entry {
                value: with_expiry(now.saturating_add(nanos(found.left)), value),
                lifetime: self.lifetime.min(found.left),
                tags,
                since: Some(since),
                place: Place::Any,
            };
            // One that has no room here is asked for each time.
            let _ = self.values().set(key, entry, now);
        }
        Ok(found)
    }

    fn outdated<'a>(&'a self, name: Name<'a>) -> Outdated<'a> {
        Outdated { near: self, name }
    }
}

/// Lets the copy of a value go, or those of a tag, when the server has answered, and when nobody waits for that any more.
struct Outdated<'a> {
    near: &'a Near,
    name: Name<'a>,
}

#[derive(Clone, Copy)]
enum Name<'a> {
    Key(&'a str),
    Tag(&'a str),
}

impl Drop for Outdated<'_> {
    fn drop(&mut self) {
        let now = self.near.now();
        let mut values = self.near.values();
        match self.name {
            Name::Key(key) => drop(values.delete(key, now)),
            Name::Tag(tag) => values.delete_tag(tag),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The longest number that there is: that of 64 bits, and its sign.
const LONGEST_NUMBER: usize = 20;

fn is_number(value: &[u8]) -> bool {
    let is_whole = |text: &str| text.parse::<i64>().is_ok();
    value.len() <= LONGEST_NUMBER && std::str::from_utf8(value).is_ok_and(is_whole)
}

/// The moment at which a value expires on the server, and the value: it goes earlier here.
fn with_expiry(expires: u64, value: &[u8]) -> Bytes {
    let mut kept = BytesMut::with_capacity(size_of::<u64>() + value.len());
    kept.put_u64(expires);
    kept.put_slice(value);
    kept.freeze()
}

fn parted(mut kept: Bytes) -> (u64, Bytes) {
    let expires = bytes::Buf::get_u64(&mut kept);
    (expires, kept)
}

impl Counting for Near {
    fn limit<'a>(
        &'a self,
        key: &'a str,
        quotas: &'a [Quota],
        cost: u32,
    ) -> BoxFuture<'a, Result<Vec<Decision>, StoreError>> {
        self.far.limit(key, quotas, cost)
    }

    fn grow<'a>(&'a self, key: &'a str, growth: Growth) -> BoxFuture<'a, Result<i64, StoreError>> {
        let outdated = self.outdated(Name::Key(key));
        self.far.grow(key, growth).inspect(move |_| drop(outdated)).boxed()
    }
}

impl Driver for Near {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Lookup, StoreError>> {
        self.look(key).boxed()
    }

    fn set<'a>(&'a self, key: &'a str, entry: Entry) -> BoxFuture<'a, Result<Option<Stamp>, StoreError>> {
        let outdated = self.outdated(Name::Key(key));
        self.far.set(key, entry).inspect(move |_| drop(outdated)).boxed()
    }

    fn touch<'a>(&'a self, key: &'a str, lifetime: Duration) -> BoxFuture<'a, Result<bool, StoreError>> {
        let outdated = self.outdated(Name::Key(key));
        self.far.touch(key, lifetime).inspect(move |_| drop(outdated)).boxed()
    }

    fn delete<'a>(&'a self, key: &'a str, old: Old) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        let outdated = self.outdated(Name::Key(key));
        self.far.delete(key, old).inspect(move |_| drop(outdated)).boxed()
    }

    fn delete_tag<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        let outdated = self.outdated(Name::Tag(tag));
        self.far.delete_tag(tag).inspect(move |_| drop(outdated)).boxed()
    }

    fn near(&self, key: &str) -> Option<(Bytes, Duration)> {
        let now = self.now();
        let kept = self.values().get(key, now).value?;
        let (expires, value) = parted(kept);
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some((value, Duration::from_nanos(expires.saturating_sub(now))))
    }
}

impl fmt::Debug for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near")
            .field("far", &self.far)
            .field("lifetime", &self.lifetime)
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}
