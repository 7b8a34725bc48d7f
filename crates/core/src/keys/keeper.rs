//! The ring as a process knows it: opened at start, looked at again from time to time, and kept up with its schedule.

use std::sync::Arc;
use std::time::SystemTime;

use super::Keys;
use super::config::KeysConfig;
use super::ring::{Ring, Times};
use super::store::{KeyRingDriver, KeyRingStore};
use crate::container::{Inject, Resolver};
use crate::contribution::Contributions;
use crate::error::Context;
use crate::service::{Running, Service};
use crate::{Error, Result};

/// What the ring is sealed for.
const PURPOSE: &str = "key ring";
/// How often a change is tried when others are faster.
const ATTEMPTS: usize = 10;

/// A ring where it is kept: what the command `keys` and the schedule change it by.
pub struct Keeper {
    keys: Keys,
    store: Arc<dyn KeyRingStore>,
    times: Times,
}

/// From when on a new key is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// From when every process knows it, which is after twice `keys.refresh`.
    WhenAllKnow,
    /// At once. Other processes refuse what is made with it until they look.
    AtOnce,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keeper(********)")
    }
}

impl Keeper {
    /// That of an application, if its configuration names one.
    ///
    /// # Errors
    ///
    /// When there are no keys, or the store cannot be opened.
    pub async fn of(resolver: &Resolver) -> Result<Option<Self>> {
        let (keys, config) = (resolver.get::<Keys>().await?, resolver.get::<KeysConfig>().await?);
        let contributions = resolver.get::<Contributions>().await?;
        Self::open(&keys, &config, &contributions, resolver.clone()).await
    }

    pub(crate) async fn open(
        keys: &Keys,
        config: &KeysConfig,
        contributions: &Contributions,
        resolver: Resolver,
    ) -> Result<Option<Self>> {
        let Some(url) = &config.ring else { return Ok(None) };
        // It was a finding of the start.
        let driver = KeyRingDriver::of(contributions, url)
            .ok_or_else(|| Error::internal("nothing opens the store of `keys.ring`"))?;
        let store = driver.open(url, resolver).await?;
        Ok(Some(Self::new(keys.clone(), store, config)))
    }

    pub(super) fn new(keys: Keys, store: Arc<dyn KeyRingStore>, config: &KeysConfig) -> Self {
        Self { keys, store, times: Times { lifetime: config.lifetime, refresh: config.refresh } }
    }

    /// The ring as it is kept now. The process goes by it from here on.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or not be opened by `keys.secret` and the secrets before.
    pub async fn look(&self) -> Result<Ring> {
        let ring = self.load().await?.ring;
        self.keys.know(&ring);
        Ok(ring)
    }

    /// Adds what the schedule asks for, and goes by what is there then.
    pub(crate) async fn keep_up(&self) -> Result<Ring> {
        let random = &*self.keys.0.tokens.random;
        self.change(|ring, now| ring.keep_up(now, &self.times, random)).await
    }

    /// Adds a key.
    ///
    /// # Errors
    ///
    /// As [`look`](Self::look), and when others change the ring all the time.
    pub async fn rotate(&self, rotation: Rotation) -> Result<Ring> {
        let random = &*self.keys.0.tokens.random;
        let from = |now: SystemTime| match rotation {
            Rotation::AtOnce => now,
            Rotation::WhenAllKnow => now + self.times.refresh * 2,
        };
        self.change(|ring, now| {
            ring.add(now, from(now), random);
            true
        })
        .await
    }

    /// Revokes a key. Where it was the one that tokens are made with, another is there at once.
    ///
    /// # Errors
    ///
    /// 404 when there is no such key, or it was revoked before; else as [`rotate`](Self::rotate).
    pub async fn revoke(&self, id: &str) -> Result<Ring> {
        let random = &*self.keys.0.tokens.random;
        let (mut is_known, mut is_revoked) = (false, false);
        let ring = self.change(|ring, now| {
            is_known = ring.keys().iter().any(|key| key.id == id);
            is_revoked = ring.revoke(id, now);
            if is_revoked && ring.current(now).is_none() {
                ring.add(now, now, random);
            }
            is_revoked
        });
        let ring = ring.await?;
        match (is_known, is_revoked) {
            (_, true) => Ok(ring),
            (true, false) => Err(Error::not_found(format!("The key {id} has been revoked before."))),
            (false, false) => Err(Error::not_found(format!("The ring has no key {id}: see `keys list`."))),
        }
    }

    /// Changes the ring, over what others have made of it meanwhile. `change` says whether there is anything to keep.
    async fn change(&self, mut change: impl FnMut(&mut Ring, SystemTime) -> bool) -> Result<Ring> {
        for _ in 0..ATTEMPTS {
            let Loaded { before, mut ring, is_sealed_anew } = self.load().await?;
            let is_changed = change(&mut ring, self.keys.0.tokens.clock.now()) || is_sealed_anew;
            if !is_changed || self.save(&ring, before.as_deref()).await? {
                self.keys.know(&ring);
                return Ok(ring);
            }
        }
        Err(Error::unavailable("Others change the key ring all the time."))
    }

    async fn load(&self) -> Result<Loaded> {
        let Some(text) = self.store.load().await? else { return Ok(Loaded::default()) };
        // The keys of the ring itself do not open it: only the secret does, and the secrets before.
        let (shared, mut opened_by) = (&*self.keys.0, None);
        let find = |id| {
            opened_by = Some(id);
            let mut roots = shared.previous.iter().chain([&shared.base]);
            roots.find(|root| root.id == id).map(|root| Arc::new(root.pair(PURPOSE)))
        };
        let opened = shared.tokens.open(find, &text).map_err(|fault| {
            let told = format!("the key ring of `keys.ring` cannot be opened: {fault}; it was sealed with another `keys.secret`, which may stand in `keys.previous`");
            Error::internal(told)
        })?;
        let ring =
            serde_json::from_slice(&opened).context("the key ring is not as this version writes it")?;
        Ok(Loaded { before: Some(text), ring, is_sealed_anew: opened_by != Some(shared.base.id) })
    }

    async fn save(&self, ring: &Ring, before: Option<&str>) -> Result<bool> {
        let shared = &self.keys.0;
        let sealed = shared.tokens.seal(&shared.base.pair(PURPOSE), &serde_json::to_vec(ring)?, None);
        self.store.save(&sealed, before).await
    }
}

/// A ring as it was kept.
#[derive(Default)]
struct Loaded {
    before: Option<String>,
    ring: Ring,
    /// A secret of before has sealed it: with the next change, that of now does.
    is_sealed_anew: bool,
}

/// Looks at the ring from time to time. Where there is none, nothing needs keys for this.
pub(crate) fn service() -> Service {
    Service::new("key ring", run)
}

async fn run(
    running: Running,
    config: Inject<KeysConfig>,
    contributions: Inject<Contributions>,
    resolver: Resolver,
) -> Result<()> {
    if config.ring.is_none() {
        running.ready();
        running.shutdown().requested().await;
        return Ok(());
    }
    let keys = resolver.get::<Keys>().await?;
    let Some(keeper) = Keeper::open(&keys, &config, &contributions, resolver).await? else { return Ok(()) };
    let mut looks = running.every(config.refresh);
    running.ready();
    while looks.next().await {
        // The keys that are known stay good; the next look may succeed.
        if let Err(error) = keeper.keep_up().await {
            tracing::error!(error = %error.report(), "the key ring could not be looked at");
        }
    }
    Ok(())
}
