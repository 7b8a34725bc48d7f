//! The keys that tokens are signed with: in the table `mainstay_signing_keys`, the private part sealed by the application's own
//! [`Keys`], so that who reads the database can sign nothing, and who writes to it can add no key.
//!
//! Keys are changed by schedule, without anybody being told: the next one is made and published well before its first use, so that every
//! process, and everybody who keeps the published set, knows it by then. An old one stays until the last token that it has signed
//! is over. Keys are counted, and there is one of each number: of several processes that make the next one at once, one does.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use mainstay_core::clock::Clock;
use mainstay_core::keys::{Keys, Purpose};
use mainstay_core::service::Running;
use mainstay_core::{Error, Inject, Resolver, Result};
use mainstay_db::{Db, model};

use super::algorithm::Algorithm;
use super::config::JwtConfig;
use super::key_set::KeySet;
use super::sign::SigningKey;

/// How long others may keep the published keys.
pub(super) const PUBLISHED: Duration = Duration::from_secs(5 * 60);
/// How often a change is tried when others are faster.
const ATTEMPTS: usize = 10;

/// A signing key, as a row.
#[model(table = "mainstay_signing_keys")]
pub struct StoredSigningKey {
    /// Its name in tokens.
    #[field(primary_key, max_length = 64)]
    pub id: String,
    /// The how many-eth it is.
    #[field(unique)]
    pub number: i64,
    /// The private key, sealed.
    #[field(hidden)]
    pub sealed: String,
    /// What it signs with.
    #[field(max_length = 16)]
    pub algorithm: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when tokens are signed with it.
    pub active_from: DateTime<Utc>,
}

/// The signing keys of the application. Injectable.
pub struct SigningKeys {
    db: Inject<Db>,
    clock: Inject<dyn Clock>,
    config: Inject<JwtConfig>,
    purpose: Purpose,
    known: RwLock<Arc<Known>>,
}

/// The keys as a process knows them.
#[derive(Default)]
struct Known {
    set: Arc<KeySet>,
    /// From when which one signs, the oldest first.
    schedule: Vec<(SystemTime, Arc<SigningKey>)>,
}

impl SigningKeys {
    pub(super) async fn provide(
        db: Inject<Db>,
        clock: Inject<dyn Clock>,
        config: Inject<JwtConfig>,
        keys: Inject<Keys>,
    ) -> Result<Self> {
        let purpose = keys.purpose("jwt signing key");
        let keys = Self { db, clock, config, purpose, known: RwLock::default() };
        keys.keep_up().await?;
        Ok(keys)
    }

