//! All sessions of an application.

use std::sync::Arc;
use std::time::SystemTime;

use mainstay_core::clock::Clock;
use mainstay_core::random::Random;
use mainstay_core::recent::Recent;
use mainstay_core::{Contributions, Error, Inject, Resolver, Result};

use super::config::SessionConfig;
use super::recognized::{RecentlySeen, Watched};
use super::record::{SessionKey, SessionRecord};
use super::store::{SessionStore, chosen};

/// The sessions of the application: to list those of one owner, and to end them. Injectable. The session of a request is
/// [`Session`](super::Session).
pub struct Sessions {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) recent: Arc<RecentlySeen>,
    pub(super) config: SessionConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
}

impl Sessions {
    /// Sessions in this store.
    pub fn new(
        store: Arc<dyn SessionStore>,
        config: SessionConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let recent = Arc::new(Recent::new(config.remembered));
        let store = Arc::new(Watched { store, recent: Arc::clone(&recent) });
        Self { store, recent, config, clock, random }
    }

    pub(super) async fn provide(
        contributions: Inject<Contributions>,
        config: Inject<SessionConfig>,
        clock: Inject<dyn Clock>,
        random: Inject<dyn Random>,
        resolver: Resolver,
    ) -> Result<Self> {
        // It was a finding of the start.
        let nothing = || Error::internal("nothing opens the store of `session.store`");
        let driver = chosen(&contributions, &config).ok_or_else(nothing)?;
        let url = config.store.as_deref().unwrap_or(driver.scheme());
        let store = driver.open(url, resolver).await?;
        Ok(Self::new(store, SessionConfig::clone(&config), clock.into_arc(), random.into_arc()))
    }

    /// What keeps them.
    pub fn store(&self) -> &Arc<dyn SessionStore> {
        &self.store
    }

    /// The sessions of one owner: where they are signed in. The one that was seen last comes first.
    ///
    /// # Errors
    ///
    /// 503 when the store cannot be reached.
    pub async fn of_owner(&self, owner: &str) -> Result<Vec<(SessionKey, SessionRecord)>> {
        self.store.of_owner(owner).await
    }

    /// Ends one session of this owner. `false` if they have no such session.
    ///
    /// # Errors
    ///
    /// As [`of_owner`](Self::of_owner).
    pub async fn end(&self, owner: &str, key: &SessionKey) -> Result<bool> {
        let is_theirs = self.of_owner(owner).await?.iter().any(|(known, _)| known == key);
        if is_theirs {
            self.store.remove(key).await?;
        }
        Ok(is_theirs)
    }

    /// Ends all sessions of this owner but this one, if there is one. Returns how many.
    ///
    /// # Errors
    ///
    /// As [`of_owner`](Self::of_owner).
    pub async fn end_all(&self, owner: &str, except: Option<&SessionKey>) -> Result<usize> {
        let mut ended = 0;
        for (key, _) in self.of_owner(owner).await? {
            if Some(&key) != except {
                self.store.remove(&key).await?;
                ended += 1;
            }
        }
        Ok(ended)
    }

    /// Has it looked at again, at the next request, who comes with a session of this owner: for whoever changes of an account what its
    /// principal says. Other processes look after `session.recheck`.
    pub fn recheck(&self, owner: &str) {
        self.recent.forget_where(|known| known.principal.identity() == owner);
    }

    /// When a session ends that was made and seen at these times.
    pub(super) fn end_of(
        &self,
        created_at: SystemTime,
        seen_at: SystemTime,
        is_remembered: bool,
    ) -> SystemTime {
        let last = created_at + self.config.lifetime;
        if is_remembered { last } else { last.min(seen_at + self.config.idle_timeout) }
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("config", &self.config).finish_non_exhaustive()
    }
}
