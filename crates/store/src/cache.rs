//! Values that cost something to make, kept for a while.
//!
//! - this file: [`Cache`], what applications use.
//! - `keep`: how long, and under which tags.
//! - `values`: what is done with values one by one; `remember`: what is made where nothing is kept.
//! - [`key`]: keys that say of what type their values are.
//! - [`turn`]: who makes a value while others wait; `flights`: the tasks that do; `background`: what is made anew beside them.
//! - `meters`: what is counted.

mod background;
mod flights;
mod keep;
pub mod key;
mod meters;
mod remember;
pub mod turn;
mod values;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mainstay_core::Error;
use serde::de::DeserializeOwned;

use crate::driver::StoreError;
use crate::entry::Lookup;
use crate::store::Store;

pub(crate) use background::{Background, run};
use flights::Flights;
pub use keep::Keep;
pub use key::{CacheKey, Slot};
pub(crate) use meters::Meters;
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
/// the type has changed with a new version of the application, is as if it were not there. Where room is short in memory, what was
/// asked for once goes before what was asked for again, and of these what was not asked for the longest.
#[derive(Clone)]
pub struct Cache {
    store: Store,
    namespace: Arc<str>,
    flights: Arc<Flights>,
    background: Option<Arc<Background>>,
    meters: Arc<Meters>,
    trouble: Arc<Trouble>,
}

/// What the log has been told of, and not of its end.
#[derive(Default)]
struct Trouble {
    out_of_reach: AtomicBool,
    full: AtomicBool,
}

impl Cache {
    /// A cache in this store.
    pub fn over(store: Store) -> Self {
        Self {
            store,
            namespace: "cache:".into(),
            flights: Arc::default(),
            background: None,
            meters: Arc::default(),
            trouble: Arc::default(),
        }
    }

    /// The same in an application, which makes values anew in the background, and counts.
    pub(crate) fn in_application(self, background: Arc<Background>, meters: Meters) -> Self {
        Self { background: Some(background), meters: Arc::new(meters), ..self }
    }

    /// The same with keys of its own. Tags are those of all.
    #[must_use]
    pub fn within(&self, namespace: &str) -> Self {
        // What is written in front of a key must not be read as a part of it.
        let namespace = namespace.replace('%', "%25").replace(':', "%3A");
        let outer = self.namespace.trim_end_matches(':');
        Self { namespace: format!("{outer}/{namespace}:").into(), ..self.clone() }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.namespace)
    }

    async fn look(&self, key: &str) -> Result<Lookup, StoreError> {
        self.noted(self.store.get(key).await)
    }

    /// Tells the log of an outage once, and once of its end: a line for each request would be a second one.
    fn noted<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let told = &self.trouble.out_of_reach;
        if let Err(error @ StoreError::OutOfReach { .. }) = &outcome {
            if !told.swap(true, Ordering::Relaxed) {
                let why = std::error::Error::source(error).map(tracing::field::display);
                tracing::warn!(target: "mainstay::store", %error, why, "the cache is out of reach: values are made each time");
            }
        } else if told.load(Ordering::Relaxed) && told.swap(false, Ordering::Relaxed) {
            tracing::info!(target: "mainstay::store", "the cache is within reach again");
        }
        outcome
    }

    /// The same of what was to be kept, which a server may have no room for.
    fn written<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let told = &self.trouble.full;
        match &outcome {
            Err(error @ StoreError::Full { .. }) if !told.swap(true, Ordering::Relaxed) => {
                tracing::warn!(
                    target: "mainstay::store", %error,
                    "the cache is full, and keeps nothing more: give the server `maxmemory-policy volatile-lru`, or more memory"
                );
            }
            Ok(_) if told.load(Ordering::Relaxed) && told.swap(false, Ordering::Relaxed) => {
                tracing::info!(target: "mainstay::store", "the cache has room again");
            }
            _ => {}
        }
        self.noted(outcome)
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
        StoreError::Full { .. } => {
            Error::unavailable("The cache is full.").code("cache_unavailable").caused_by(error)
        }
        StoreError::NoNumber | StoreError::OutOfRange => {
            Error::internal("a number cannot grow").caused_by(error)
        }
        other => Error::internal("a value cannot be cached").caused_by(other),
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
