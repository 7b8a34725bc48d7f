//! What the application takes from the container.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mainstay_core::clock::Clock;
use mainstay_core::keys::sha256;

use crate::driver::{Driver, StoreError};
use crate::drivers::Memory;
use crate::entry::{Entry, Growth, Lookup, Old, Stamp};
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

/// A key or a tag that is longer is kept as its digest, so that the room for all of them is bounded.
const LONGEST_KEY: usize = 128;

impl Store {
    /// How large a value may be, in bytes: 4 MiB.
    pub const LARGEST_VALUE: usize = 4 << 20;
    /// How many tags a value may have.
    pub const MOST_TAGS: usize = 64;

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
    /// decision allows it. One step, whoever else asks at the time. See [`Counting::limit`](crate::Counting::limit).
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked. Whether it is allowed then, the caller decides.
    pub async fn limit(&self, key: &str, quotas: &[Quota], cost: u32) -> Result<Vec<Decision>, StoreError> {
        self.0.limit(&short(key), quotas, cost).await
    }

    /// What is kept under a key. See [`Driver::get`]; applications have the [`Cache`](crate::Cache).
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked.
    pub async fn get(&self, key: &str) -> Result<Lookup, StoreError> {
        self.0.get(&short(key)).await
    }

    /// What this process knows of a key, without asking anybody. See [`Driver::near`].
    pub(crate) fn near(&self, key: &str) -> Option<(Bytes, Duration)> {
        self.0.near(&short(key))
    }

    /// Keeps a value under a key. See [`Driver::set`].
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked, or the value is too large or has too many tags.
    pub async fn set(&self, key: &str, mut entry: Entry) -> Result<Option<Stamp>, StoreError> {
        if entry.value.len() > Self::LARGEST_VALUE {
            return Err(StoreError::TooLarge { size: entry.value.len(), most: Self::LARGEST_VALUE });
        }
        entry.tags = few(entry.tags)?;
        self.0.set(&short(key), entry).await
    }

    /// Keeps what is under a key for so long from now on. False: there is nothing.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked.
    pub async fn touch(&self, key: &str, lifetime: Duration) -> Result<bool, StoreError> {
        self.0.touch(&short(key), lifetime).await
    }

    /// Deletes what is kept under a key.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(&short(key), Old::Dropped).await.map(drop)
    }

    /// Deletes what is kept under a key, and gives it. Of those who take it at once, one gets it.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked.
    pub async fn take(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.0.delete(&short(key), Old::Taken).await
    }

    /// Lets the number under a key grow, and says what it is then. See [`Counting::grow`](crate::Counting::grow).
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked, or what is there is no number, or would be too large.
    pub async fn grow(&self, key: &str, mut growth: Growth) -> Result<i64, StoreError> {
        growth.tags = few(growth.tags)?;
        self.0.grow(&short(key), growth).await
    }

    /// Deletes all that is kept under a tag.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked.
    pub async fn delete_tag(&self, tag: &str) -> Result<(), StoreError> {
        self.0.delete_tag(&short(tag)).await
    }

    /// What stands for a text that should not be kept as it is: a secret, or one of any length. 64 characters; SHA-256 in
    /// hexadecimal.
    pub fn digest(text: &str) -> String {
        Self::digest_of(text.as_bytes())
    }

    /// The same of bytes.
    pub fn digest_of(bytes: &[u8]) -> String {
        sha256::hex(bytes)
    }
}

/// So many tags as there may be, each as short as a key.
fn few(tags: Vec<String>) -> Result<Vec<String>, StoreError> {
    if tags.len() > Store::MOST_TAGS {
        return Err(StoreError::TooManyTags { count: tags.len(), most: Store::MOST_TAGS });
    }
    let shortened = tags.into_iter().map(|tag| match short(&tag) {
        Cow::Owned(digest) => digest,
        Cow::Borrowed(_) => tag,
    });
    Ok(shortened.collect())
}

pub(crate) fn short(key: &str) -> Cow<'_, str> {
    if key.len() <= LONGEST_KEY { Cow::Borrowed(key) } else { Cow::Owned(Store::digest(key)) }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}
