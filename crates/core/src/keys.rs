//! Data protection: text that the application gave away and recognises when it comes back.
//!
//! [`Keys::sign`] leaves the data readable and keeps it from being changed; [`Keys::seal`] hides it too. Each use has a
//! *purpose* (`"session"`, `"password reset"`), and what was made for one is nothing to another: each purpose has its own
//! keys, derived from a secret (HKDF-SHA256, RFC 5869). Signatures are HMAC-SHA256, seals ChaCha20-Poly1305 (RFC 8439)
//! with a random nonce, both from `ring`.
//!
//! A token is `base64url(kind, key id, expiry, …)`. By the key's id, tokens of older keys are still read: those of
//! `keys.previous`, and those of a *ring*, whose keys are changed by schedule. The id is derived from the secret and tells nothing
//! of it.
//!
//! In reading order: `root` (what follows from a secret), `token` (the form of a token), [`Keys`] and [`Purpose`] here, [`ring`]
//! (keys with their times), [`store`] (where a ring is kept; `file`), `keeper` (the ring as a process knows it, and its schedule),
//! `command` (`keys list`, `rotate`, `revoke`), `config`; [`blind_index`]: how what is sealed is found; `seal` for a secret of its own.
//!
//! | id | what |
//! |---|---|
//! | `keys.E001` | production, or a ring, needs `keys.secret`, and it is not set |
//! | `keys.E002` | nothing keeps rings where `keys.ring` says |
//! | `keys.W001` | outside of production: it is not set, so that a restart makes every token void |
//!
//! A secret that is too short or too simple is refused as `config.E007`.

pub mod base64;
pub mod base64url;
pub mod blind_index;
pub(crate) mod command;
mod config;
pub(crate) mod file;
pub(crate) mod keeper;
pub mod ring;
mod root;
pub(crate) mod seal;
pub mod sha256;
pub mod store;
mod token;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use crate::clock::Clock;
use crate::random::Random;
use crate::{Error, Profile, Result, Severity};
use ring::Ring;
use root::{KeyId, Pair, Root};
use token::Tokens;

pub use blind_index::BlindIndex;
use config::check;
pub(crate) use config::weakness;
pub use config::{KeysConfig, check_needed};
pub use keeper::{Keeper, Rotation};
pub use store::{KeyRingDriver, KeyRingStore};

/// Why a token was refused. Which of them it is, is for the log; the client need only know that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It never was a token of ours.
    #[error("this is not a token")]
    Malformed,
    /// It was made for another purpose, or by someone else, or has been changed.
    #[error("the token was made for another purpose, or has been forged")]
    WrongPurposeOrForged,
    /// It was good, and its time is over.
    #[error("the token has expired")]
    Expired,
    /// It was made with a key that this application does not have.
    #[error("the token was made with another key")]
    UnknownKey,
}

/// Signs, verifies, seals and opens: `Inject<Keys>`.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use mainstay_core::Profile;
/// use mainstay_core::clock::TestClock;
/// use mainstay_core::keys::{KeyError, Keys, KeysConfig};
/// use mainstay_core::random::SecureRandom;
///
/// let clock = Arc::new(TestClock::default());
/// let random = Arc::new(SecureRandom::new());
/// let keys = Keys::new(&KeysConfig::default(), &Profile::Test, clock.clone(), random).unwrap();
///
/// let token = keys.sign("password reset", b"user 42", Some(Duration::from_secs(3600)));
/// assert_eq!(keys.verify("password reset", &token).unwrap(), b"user 42");
/// assert_eq!(keys.verify("session", &token), Err(KeyError::WrongPurposeOrForged));
///
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(keys.verify("password reset", &token), Err(KeyError::Expired));
/// ```
#[derive(Clone)]
pub struct Keys(Arc<Shared>);

struct Shared {
    tokens: Tokens,
    /// That of `keys.secret`: it seals the ring, and makes tokens where there is none.
    base: Root,
    /// Those of `keys.previous`.
    previous: Vec<Root>,
    known: RwLock<Arc<Known>>,
}

/// The keys that there are now.
struct Known {
    roots: HashMap<KeyId, Root>,
    /// From when which one makes tokens, the later one first.
    schedule: Vec<(SystemTime, KeyId)>,
}

