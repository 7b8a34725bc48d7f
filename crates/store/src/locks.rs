//! Locks: what at most one does at a time, in whichever process, for as long as it says.
//!
//! - this file: [`Locks`], what applications use.
//! - [`hold`]: how long a lock is held, and who sees to it that it goes on.
//! - [`lock`]: [`Lock`], which holds it.
//! - [`driver`]: the contract that every engine fulfils, held to it by one suite (`tests/it/locks.rs`); [`drivers`]: the engines.
//! - `module`: how an application chooses one; `meters`: what is counted.
//!
//! A lock that ends by itself cannot keep somebody from going on who does not notice that it has ended: a process that was paused, or
//! whose clock was late. So each lock has a token, which grows from one holder to the next. What must not be written twice asks for
//! it, and refuses one that is smaller than the largest that it has seen: then it does not matter what a paused process believes.

pub mod driver;
pub mod drivers;
pub mod hold;
pub mod lock;
mod meters;
mod module;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mainstay_core::clock::Clock;
use mainstay_core::random::{Random, SecureRandom};
use mainstay_core::{Error, Result};
use tokio::sync::watch;

use crate::driver::StoreError;
use crate::store::{Store, short};

pub use driver::{Claim, Claimed, LockDriver};
pub use hold::Hold;
pub use lock::Lock;
use meters::Meters;
pub use module::LockEngine;
pub(crate) use module::with_locks;

/// Locks by name. Injectable, cheap to clone.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use mainstay_core::clock::SystemClock;
/// use mainstay_store::Locks;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mainstay_core::Result<()> {
/// let locks = Locks::in_memory(Arc::new(SystemClock));
/// let minute = Duration::from_secs(60);
/// let import = locks.acquire("imports", minute, Duration::from_secs(5)).await?;
/// assert!(locks.try_acquire("imports", minute).await?.is_none(), "somebody else would have to wait");
/// import.while_held(async { /* what one does at a time */ }).await?;
/// import.release().await?;
/// assert!(locks.try_acquire("imports", minute).await?.is_some());
/// # Ok(())
/// # }
/// ```
///
/// A lock is refused where the engine cannot be asked: never held for want of knowing better. Those who wait are not served in the
/// order in which they came.
#[derive(Clone)]
pub struct Locks(Arc<Inner>);

struct Inner {
    driver: Arc<dyn LockDriver>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    meters: Meters,
    /// Locks that are to be given back, and are not yet.
    leaving: watch::Sender<usize>,
}

/// Who waits looks again after a pause that grows from the one to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(500);

impl Locks {
    /// Locks on this engine.
    pub fn over(driver: impl LockDriver, clock: Arc<dyn Clock>) -> Self {
        Self::shared(Arc::new(driver), clock, Meters::default())
    }

    pub(crate) fn shared(driver: Arc<dyn LockDriver>, clock: Arc<dyn Clock>, meters: Meters) -> Self {
        let random = Arc::new(SecureRandom::new());
        Self(Arc::new(Inner { driver, clock, random, meters, leaving: watch::Sender::new(0) }))
    }

