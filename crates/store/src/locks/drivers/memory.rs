//! The memory of this process.
//!
//! Tokens begin with the time in microseconds, so that those of a process are larger than those of the one before it, unless the clock
//! was set back by more than that has lived.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use futures_util::future::{BoxFuture, ready};
use mainstay_core::clock::Clock;

use crate::driver::StoreError;
use crate::locks::driver::{Claim, Claimed, LockDriver};

/// Locks in the memory of this process: they hold in it alone.
pub struct MemoryLocks {
    table: Mutex<Table>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Table {
    held: HashMap<String, Held>,
    last_token: u64,
    /// With so many names, those whose time is over are cleared away.
    sweep_at: usize,
}

struct Held {
    owner: String,
    token: u64,
    until: Instant,
}

/// Fewer are not worth a look.
const FEW: usize = 64;

impl MemoryLocks {
    /// None is held.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { table: Mutex::default(), clock }
    }

    /// How many locks there is something known of.
    pub fn len(&self) -> usize {
        self.table().held.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, claim: Claim<'_>) -> Claimed {
        let now = self.clock.monotonic();
        let mut table = self.table();
        if let Some(held) = table.held.get_mut(claim.name)
            && held.until > now
        {
            if held.owner != claim.owner {
                return Claimed::Held(held.until - now);
            }
            held.until = now + claim.lifetime;
            return Claimed::Taken(held.token);
        }
        let since = self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros = u64::try_from(since.as_micros()).unwrap_or(0);
        let token = micros.max(table.last_token + 1);
        table.last_token = token;
        if table.held.len() >= table.sweep_at.max(FEW) {
            table.held.retain(|_, held| held.until > now);
            table.sweep_at = table.held.len() * 2;
        }
        let held = Held { owner: claim.owner.to_owned(), token, until: now + claim.lifetime };
        table.held.insert(claim.name.to_owned(), held);
        Claimed::Taken(token)
    }

    /// Does something to the lock of this owner, if it still is theirs.
    fn with(&self, claim: Claim<'_>, then: impl FnOnce(&mut Table, Instant)) -> bool {
        let now = self.clock.monotonic();
        let mut table = self.table();
        let is_theirs =
            table.held.get(claim.name).is_some_and(|held| held.owner == claim.owner && held.until > now);
        if is_theirs {
            then(&mut table, now);
        }
        is_theirs
    }
}

impl LockDriver for MemoryLocks {
    fn claim<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<Claimed, StoreError>> {
        Box::pin(ready(Ok(self.take(claim))))
    }

    fn renew<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<bool, StoreError>> {
        let is_theirs = self.with(claim, |table, now| {
            if let Some(held) = table.held.get_mut(claim.name) {
                held.until = now + claim.lifetime;
            }
        });
        Box::pin(ready(Ok(is_theirs)))
    }

    fn release<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<bool, StoreError>> {
        let was_theirs = self.with(claim, |table, _| {
            table.held.remove(claim.name);
        });
        Box::pin(ready(Ok(was_theirs)))
    }
}

impl std::fmt::Debug for MemoryLocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryLocks").field("held", &self.len()).finish_non_exhaustive()
    }
}
