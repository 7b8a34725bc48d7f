//! A Redis server.
//!
//! A lock is a hash: `o`, its owner; `t`, its token; `e`, when it ends, by the clock of the server. All tokens are counted together,
//! under a key that does not expire, and begin with the time in microseconds: so they grow on where the server has lost
//! everything, unless its clock was set back as well.
//!
//! What a server promises is as good as its memory. One that keeps no log, or writes it once in a second, may forget a lock when it
//! crashes; one that drops keys for want of room may drop a lock; a replica that takes over may not have heard of it yet. Then
//! somebody else may get it while the first one does not know, who learns of it when the lock is prolonged next. The token tells
//! the two apart.

use std::sync::LazyLock;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};

use crate::driver::StoreError;
use crate::locks::driver::{Claim, Claimed, LockDriver};
use crate::redis::{Redis, RedisScript};

static CLAIM: LazyLock<RedisScript> = LazyLock::new(|| of_locks(include_str!("redis/claim.lua")));
static RENEW: LazyLock<RedisScript> = LazyLock::new(|| of_locks(include_str!("redis/renew.lua")));
static RELEASE: LazyLock<RedisScript> = LazyLock::new(|| of_locks(include_str!("redis/release.lua")));

fn of_locks(lua: &str) -> RedisScript {
    RedisScript::new(&format!("{}{lua}", include_str!("redis/locks.lua")))
}

/// Seconds and nanoseconds of a lifetime, as they are written.
fn parts(lifetime: Duration) -> (String, String) {
    (lifetime.as_secs().to_string(), lifetime.subsec_nanos().to_string())
}

impl Redis {
    fn lock(&self, name: &str) -> String {
        self.key("lock", name)
    }

    async fn take(&self, claim: Claim<'_>) -> Result<Claimed, StoreError> {
        let keys = [self.lock(claim.name), self.key("lock-tokens", "")];
        let (seconds, nanos) = parts(claim.lifetime);
        let (token, left_s, left_n): (u64, u64, u32) =
            self.run(&CLAIM, &keys, &[claim.owner, &seconds, &nanos].map(str::as_bytes)).await?;
        Ok(if token > 0 { Claimed::Taken(token) } else { Claimed::Held(Duration::new(left_s, left_n)) })
    }

    async fn prolong_lock(&self, claim: Claim<'_>) -> Result<bool, StoreError> {
        let (seconds, nanos) = parts(claim.lifetime);
        let arguments = [claim.owner, &*seconds, &nanos].map(str::as_bytes);
        self.run(&RENEW, &[self.lock(claim.name)], &arguments).await
    }
}

impl LockDriver for Redis {
    fn claim<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<Claimed, StoreError>> {
        self.take(claim).boxed()
    }

    fn renew<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.prolong_lock(claim).boxed()
    }

    fn release<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<bool, StoreError>> {
        async move { self.run(&RELEASE, &[self.lock(claim.name)], &[claim.owner.as_bytes()]).await }.boxed()
    }
}