    /// Locks in the memory of this process.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        Self::over(drivers::MemoryLocks::new(Arc::clone(&clock)), clock)
    }

    /// The lock of a name, if nobody holds it.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked: 503, `locks_unavailable`.
    pub async fn try_acquire(&self, name: &str, hold: impl Into<Hold>) -> Result<Option<Lock>> {
        let claim = self.claim(name, hold.into());
        Ok(self.attempt(&claim).await?.ok())
    }

    /// The lock of a name, as soon as nobody else holds it, within `wait`.
    ///
    /// # Errors
    ///
    /// When somebody holds it all the time: 409, `lock_held`. When the engine cannot be asked: 503, `locks_unavailable`, at once.
    pub async fn acquire(&self, name: &str, hold: impl Into<Hold>, wait: Duration) -> Result<Lock> {
        let claim = self.claim(name, hold.into());
        let started = self.0.clock.monotonic();
        let deadline = tokio::time::Instant::now() + wait.min(hold::LONGEST);
        let mut pause = FIRST_PAUSE;
        loop {
            let left = match self.attempt(&claim).await? {
                Ok(lock) => {
                    let waited = self.0.clock.monotonic().saturating_duration_since(started);
                    self.0.meters.wait.observe(waited);
                    return Ok(lock);
                }
                Err(left) => left,
            };
            let now = tokio::time::Instant::now();
            if now >= deadline {
                self.0.meters.wait.observe(self.0.clock.monotonic().saturating_duration_since(started));
                return Err(Error::conflict("Somebody else is doing this just now.").code("lock_held"));
            }
            // By chance, so that those who wait do not look all at once.
            let part = self.0.random.below(u64::try_from(pause.as_micros()).unwrap_or(u64::MAX));
            let look = (pause / 2 + Duration::from_micros(part)).min(left.max(FIRST_PAUSE));
            tokio::time::sleep_until((now + look).min(deadline)).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    fn claim(&self, name: &str, hold: Hold) -> Wanted {
        // What has other letters than a table takes, or too many, is known by its digest.
        let is_plain = !name.chars().any(|letter| letter.is_control() || letter.is_whitespace());
        let key = if is_plain { short(name).into_owned() } else { Store::digest(name) };
        Wanted { key, name: name.to_owned(), owner: self.0.random.hex(16), hold }
    }

    /// The lock, or for how long somebody else holds it at least.
    async fn attempt(&self, wanted: &Wanted) -> Result<Result<Lock, Duration>> {
        let asked = self.0.clock.monotonic();
        let meters = &self.0.meters;
        let mut unanswered = Unanswered(Some((self, wanted)));
        let outcome = self.0.driver.claim(wanted.as_claim()).await;
        if outcome.is_ok() {
            unanswered.0 = None;
        }
        match outcome {
            Ok(Claimed::Taken(token)) => {
                meters.taken.inc();
                Ok(Ok(Lock::new(self.clone(), wanted.clone(), (token, asked))))
            }
            Ok(Claimed::Held(left)) => {
                meters.refused.inc();
                Ok(Err(left))
            }
            Err(error) => {
                meters.unavailable.inc();
                Err(unavailable(error))
            }
        }
    }

    /// Waits until what was given back is, as the application stops: a lock that is not ends by itself, later.
    pub(crate) async fn settle(&self, limit: Duration) {
        let mut leaving = self.0.leaving.subscribe();
        // Whoever is late finds out by themselves.
        let _ = tokio::time::timeout(limit, leaving.wait_for(|count| *count == 0)).await;
    }

    fn now(&self) -> Instant {
        self.0.clock.monotonic()
    }
}

/// A claim that nobody has heard of yet. Given up, it may have been granted all the same: then it is given back.
struct Unanswered<'a>(Option<(&'a Locks, &'a Wanted)>);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let Some((locks, wanted)) = self.0.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (locks, wanted) = (locks.clone(), wanted.clone());
            // Once, and within the deadline of the engine: where it fails, the lock ends by itself.
            runtime.spawn(async move { locks.0.driver.release(wanted.as_claim()).await });
        }
    }
}

/// What somebody asks for.
#[derive(Clone)]
struct Wanted {
    /// As the engine knows it.
    key: String,
    /// As it was written.
    name: String,
    owner: String,
    hold: Hold,
}

impl Wanted {
    fn as_claim(&self) -> Claim<'_> {
        Claim { name: &self.key, owner: &self.owner, lifetime: self.hold.lifetime() }
    }
}

#[track_caller]
fn unavailable(error: StoreError) -> Error {
    Error::unavailable("Locks are out of reach.").code("locks_unavailable").caused_by(error)
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Locks")
    }
}
