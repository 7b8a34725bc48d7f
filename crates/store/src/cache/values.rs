//! What is done with values one by one, beside [`Cache::remember`].

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use mainstay_core::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Cache, Keep, read, unavailable};
use crate::driver::StoreError;
use crate::entry::{Entry, Growth, Place};

/// So many keys are asked for at once. On a server they share a connection, and are one round trip.
const AT_ONCE: usize = 256;

impl Cache {
    /// The value of a key, if one is kept; also one that is [out of date](Keep::stale_for).
    ///
    /// # Errors
    ///
    /// When the store is out of reach. [`Cache::remember`] goes on without it.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let key = self.key(key);
        if let Some(value) = self.store.near(&key).and_then(|(value, _)| read(&value)) {
            self.meters.hits.inc();
            return Ok(Some(value));
        }
        let found = self.look(&key).await.map_err(unavailable)?;
        let value = found.value.and_then(|value| read(&value));
        if value.is_some() { &self.meters.hits } else { &self.meters.misses }.inc();
        Ok(value)
    }

    /// The values of many keys, in their order.
    ///
    /// # Errors
    ///
    /// When the store is out of reach.
    pub async fn get_many<T: DeserializeOwned>(&self, keys: &[impl AsRef<str>]) -> Result<Vec<Option<T>>> {
        stream::iter(keys).map(|key| self.get(key.as_ref())).buffered(AT_ONCE).try_collect().await
    }

    /// Keeps a value, in place of what is there.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON, is too large, or the store is out of reach or full.
    pub async fn set<T>(&self, key: &str, value: &T, keep: impl Into<Keep>) -> Result<()>
    where
        T: Serialize + ?Sized,
    {
        self.put(key, value, keep.into(), Place::Any).await.map(drop)
    }

    /// Keeps many values alike, each in place of what is there.
    ///
    /// # Errors
    ///
    /// Those of [`Cache::set`]: then some are kept, and some are not.
    pub async fn set_many<T: Serialize>(
        &self,
        values: &[(impl AsRef<str>, T)],
        keep: impl Into<Keep>,
    ) -> Result<()> {
        let keep = keep.into();
        let sets = values.iter().map(|(key, value)| self.set(key.as_ref(), value, keep.clone()));
        stream::iter(sets).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Keeps a value if none is there. Says whether it does. Of all who add at once, in whichever process, one does.
    ///
    /// # Errors
    ///
    /// Those of [`Cache::set`].
    pub async fn add<T>(&self, key: &str, value: &T, keep: impl Into<Keep>) -> Result<bool>
    where
        T: Serialize + ?Sized,
    {
        self.put(key, value, keep.into(), Place::Free).await
    }

    async fn put<T>(&self, key: &str, value: &T, keep: Keep, place: Place) -> Result<bool>
    where
        T: Serialize + ?Sized,
    {
        let value = serde_json::to_vec(value)?.into();
        let entry = Entry { value, lifetime: keep.whole(), tags: keep.tags, since: None, place };
        let kept = self.written(self.store.set(&self.key(key), entry).await).map_err(unavailable)?;
        Ok(kept.is_some())
    }

    /// The value of a key, which is forgotten. Of all who take it at once, one gets it; where the connection to a server is lost just
    /// then, it may be nobody.
    ///
    /// # Errors
    ///
    /// When the store is out of reach.
    pub async fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let was = self.noted(self.store.take(&self.key(key)).await).map_err(unavailable)?;
        Ok(was.and_then(|value| read(&value)))
    }

    /// Keeps what is there for so long from now on. False: there is nothing.
    ///
    /// # Errors
    ///
    /// When the store is out of reach.
    pub async fn touch(&self, key: &str, lifetime: Duration) -> Result<bool> {
        self.written(self.store.touch(&self.key(key), lifetime).await).map_err(unavailable)
    }

    /// Lets the number under a key grow, and says what it is then. Where none is there, it grows from 0 and is kept so long; one that
    /// is there keeps the time that it has, so that it counts what happens in a minute, a day. It is a value like others: a whole
    /// number, for [`Cache::get`] and [`Cache::forget`] too.
    ///
    /// No two get the same number. Where the connection to a server is lost, it may grow twice.
    ///
    /// # Errors
    ///
    /// When something else is kept there, when the number would have more than 64 bits, and when the store is out of reach or full.
    pub async fn increment(&self, key: &str, by: i64, keep: impl Into<Keep>) -> Result<i64> {
        let keep = keep.into();
        let growth = Growth { by, lifetime: keep.whole(), tags: keep.tags };
        self.written(self.store.grow(&self.key(key), growth).await).map_err(unavailable)
    }

    /// The same the other way; it may become less than 0.
    ///
    /// # Errors
    ///
    /// Those of [`Cache::increment`].
    pub async fn decrement(&self, key: &str, by: i64, keep: impl Into<Keep>) -> Result<i64> {
        let by = by.checked_neg().ok_or_else(|| unavailable(StoreError::OutOfRange))?;
        self.increment(key, by, keep).await
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
}
