//! Data protection: text that the application gave away and recognises when it comes back.
//!
//! [`Keys::sign`] leaves the data readable and keeps it from being changed; [`Keys::seal`] hides it too. Each use has a
//! *purpose* (`"session"`, `"password reset"`), and what was made for one is nothing to another: each purpose has its own
//! keys, derived from the secret (HKDF-SHA256, RFC 5869). Signatures are HMAC-SHA256, seals ChaCha20-Poly1305 (RFC 8439)
//! with a random nonce, both from `ring`.
//!
//! A token is `base64url(kind, key id, expiry, …)`. The key's id is there so that, when a ring of keys comes, tokens of an
//! older key are still read. It is derived from the secret and tells nothing of it.
//!
//! | id | what |
//! |---|---|
//! | `keys.E001` | production needs `keys.secret`, and it is not set |
//! | `keys.W001` | outside of production: it is not set, so that a restart makes every token void |
//!
//! A secret that is too short or too simple is refused as `config.E007`.

pub mod base64url;
mod token;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ring::{aead, hkdf, hmac};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::config::{Problems, Secret, Section};
use crate::random::Random;
use crate::{Error, Finding, Findings, Profile, Result, Severity};
use token::Tokens;

const HOW_TO_MAKE_ONE: &str = "make one with `openssl rand -base64 48` and set MAINSTAY__KEYS__SECRET to it, the same on \
                               every server; keep it out of the repository";

/// The section `keys`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeysConfig {
    /// From which every key is derived: at least 32 random characters.
    pub secret: Option<Secret<String>>,
}

impl Section for KeysConfig {
    const NAME: &'static str = "keys";

    fn validate(&self, problems: &mut Problems) {
        let Some(secret) = &self.secret else { return };
        let secret = secret.expose().as_bytes();
        if secret.len() < 32 {
            problems.add(
                "secret",
                format!("must have at least 32 characters, but has {}", secret.len()),
                Some(HOW_TO_MAKE_ONE),
            );
        } else if secret.iter().collect::<BTreeSet<_>>().len() < 10 {
            problems.add(
                "secret",
                "can be guessed: it has hardly any different characters",
                Some(HOW_TO_MAKE_ONE),
            );
        }
    }
}

/// Whether keys can be had. To be run when anything in the application needs [`Keys`].
pub fn check(config: &KeysConfig, profile: &Profile) -> Findings {
    let mut findings = Findings::default();
    if config.secret.is_none() {
        let finding = if profile.is_production() {
            Finding::error(
                "keys.E001",
                "`keys.secret` is not set, and without it nothing can be signed or sealed",
            )
        } else {
            Finding::warning(
                "keys.W001",
                "`keys.secret` is not set: signed and sealed data is void after a restart",
            )
        };
        findings.add(finding.at("keys.secret").fix(HOW_TO_MAKE_ONE));
    }
    findings
}

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
pub struct Keys {
    root: hkdf::Prk,
    tokens: Tokens,
}

impl Keys {
    /// The keys that follow from the configured secret. Outside of production, when there is none, from a random one:
    /// [`check`] warns of it.
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
        if let Some(secret) = &config.secret {
            return Ok(Self::from_secret(secret.expose().as_bytes(), clock, random));
        }
        if let Some(finding) =
            check(config, profile).iter().find(|finding| finding.severity == Severity::Error)
        {
            return Err(Error::internal(finding.to_string()));
        }
        let mut secret = [0; 32];
        random.fill(&mut secret);
        Ok(Self::from_secret(&secret, clock, random))
    }

    fn from_secret(secret: &[u8], clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"mainstay keys 1").extract(secret);
        let mut id = [0; token::KEY_ID];
        fill(&root, &mut id);
        Self { root, tokens: Tokens { id, clock, random } }
    }

    /// The data, readable and signed, as text that may stand in a URL, a header or a cookie.
    pub fn sign(&self, purpose: &str, data: &[u8], expires: Option<Duration>) -> String {
        self.tokens.sign(&self.signing(purpose), data, expires)
    }

    /// The data that [`sign`](Self::sign) was given.
    ///
    /// # Errors
    ///
    /// When the token was not made by it for this purpose, or has expired.
    pub fn verify(&self, purpose: &str, token: &str) -> Result<Vec<u8>, KeyError> {
        self.tokens.verify(&self.signing(purpose), token)
    }

    /// The data, hidden, as text that may stand in a URL, a header or a cookie.
    pub fn seal(&self, purpose: &str, data: &[u8], expires: Option<Duration>) -> String {
        self.tokens.seal(&self.sealing(purpose), data, expires)
    }

    /// The data that [`seal`](Self::seal) was given.
    ///
    /// # Errors
    ///
    /// When the token was not made by it for this purpose, or has expired.
    pub fn open(&self, purpose: &str, token: &str) -> Result<Vec<u8>, KeyError> {
        self.tokens.open(&self.sealing(purpose), token)
    }

    /// The keys of one purpose, derived once: for what runs on every request.
    pub fn purpose(&self, purpose: &str) -> Purpose {
        Purpose {
            signing: self.signing(purpose),
            sealing: self.sealing(purpose),
            tokens: self.tokens.clone(),
        }
    }

    fn signing(&self, purpose: &str) -> hmac::Key {
        hmac::Key::from(expand(&self.root, &[b"sign ", purpose.as_bytes()], hmac::HMAC_SHA256))
    }

    fn sealing(&self, purpose: &str) -> aead::LessSafeKey {
        let info = [&b"seal "[..], purpose.as_bytes()];
        let key = expand(&self.root, &info, &aead::CHACHA20_POLY1305);
        aead::LessSafeKey::new(aead::UnboundKey::from(key))
    }
}

/// The keys of one purpose.
#[derive(Clone)]
pub struct Purpose {
    signing: hmac::Key,
    sealing: aead::LessSafeKey,
    tokens: Tokens,
}

impl Purpose {
    /// As [`Keys::sign`].
    pub fn sign(&self, data: &[u8], expires: Option<Duration>) -> String {
        self.tokens.sign(&self.signing, data, expires)
    }

    /// As [`Keys::verify`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn verify(&self, token: &str) -> Result<Vec<u8>, KeyError> {
        self.tokens.verify(&self.signing, token)
    }

    /// As [`Keys::seal`].
    pub fn seal(&self, data: &[u8], expires: Option<Duration>) -> String {
        self.tokens.seal(&self.sealing, data, expires)
    }

    /// As [`Keys::open`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open(&self, token: &str) -> Result<Vec<u8>, KeyError> {
        self.tokens.open(&self.sealing, token)
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

#[expect(
    clippy::expect_used,
    reason = "HKDF-SHA256 refuses only more than 8160 bytes, and no key is that long"
)]
fn expand<'a, L: hkdf::KeyType>(root: &'a hkdf::Prk, info: &'a [&'a [u8]], length: L) -> hkdf::Okm<'a, L> {
    root.expand(info, length).expect("the key is short enough")
}

#[expect(clippy::expect_used, reason = "the output has the length that was asked for")]
fn fill(root: &hkdf::Prk, id: &mut [u8; token::KEY_ID]) {
    struct Length;

    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            token::KEY_ID
        }
    }

    expand(root, &[b"id"], Length).fill(id).expect("the lengths agree");
}

#[cfg(test)]
mod tests;
