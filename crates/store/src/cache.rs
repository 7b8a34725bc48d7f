//! Values that cost something to make, kept for a while.
//!
//! - this file: [`Cache`], what applications use.
//! - `keep`: how long, and under which tags.
//! - [`turn`]: who makes a value while others wait; `flights`: the tasks that do.

mod flights;
mod keep;
pub mod turn;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use mainstay_core::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::driver::StoreError;
use crate::entry::{Entry, Lookup};
use crate::store::Store;

use flights::Flights;
pub use keep::Keep;
pub use turn::{Freshness, Making, Turn};

/// Values that cost something to make, kept for a while. Injectable, cheap to clone.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use mainstay_core::clock::SystemClock;
/// use mainstay_store::{Cache, Keep, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mainstay_core::Result<()> {
/// let cache = Cache::over(Store::in_memory(Arc::new(SystemClock), 1000));
/// let minute = Keep::for_(Duration::from_secs(60)).tag("articles");
/// for _ in 0..2 {
///     let count: u64 = cache.remember("count", minute.clone(), async || Ok(42)).await?;
///     assert_eq!(count, 42);
/// }
/// cache.forget_tag("articles").await?;
/// assert_eq!(cache.get::<u64>("count").await?, None);
/// # Ok(())
/// # }
/// ```
///
/// Values are kept as JSON, up to [4 MiB](Store::LARGEST_VALUE) each. One that can no longer be read as what it is asked for, since
/// the type has changed with a new version of the application, is as if it were not there. Where room is short, what was not
/// asked for the longest goes.
#[derive(Clone)]
pub struct Cache {
    store: Store,
    namespace: Arc<str>,
    flights: Arc<Flights>,
    /// Whether the store could not be asked the last time.
    failing: Arc<AtomicBool>,
}

impl Cache {
    /// A cache in this store.
    pub fn over(store: Store) -> Self {
        Self { store, namespace: "cache:".into(), flights: Arc::default(), failing: Arc::default() }
    }

    /// The same with keys of its own. Tags are those of all.
    #[must_use]
    pub fn within(&self, namespace: &str) -> Self {
        // What is written in front of a key must not be read as a part of it.
        let namespace = namespace.replace('%', "%25").replace(':', "%3A");
        let outer = self.namespace.trim_end_matches(':');
        Self { namespace: format!("{outer}/{namespace}:").into(), ..self.clone() }
    }

    /// The value of a key, if one is kept.
    ///
    /// # Errors
    ///
    /// When the store is out of reach. [`Cache::remember`] goes on without it.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let found = self.look(&self.key(key)).await.map_err(unavailable)?;
        Ok(found.value.and_then(|value| read(&value)))
    }

    /// Keeps a value, in place of what is there.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON, is too large, or the store is out of reach.
    pub async fn set<T>(&self, key: &str, value: &T, keep: impl Into<Keep>) -> Result<()>
    where
        T: Serialize + ?Sized,
    {
        let keep = keep.into();
        let entry = Entry {
            value: serde_json::to_vec(value)?.into(),
            lifetime: keep.lifetime,
            tags: keep.tags,
            since: None,
        };
        self.noted(self.store.set(&self.key(key), entry).await).map_err(unavailable)?;
        Ok(())
    }

    /// The value of a key; where none is kept, what `make` makes, which is kept then.
    ///
    /// While one task of this process makes it, others that ask for it wait. What `make` fails with is not kept, and those who
    /// waited try by themselves. A value that is forgotten while it is made is given to whoever made it, and not kept.
    ///
    /// `make` must not ask for the same key: it would wait for itself.
    ///
    /// # Errors
    ///
    /// Those of `make`. Where the store is out of reach, the value is made each time, and the log says so once.
    pub async fn remember<T, F>(&self, key: &str, keep: impl Into<Keep>, make: F) -> Result<T>
    where
        T: Serialize + DeserializeOwned,
        F: AsyncFnOnce() -> Result<T>,
    {
        let mut kept = None;
        let readable = |value: &Bytes| {
            kept = read::<T>(value);
            if kept.is_some() { Freshness::Fresh } else { Freshness::Unusable }
        };
        let making = match self.turn(key, readable).await {
            Ok(Turn::Kept(value) | Turn::Shared(value) | Turn::Refresh(value, _)) => {
                match kept.or_else(|| read(&value)) {
                    Some(value) => return Ok(value),
                    // Somebody else asks for another type.
                    None => return make().await,
                }
            }
            Ok(Turn::Make(making)) => making,
            Ok(Turn::Alone) | Err(_) => return make().await,
        };
        let made = match make().await {
            Ok(made) => made,
            Err(error) => {
                making.pass();
                return Err(error);
            }
        };
        let value = match serde_json::to_vec(&made) {
            Ok(value) => value,
            Err(error) => {
                making.pass();
                return Err(error.into());
            }
        };
        if let Err(error @ (StoreError::TooLarge { .. } | StoreError::TooManyTags { .. })) =
            making.keep(value.into(), keep.into()).await
        {
            tracing::warn!(target: "mainstay::store", key, %error, "a value is made each time it is asked for");
        }
        Ok(made)
    }

    /// Forgets a value.
    ///
    /// # Errors
    ///
    /// When the store is out of reach: it stays until it expires.
    pub async fn forget(&self, key: &str) -> Result<()> {
        self.noted(self.store.delete(&self.key(key)).await).map_err(unavailable)
    }

    /// Forgets all that has a tag: values, and whole answers that are kept with it.
    ///
    /// After a commit, not before: in between, somebody would make it from what is still there. `tx.after_commit(…)` does it then.
    ///
    /// # Errors
    ///
    /// When the store is out of reach: what has it stays until it expires.
    pub async fn forget_tag(&self, tag: &str) -> Result<()> {
        self.noted(self.store.delete_tag(tag).await).map_err(unavailable)
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.namespace)
    }

    async fn look(&self, key: &str) -> Result<Lookup, StoreError> {
        self.noted(self.store.get(key).await)
    }

    /// Tells the log of an outage once, and once of its end: a line for each request would be a second one.
    fn noted<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error @ StoreError::OutOfReach { .. }) = &outcome {
            if !self.failing.swap(true, Ordering::Relaxed) {
                let why = std::error::Error::source(error).map(tracing::field::display);
                tracing::warn!(target: "mainstay::store", %error, why, "the cache is out of reach: values are made each time");
            }
        } else if self.failing.load(Ordering::Relaxed) && self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!(target: "mainstay::store", "the cache is within reach again");
        }
        outcome
    }
}

fn read<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}

#[track_caller]
fn unavailable(error: StoreError) -> Error {
    match error {
        StoreError::OutOfReach { .. } => {
            Error::unavailable("The cache is out of reach.").code("cache_unavailable").caused_by(error)
        }
        other => Error::internal("a value cannot be cached").caused_by(other),
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
