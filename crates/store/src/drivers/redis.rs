//! A Redis server, which all processes share. Every operation is a script, so that it is one step and one round trip.
//!
//! - `limit.lua`: quotas. For each quota of a key there is the moment at which it is whole again; it expires at that moment.
//! - `values.lua`: values, their tags, and what was deleted; `get.lua`, `set.lua`, `touch.lua`, `grow.lua`, `delete.lua`: what is done
//!   to them.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};

use crate::driver::{Counting, Driver, StoreError};
use crate::entry::{Entry, Growth, Lookup, Old, Place, Stamp};
use crate::quota::{Decision, Quota};
use crate::redis::{Redis, RedisScript};

static LIMIT: LazyLock<RedisScript> = LazyLock::new(|| RedisScript::new(include_str!("redis/limit.lua")));
static GET: LazyLock<RedisScript> = LazyLock::new(|| of_values(include_str!("redis/get.lua")));
static SET: LazyLock<RedisScript> = LazyLock::new(|| of_values(include_str!("redis/set.lua")));
static TOUCH: LazyLock<RedisScript> = LazyLock::new(|| of_values(include_str!("redis/touch.lua")));
static GROW: LazyLock<RedisScript> = LazyLock::new(|| of_values(include_str!("redis/grow.lua")));
static DELETE: LazyLock<RedisScript> = LazyLock::new(|| of_values(include_str!("redis/delete.lua")));

fn of_values(lua: &str) -> RedisScript {
    RedisScript::new(&format!("{}{lua}", include_str!("redis/values.lua")))
}

/// Longer than that nothing is kept: a hundred years.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

const VALUE: &str = "value";
const TAG: &str = "tag";

/// Whether somebody wants to know the tags of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tagged {
    Yes,
    No,
}

impl Redis {
    fn deletions(&self) -> String {
        self.key("deletions", "")
    }

    async fn decide(&self, key: &str, quotas: &[Quota], cost: u32) -> Result<Vec<Decision>, StoreError> {
        if quotas.is_empty() {
            return Ok(Vec::new());
        }
        let name = |quota: &Quota| format!("{}/{}:{key}", quota.limit(), quota.period().as_nanos());
        let keys: Vec<String> = quotas.iter().map(|quota| self.key("limit", &name(quota))).collect();
        let mut arguments = vec![cost.to_string()];
        for quota in quotas {
            let (price, whole) = (parts(quota.price(cost)), parts(quota.whole()));
            arguments.extend([price.0, price.1, whole.0, whole.1].map(|part| part.to_string()));
        }
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        let moments: Vec<u64> = self.run(&LIMIT, &keys, &arguments).await?;
        let mut moments = moments.chunks_exact(2).map(|pair| whole(pair[0], pair[1]));
        let now = moments.next().unwrap_or_default();
        let turns: Vec<_> =
            quotas.iter().zip(moments).map(|(quota, whole_at)| quota.turn(whole_at, now)).collect();
        let had: Vec<bool> = turns.iter().map(|turn| turn.has(cost)).collect();
        // The script has come to the same by the same numbers.
        let is_taken = cost > 0 && had.iter().all(|had| *had);
        let after = turns.into_iter().map(|turn| if is_taken { turn.taken(cost) } else { turn });
        Ok(after.zip(had).map(|(turn, had)| turn.decision(cost, had)).collect())
    }

    pub(super) async fn find(&self, key: &str, tagged: Tagged) -> Result<(Lookup, Vec<String>), StoreError> {
        let keys = [self.key(VALUE, key), self.deletions()];
        let tags = self.key(TAG, "");
        let told = if tagged == Tagged::Yes { "tags" } else { "" };
        let (deletions, value, seconds, nanos, tags): (u64, Option<Vec<u8>>, u64, u64, Vec<String>) =
            self.run(&GET, &keys, &[&*tags, told].map(str::as_bytes)).await?;
        let left = Duration::from_nanos(whole(seconds, nanos));
        Ok((Lookup { value: value.map(Into::into), left, stamp: Stamp::after(deletions) }, tags))
    }

