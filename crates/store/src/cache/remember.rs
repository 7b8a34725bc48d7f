//! What is kept, and what is made where nothing is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use mainstay_core::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::background::{Background, LONGEST};
use super::turn::{Freshness, Making, Turn};
use super::{Cache, Keep, read};
use crate::driver::StoreError;
use crate::entry::{Entry, Place};

/// While another process makes a value anew, this one looks so often whether it still does.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// A value that could not be made anew is not tried again for so long.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What there is for somebody who asks, as what it is asked for.
enum Found<T> {
    Fresh(T),
    /// It will do; it is this one's turn to make a new one.
    Stale(T, Making),
    /// It is to be made, and kept where nobody forbids it.
    Nothing(Option<Making>),
}

impl Cache {
    /// The value of a key; where none is kept, what `make` makes, which is kept then.
    ///
    /// While one task of this process makes it, others that ask for it wait. What `make` fails with is not kept, and those who
    /// waited try by themselves. A value that is forgotten while it is made is given to whoever made it, and not kept.
    ///
    /// Where a value may be [out of date](Keep::stale_for) for a while, the first who finds that it is makes a new one, and the others
    /// take the old one; so does the first, where `make` fails.
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
        let keep = keep.into();
        match self.find(key, &keep).await {
            Found::Fresh(value) => Ok(value),
            Found::Nothing(None) => make().await,
            Found::Nothing(Some(making)) => making.of(key, keep, make().await).await,
            Found::Stale(old, making) => match making.of(key, keep, make().await).await {
                Err(error) => {
                    still_old(key, &error);
                    Ok(old)
                }
                made => made,
            },
        }
    }

    /// The value of a key, and what is [out of date](Keep::stale_for) at once, while `make` makes a new one in the background; where
    /// there is none, it is made first, as in [`Cache::remember`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use mainstay_core::Result;
    /// # use mainstay_store::{Cache, Keep};
    /// # async fn prices_of(country: String) -> Result<Vec<u64>> { Ok(vec![]) }
    /// # async fn example(cache: Cache, country: String) -> Result<()> {
    /// let hour = Keep::for_(Duration::from_secs(3600)).stale_for(Duration::from_secs(600));
    /// let prices = cache.stale_while_revalidate("prices", hour, prices_of(country)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// `make` is a future, which nobody polls while what is kept is fresh. It owns what it needs, since it may outlive the one who
    /// asked. Of all processes that share a store one makes a new value; it has a minute for it, and eight are made at once.
    /// Where that fails, the log says so, the old one is given until its time is over, and a second later somebody tries again.
    /// Where nothing is done in the background, as in commands, whoever asks makes it.
    ///
    /// # Errors
    ///
    /// Those of `make`, where there is nothing else to give.
    pub async fn stale_while_revalidate<T, F>(&self, key: &str, keep: impl Into<Keep>, make: F) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let keep = keep.into();
        let background = match &self.background {
            Some(background) if background.is_running() => Arc::clone(background),
            _ => return self.remember(key, keep, async || make.await).await,
        };
        match self.find(key, &keep).await {
            Found::Fresh(value) => Ok(value),
            Found::Nothing(None) => make.await,
            Found::Nothing(Some(making)) => making.of(key, keep, make.await).await,
            Found::Stale(old, making) => {
                self.make_anew(&background, key.to_owned(), (making, keep), make);
                Ok(old)
            }
        }
    }

    fn make_anew<T, F>(&self, background: &Background, key: String, turn: (Making, Keep), make: F)
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (cache, (making, keep)) = (self.clone(), turn);
        let work = async move {
            // Held by the one process that makes it.
            let lease = format!("{}#anew", cache.key(&key));
            let held_for = |lifetime, place| Entry { lifetime, place, ..Entry::default() };
            match cache.store.set(&lease, held_for(LONGEST, Place::Free)).await {
                Ok(Some(_)) => {}
                Ok(None) => return tokio::time::sleep(LOOK_AGAIN).await,
                Err(_) => return,
            }
            let made = making.of(&key, keep, make.await).await;
            let after = match &made {
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    still_old(&key, error);
                    TRY_AGAIN
                }
            };
            if made.is_ok() { &cache.meters.made_anew } else { &cache.meters.not_made_anew }.inc();
            // Where it cannot be given back, it ends by itself.
            let _ = cache.store.set(&lease, held_for(after, Place::Any)).await;
        };
        // Where it is not done, it is the turn of the next one who asks.
        background.hand_over(work.boxed());
    }

    async fn find<T: DeserializeOwned>(&self, key: &str, keep: &Keep) -> Found<T> {
        let mut kept = None;
        let judge = |value: &Bytes, left: Duration| {
            kept = read::<T>(value);
            if kept.is_some() { keep.judge(left) } else { Freshness::Unusable }
        };
        let turn = self.turn_by(key, judge).await;
        let meters = &self.meters;
        match turn {
            Ok(Turn::Kept(value)) => {
                meters.hits.inc();
                kept.or_else(|| read(&value)).map_or(Found::Nothing(None), Found::Fresh)
            }
            Ok(Turn::Shared(value)) => {
                meters.shared.inc();
                // Somebody else may have asked for another type.
                read(&value).map_or(Found::Nothing(None), Found::Fresh)
            }
            Ok(Turn::Refresh(value, making)) => match kept.or_else(|| read(&value)) {
                Some(old) => {
                    meters.stale.inc();
                    Found::Stale(old, making)
                }
                None => {
                    meters.misses.inc();
                    Found::Nothing(Some(making))
                }
            },
            Ok(Turn::Make(making)) => {
                meters.misses.inc();
                Found::Nothing(Some(making))
            }
            Ok(Turn::Alone) => {
                meters.misses.inc();
                Found::Nothing(None)
            }
            Err(_) => {
                meters.unavailable.inc();
                Found::Nothing(None)
            }
        }
    }
}

impl Making {
    /// Keeps what was made, and gives it back.
    async fn of<T: Serialize>(self, key: &str, keep: Keep, made: Result<T>) -> Result<T> {
        let written = made.and_then(|made| Ok((serde_json::to_vec(&made)?, made)));
        let (value, made) = match written {
            Ok(written) => written,
            Err(error) => {
                self.pass();
                return Err(error);
            }
        };
        if let Err(error @ (StoreError::TooLarge { .. } | StoreError::TooManyTags { .. })) =
            self.keep(value.into(), keep).await
        {
            tracing::warn!(target: "mainstay::store", key, %error, "a value is made each time it is asked for");
        }
        Ok(made)
    }
}

fn still_old(key: &str, error: &Error) {
    let error = error.report();
    tracing::warn!(target: "mainstay::store", key, error, "a value that is out of date could not be made anew");
}