    /// The public keys that tokens are checked with now, as they are published.
    pub fn public(&self) -> Arc<KeySet> {
        Arc::clone(&self.known().set)
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key that signs now.
    pub(super) fn current(&self) -> Result<Arc<SigningKey>> {
        let (now, known) = (self.clock.now(), self.known());
        let active = || known.schedule.iter().rev().filter(|(from, _)| *from <= now);
        let of_ours = active().find(|(_, key)| key.algorithm() == self.config.algorithm);
        // Where the algorithm was changed, the keys of before sign until everybody knows the new one.
        let key = of_ours.or_else(|| active().next()).or_else(|| known.schedule.first());
        let key = key.map(|(_, key)| Arc::clone(key));
        key.ok_or_else(|| Error::unavailable("There is no key to sign tokens with."))
    }

    /// Looks at the table, and adds what the schedule asks for.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached, or others change the keys all the time.
    pub async fn keep_up(&self) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let rows = self.rows().await?;
            let now: DateTime<Utc> = self.clock.now().into();
            let keys = self.open(&rows);
            let Some(active_from) = self.missing(&keys, now) else {
                self.know(keys)?;
                return self.clear(&rows, now).await;
            };
            let number = rows.last().map_or(1, |row| row.number + 1);
            self.add(number, now, active_from).await?;
        }
        Err(Error::unavailable("Others change the signing keys all the time."))
    }

    /// Makes a new key and forgets all others, for when one may have leaked. No token that was signed before is good any more: here
    /// at once, in other processes within `jwt.key_refresh`. Devices get new ones with their refresh tokens.
    ///
    /// # Errors
    ///
    /// As [`keep_up`](Self::keep_up).
    pub async fn replace(&self) -> Result<()> {
        let now: DateTime<Utc> = self.clock.now().into();
        let last = self.rows().await?.last().map_or(0, |row| row.number);
        self.add(last + 1, now, now).await?;
        StoredSigningKey::filter(|key| key.number.le(last)).delete(&*self.db).await?;
        self.keep_up().await
    }

    async fn rows(&self) -> Result<Vec<StoredSigningKey>> {
        StoredSigningKey::query().order_by(|key| key.number.asc()).all(&self.db.primary()).await
    }

    /// Those that this application has sealed.
    fn open(&self, rows: &[StoredSigningKey]) -> Vec<(DateTime<Utc>, SigningKey)> {
        let open = |row: &StoredSigningKey| {
            let algorithm = Algorithm::by_name(&row.algorithm)?;
            // The number and the times are sealed with the key: nobody moves one to another row.
            let opened = self.purpose.open(&row.sealed).ok()?;
            let pkcs8 = opened.strip_prefix(&associated(row.number, row.active_from)[..])?;
            SigningKey::from_pkcs8(algorithm, pkcs8).ok().map(|key| (row.active_from, key))
        };
        let opened = rows.iter().map(|row| (row.number, open(row)));
        opened
            .filter_map(|(number, key)| {
                if key.is_none() {
                    tracing::warn!(
                        number,
                        "a signing key was sealed with another `keys.secret`: what it has signed is refused"
                    );
                }
                key
            })
            .collect()
    }

    /// From when the key that is missing has to sign, if one is.
    fn missing(&self, keys: &[(DateTime<Utc>, SigningKey)], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if keys.is_empty() {
            return Some(now);
        }
        let known_by_all = now + self.config.lead();
        let newest = keys.iter().rev().find(|(_, key)| key.algorithm() == self.config.algorithm);
        let Some((active_from, _)) = newest else { return Some(known_by_all) };
        let ends = *active_from + self.config.rotation;
        // Made twice as early as it must be, so that one look may fail.
        (now + self.config.lead() * 2 >= ends).then_some(ends.max(known_by_all))
    }

    async fn add(&self, number: i64, now: DateTime<Utc>, active_from: DateTime<Utc>) -> Result<()> {
        // To the second: every engine keeps as much.
        let whole = |time: DateTime<Utc>| DateTime::from_timestamp(time.timestamp(), 0).unwrap_or(time);
        let (now, active_from) = (whole(now), whole(active_from));
        let key = SigningKey::generate(self.config.algorithm)?;
        let text = [&associated(number, active_from)[..], key.pkcs8()].concat();
        let new = NewStoredSigningKey {
            id: key.id().to_owned(),
            number,
            sealed: self.purpose.seal(&text, None),
            algorithm: self.config.algorithm.name().to_owned(),
            created_at: now,
            active_from,
        };
        new.insert_or_ignore(|key| key.number, &*self.db).await?;
        Ok(())
    }

    /// Goes by these from now on.
    fn know(&self, keys: Vec<(DateTime<Utc>, SigningKey)>) -> Result<()> {
        let schedule: Vec<_> = keys.into_iter().map(|(from, key)| (from.into(), Arc::new(key))).collect();
        let set = KeySet::of(schedule.iter().map(|(_, key)| key.public().clone()))?.into();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Known { set, schedule });
        Ok(())
    }

    /// Deletes what has signed nothing that may still be good.
    async fn clear(&self, rows: &[StoredSigningKey], now: DateTime<Utc>) -> Result<()> {
        let over = now - (self.config.access_lifetime + self.config.leeway * 2);
        let mut pairs = rows.windows(2).take_while(|pair| pair[1].active_from < over);
        let Some(last) = pairs.by_ref().last() else { return Ok(()) };
        StoredSigningKey::filter(|key| key.number.le(last[0].number)).delete(&*self.db).await?;
        Ok(())
    }
}

/// What is sealed before the key.
fn associated(number: i64, active_from: DateTime<Utc>) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..].copy_from_slice(&active_from.timestamp().to_be_bytes());
    bytes
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKeys").field("public", &self.public()).finish_non_exhaustive()
    }
}

/// Looks at the keys from time to time.
pub(super) async fn run(running: Running, config: Inject<JwtConfig>, resolver: Resolver) -> Result<()> {
    let mut looks = running.every(config.key_refresh);
    running.ready();
    while looks.next().await {
        let looked = async { resolver.get::<SigningKeys>().await?.keep_up().await };
        // The keys that are known stay good; the next look may succeed.
        if let Err(error) = looked.await {
            tracing::error!(error = %error.report(), "the signing keys could not be looked at");
        }
    }
    Ok(())
}