impl Keys {
    /// The keys that follow from the configured secret. Outside of production, when there is none, from a random one:
    /// [`check`] warns of it. A ring is not opened here.
    ///
    /// # Errors
    ///
    /// In production, when there is no secret.
    pub fn new(
        config: &KeysConfig,
        profile: &Profile,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self> {
        let base = match &config.secret {
            Some(secret) => Root::of(secret.expose().as_bytes()),
            None => {
                if let Some(finding) =
                    check(config, profile).iter().find(|finding| finding.severity == Severity::Error)
                {
                    return Err(Error::internal(finding.to_string()));
                }
                let mut secret = [0; 32];
                random.fill(&mut secret);
                Root::of(&secret)
            }
        };
        let previous = config.previous.iter().map(|secret| Root::of(secret.expose().as_bytes())).collect();
        let nothing = Known { roots: HashMap::new(), schedule: Vec::new() };
        let known = RwLock::new(Arc::new(nothing));
        let keys = Self(Arc::new(Shared { tokens: Tokens { clock, random }, base, previous, known }));
        keys.know(&Ring::default());
        Ok(keys)
    }

    /// Goes by this ring from now on.
    fn know(&self, ring: &Ring) {
        let Shared { base, previous, known, .. } = &*self.0;
        let of_ring: Vec<_> = ring.good().map(|key| (key.active_from, Root::of(&key.secret))).collect();
        // Of two of the same second, the one that was made later counts, as for the ring itself.
        let mut schedule: Vec<_> = of_ring.iter().rev().map(|(from, root)| (*from, root.id)).collect();
        let of_ring = of_ring.into_iter().map(|(_, root)| root);
        let roots =
            previous.iter().chain([base]).cloned().chain(of_ring).map(|root| (root.id, root)).collect();
        schedule.push((SystemTime::UNIX_EPOCH, base.id));
        schedule.sort_by_key(|(from, _)| std::cmp::Reverse(*from));
        *known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Known { roots, schedule });
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.0.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The data, readable and signed, as text that may stand in a URL, a header or a cookie.
    pub fn sign(&self, purpose: &str, data: &[u8], expires: Option<Duration>) -> String {
        self.purpose(purpose).sign(data, expires)
    }

    /// The data that [`sign`](Self::sign) was given.
    ///
    /// # Errors
    ///
    /// When the token was not made by it for this purpose, or has expired.
    pub fn verify(&self, purpose: &str, token: &str) -> Result<Vec<u8>, KeyError> {
        self.purpose(purpose).verify(token)
    }

    /// The data, hidden, as text that may stand in a URL, a header or a cookie.
    pub fn seal(&self, purpose: &str, data: &[u8], expires: Option<Duration>) -> String {
        self.purpose(purpose).seal(data, expires)
    }

    /// The data that [`seal`](Self::seal) was given.
    ///
    /// # Errors
    ///
    /// When the token was not made by it for this purpose, or has expired.
    pub fn open(&self, purpose: &str, token: &str) -> Result<Vec<u8>, KeyError> {
        self.purpose(purpose).open(token)
    }

    /// Digests of values that are stored sealed, to find them again by.
    pub fn blind_index(&self, purpose: &str) -> BlindIndex {
        BlindIndex::of(self, purpose)
    }

    /// The keys of one purpose, each derived once: for what runs on every request.
    pub fn purpose(&self, purpose: &str) -> Purpose {
        Purpose(Arc::new(OfPurpose {
            keys: self.clone(),
            name: purpose.to_owned(),
            pairs: RwLock::default(),
        }))
    }
}

/// The keys of one purpose. It follows the ring.
#[derive(Clone)]
pub struct Purpose(Arc<OfPurpose>);

struct OfPurpose {
    keys: Keys,
    name: String,
    pairs: RwLock<HashMap<KeyId, Arc<Pair>>>,
}

impl Purpose {
    /// As [`Keys::sign`].
    pub fn sign(&self, data: &[u8], expires: Option<Duration>) -> String {
        self.tokens().sign(&self.current(), data, expires)
    }

    /// As [`Keys::verify`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn verify(&self, token: &str) -> Result<Vec<u8>, KeyError> {
        self.tokens().verify(|id| self.pair(id), token)
    }

    /// As [`Keys::seal`].
    pub fn seal(&self, data: &[u8], expires: Option<Duration>) -> String {
        self.tokens().seal(&self.current(), data, expires)
    }

    /// As [`Keys::open`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open(&self, token: &str) -> Result<Vec<u8>, KeyError> {
        self.tokens().open(|id| self.pair(id), token)
    }

    /// Whether this was sealed with the key that [`seal`](Self::seal) seals with now, as far as it says so itself.
    pub fn is_current(&self, token: &str) -> bool {
        token::sealed_by(token) == Some(self.current().id)
    }

    fn tokens(&self) -> &Tokens {
        &self.0.keys.0.tokens
    }

    /// The keys of this id, unless it is unknown or was revoked.
    fn pair(&self, id: KeyId) -> Option<Arc<Pair>> {
        let known = self.0.keys.known();
        let root = known.roots.get(&id)?;
        let pairs = &self.0.pairs;
        if let Some(pair) = pairs.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Some(Arc::clone(pair));
        }
        let pair = Arc::new(root.pair(&self.0.name));
        pairs.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&pair));
        Some(pair)
    }

    /// The keys that make tokens now.
    fn current(&self) -> Arc<Pair> {
        let keys = &self.0.keys.0;
        let now = keys.tokens.clock.now();
        let known = self.0.keys.known();
        let current = known.schedule.iter().find(|(from, _)| *from <= now).map(|(_, id)| *id);
        let pair = current.and_then(|id| self.pair(id));
        // The key of the secret is always there; a clock before 1970 finds no other.
        pair.unwrap_or_else(|| Arc::new(keys.base.pair(&self.0.name)))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(********)")
    }
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Purpose(********)")
    }
}

#[cfg(test)]
mod tests;