    async fn keep(&self, key: &str, entry: Entry) -> Result<Option<Stamp>, StoreError> {
        let keys = [self.key(VALUE, key), self.deletions()];
        let tags = self.key(TAG, "");
        let (seconds, nanos) = lasting(entry.lifetime);
        let since = entry.since.map(|since| since.deletions().to_string()).unwrap_or_default();
        let place = if entry.place == Place::Free { "free" } else { "" };
        let mut arguments = vec![tags.as_bytes(), key.as_bytes(), &entry.value];
        arguments.extend([&*seconds, &nanos, &since, place].map(str::as_bytes));
        arguments.extend(entry.tags.iter().map(String::as_bytes));
        let deletions: Option<u64> = self.run(&SET, &keys, &arguments).await?;
        Ok(deletions.map(Stamp::after))
    }

    async fn prolong(&self, key: &str, lifetime: Duration) -> Result<bool, StoreError> {
        let tags = self.key(TAG, "");
        let (seconds, nanos) = lasting(lifetime);
        self.run(&TOUCH, &[self.key(VALUE, key)], &[&*tags, &seconds, &nanos].map(str::as_bytes)).await
    }

    async fn add(&self, key: &str, growth: Growth) -> Result<i64, StoreError> {
        let keys = [self.key(VALUE, key), self.deletions()];
        let tags = self.key(TAG, "");
        let (by, (seconds, nanos)) = (growth.by.to_string(), lasting(growth.lifetime));
        let mut arguments = [&*tags, &by, &seconds, &nanos].map(str::as_bytes).to_vec();
        arguments.extend(growth.tags.iter().map(String::as_bytes));
        let answer: String = self.run(&GROW, &keys, &arguments).await?;
        match &*answer {
            "out of range" => Err(StoreError::OutOfRange),
            number => number.parse().map_err(|_| StoreError::NoNumber),
        }
    }

    async fn drop_named(&self, kind: &str, name: &str, old: Old) -> Result<Option<Bytes>, StoreError> {
        let keys = [self.key(kind, name), self.deletions()];
        let noted = format!("{}{name}", if kind == TAG { "t" } else { "k" });
        let tags = self.key(TAG, "");
        let old = if old == Old::Taken { "take" } else { "" };
        let was: Option<Vec<u8>> =
            self.run(&DELETE, &keys, &[&*noted, &tags, old].map(str::as_bytes)).await?;
        Ok(was.map(Into::into))
    }
}

/// A lifetime in seconds and nanoseconds, as it is written.
fn lasting(lifetime: Duration) -> (String, String) {
    let lifetime = lifetime.min(LONGEST);
    (lifetime.as_secs().to_string(), lifetime.subsec_nanos().to_string())
}

const NANOS: u64 = 1_000_000_000;

/// Nanoseconds as seconds and the rest of them.
fn parts(nanos: u64) -> (u64, u64) {
    (nanos / NANOS, nanos % NANOS)
}

fn whole(seconds: u64, nanos: u64) -> u64 {
    seconds.saturating_mul(NANOS).saturating_add(nanos)
}

impl Counting for Redis {
    fn limit<'a>(
        &'a self,
        key: &'a str,
        quotas: &'a [Quota],
        cost: u32,
    ) -> BoxFuture<'a, Result<Vec<Decision>, StoreError>> {
        self.decide(key, quotas, cost).boxed()
    }

    fn grow<'a>(&'a self, key: &'a str, growth: Growth) -> BoxFuture<'a, Result<i64, StoreError>> {
        self.add(key, growth).boxed()
    }
}

impl Driver for Redis {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Lookup, StoreError>> {
        self.find(key, Tagged::No).map(|found| found.map(|(found, _)| found)).boxed()
    }

    fn set<'a>(&'a self, key: &'a str, entry: Entry) -> BoxFuture<'a, Result<Option<Stamp>, StoreError>> {
        self.keep(key, entry).boxed()
    }

    fn touch<'a>(&'a self, key: &'a str, lifetime: Duration) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.prolong(key, lifetime).boxed()
    }

    fn delete<'a>(&'a self, key: &'a str, old: Old) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        self.drop_named(VALUE, key, old).boxed()
    }

    fn delete_tag<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.drop_named(TAG, tag, Old::Dropped).map(|done| done.map(drop)).boxed()
    }
}
