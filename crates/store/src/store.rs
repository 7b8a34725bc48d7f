//! What the application takes from the container.

use std::fmt;
use std::sync::Arc;

use mainstay_core::clock::Clock;
use ring::digest::{SHA256, digest};

use crate::driver::{Driver, StoreError};
use crate::drivers::Memory;
use crate::quota::{Decision, Quota};

/// Things that are kept for a while, wherever `store.url` says. Injectable, cheap to clone.
///
/// ```
/// use std::sync::Arc;
/// use mainstay_core::clock::SystemClock;
/// use mainstay_store::{Quota, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstay_store::StoreError> {
/// let store = Store::in_memory(Arc::new(SystemClock), 1000);
/// let mails = [Quota::per_hour(2)];
/// for (turn, allowed) in [(1, true), (2, true), (3, false)] {
///     let decision = store.limit("mails:ann", &mails, 1).await?[0];
///     assert_eq!(decision.allowed, allowed, "turn {turn}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Store(Arc<dyn Driver>);

/// A key that is longer is kept as its digest, so that the room for all keys is bounded.
const LONGEST_KEY: usize = 128;

impl Store {
    /// A store on this engine.
    pub fn over(driver: impl Driver) -> Self {
        Self(Arc::new(driver))
    }

    pub(crate) fn shared(driver: Arc<dyn Driver>) -> Self {
        Self(driver)
    }

    /// A store in the memory of this process, for at most so many keys.
    pub fn in_memory(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self::over(Memory::new(clock, capacity))
    }

    /// Takes `cost` from each of the quotas of a key if all of them have it, and from none if not: it is allowed where every
    /// decision allows it. One step, whoever else asks at the time. See [`Driver::limit`].
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked. Whether it is allowed then, the caller decides.
    pub async fn limit(&self, key: &str, quotas: &[Quota], cost: u32) -> Result<Vec<Decision>, StoreError> {
        if key.len() <= LONGEST_KEY {
            return self.0.limit(key, quotas, cost).await;
        }
        self.0.limit(&Self::digest(key), quotas, cost).await
    }

    /// What stands for a text that should not be kept as it is: a secret, or one of any length. 64 characters; SHA-256 in
    /// hexadecimal.
    pub fn digest(text: &str) -> String {
        digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}
