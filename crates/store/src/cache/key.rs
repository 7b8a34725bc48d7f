//! Keys that say of what type their values are, so that who keeps a value and who asks for it cannot disagree.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use mainstay_core::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Cache, Keep};

/// The keys of all values of one kind: their name, what tells them apart (`P`), the type of the values (`V`), and how long they are
/// kept. A constant, which all who use them share.
///
/// ```
/// use std::time::Duration;
/// use mainstay_core::Result;
/// use mainstay_store::{Cache, CacheKey};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Article { title: String }
///
/// const ARTICLE: CacheKey<u64, Article> = CacheKey::new("article", Duration::from_secs(300))
///     .tags(&["articles"])
///     .tag_by(|id| format!("article:{id}"));
///
/// async fn title(id: u64, cache: &Cache) -> Result<String> {
///     let article = cache.at(ARTICLE, &id).remember(async || Ok(Article { title: "Tea".to_owned() })).await?;
///     Ok(article.title)
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// # let cache = Cache::over(mainstay_store::Store::in_memory(std::sync::Arc::new(mainstay_core::clock::SystemClock), 10));
/// assert_eq!(title(42, &cache).await?, "Tea");
/// assert!(cache.at(ARTICLE, &42).get().await?.is_some());
/// cache.at(ARTICLE, &42).forget().await?;
/// # assert!(cache.at(ARTICLE, &42).get().await?.is_none());
/// # Ok(()) }
/// ```
///
/// What tells values apart is written as JSON behind the name, so that no two are the same; a map, whose order is not its own,
/// does not tell them apart. Of a key without it, `P` is `()`.
pub struct CacheKey<P: ?Sized, V> {
    name: &'static str,
    lifetime: Duration,
    stale: Duration,
    tags: &'static [&'static str],
    tag_by: Option<fn(&P) -> String>,
    value: PhantomData<fn() -> V>,
}

impl<P: ?Sized, V> CacheKey<P, V> {
    /// Values of this name, which no other key has, kept for so long.
    pub const fn new(name: &'static str, lifetime: Duration) -> Self {
        Self { name, lifetime, stale: Duration::ZERO, tags: &[], tag_by: None, value: PhantomData }
    }

    /// And then so much longer, out of date: see [`Keep::stale_for`].
    #[must_use]
    pub const fn stale_for(self, longer: Duration) -> Self {
        Self { stale: longer, ..self }
    }

    /// What all of them are forgotten by.
    #[must_use]
    pub const fn tags(self, tags: &'static [&'static str]) -> Self {
        Self { tags, ..self }
    }

    /// What each is forgotten by.
    #[must_use]
    pub const fn tag_by(self, tag: fn(&P) -> String) -> Self {
        Self { tag_by: Some(tag), ..self }
    }
}

impl<P: ?Sized, V> Clone for CacheKey<P, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: ?Sized, V> Copy for CacheKey<P, V> {}

impl<P: ?Sized, V> fmt::Debug for CacheKey<P, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Cache {
    /// The place of one value of a kind.
    pub fn at<P: Serialize + ?Sized, V>(&self, key: CacheKey<P, V>, which: &P) -> Slot<V> {
        let mut keep = Keep::for_(key.lifetime).stale_for(key.stale);
        keep.tags.extend(key.tags.iter().map(|tag| (*tag).to_owned()));
        keep.tags.extend(key.tag_by.map(|tag| tag(which)));
        let name = serde_json::to_string(which).map(|which| format!("{}:{which}", key.name));
        Slot { cache: self.clone(), name, keep, value: PhantomData }
    }
}

/// The place of one value, from [`Cache::at`]. Its methods are those of [`Cache`], and fail as they do; and where what tells values
/// apart cannot be written.
#[must_use = "nothing is asked yet"]
pub struct Slot<V> {
    cache: Cache,
    name: serde_json::Result<String>,
    keep: Keep,
    value: PhantomData<fn() -> V>,
}

impl<V> Slot<V> {
    fn name(&self) -> Result<&str> {
        let told =
            |why: &serde_json::Error| format!("what tells cached values apart cannot be written: {why}");
        self.name.as_deref().map_err(|why| Error::internal(told(why)))
    }

    /// See [`Cache::forget`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn forget(&self) -> Result<()> {
        self.cache.forget(self.name()?).await
    }

    /// See [`Cache::touch`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn touch(&self, lifetime: Duration) -> Result<bool> {
        self.cache.touch(self.name()?, lifetime).await
    }
}

impl<V: Serialize> Slot<V> {
    /// See [`Cache::set`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn set(&self, value: &V) -> Result<()> {
        self.cache.set(self.name()?, value, self.keep.clone()).await
    }

    /// See [`Cache::add`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn add(&self, value: &V) -> Result<bool> {
        self.cache.add(self.name()?, value, self.keep.clone()).await
    }
}

impl<V: DeserializeOwned> Slot<V> {
    /// See [`Cache::get`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn get(&self) -> Result<Option<V>> {
        self.cache.get(self.name()?).await
    }

    /// See [`Cache::take`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn take(&self) -> Result<Option<V>> {
        self.cache.take(self.name()?).await
    }
}

impl<V: Serialize + DeserializeOwned> Slot<V> {
    /// See [`Cache::remember`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn remember(self, make: impl AsyncFnOnce() -> Result<V>) -> Result<V> {
        self.cache.remember(self.name()?, self.keep.clone(), make).await
    }

    /// See [`Cache::stale_while_revalidate`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn stale_while_revalidate<F>(self, make: F) -> Result<V>
    where
        V: Send + 'static,
        F: Future<Output = Result<V>> + Send + 'static,
    {
        self.cache.stale_while_revalidate(self.name()?, self.keep.clone(), make).await
    }
}

impl Slot<i64> {
    /// See [`Cache::increment`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn increment(&self, by: i64) -> Result<i64> {
        self.cache.increment(self.name()?, by, self.keep.clone()).await
    }

    /// See [`Cache::decrement`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn decrement(&self, by: i64) -> Result<i64> {
        self.cache.decrement(self.name()?, by, self.keep.clone()).await
    }
}

impl<V> fmt::Debug for Slot<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("name", &self.name).field("keep", &self.keep).finish_non_exhaustive()
    }
}
