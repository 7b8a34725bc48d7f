//! Hashes that other frameworks have made. They are checked, and made anew at the next login.
//!
//! | form | who writes it |
//! |---|---|
//! | `pbkdf2_sha256$…`, `pbkdf2_sha1$…` | Django |
//! | `argon2$argon2id$…` | Django, with argon2 |
//! | `bcrypt_sha256$$2b$…`, `bcrypt$$2b$…` | Django, with bcrypt |
//! | `$2a$…`, `$2b$…`, `$2y$…` | bcrypt: Laravel, Rails, Express, Spring, Phoenix |
//!
//! Argon2 hashes (`$argon2id$…`) are those of this crate itself.

use std::num::NonZeroU32;

use mainstay_core::keys::{base64, sha256};
use mainstay_core::{Error, Result};
use ring::pbkdf2;

/// The dearest hashes that are checked: what somebody has planted must not keep a processor busy for hours.
const MOST_ITERATIONS: u32 = 10_000_000;
const MOST_BCRYPT_COST: u8 = 18;

/// A hash of another framework, taken apart.
pub(super) enum Imported<'a> {
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        iterations: NonZeroU32,
        salt: &'a str,
        hash: Vec<u8>,
    },
    Bcrypt {
        hash: &'a str,
        of_digest: bool,
    },
    /// Its own text is one of ours.
    Argon2(&'a str),
}

impl<'a> Imported<'a> {
    /// None: it is of no form that is known here.
    pub(super) fn read(text: &'a str) -> Result<Option<Self>> {
        let Some((name, rest)) = text.split_once('$') else { return Ok(None) };
        match name {
            "" if rest.starts_with('2') => bcrypt_of(text, false).map(Some),
            "bcrypt" => bcrypt_of(rest, false).map(Some),
            "bcrypt_sha256" => bcrypt_of(rest, true).map(Some),
            "pbkdf2_sha256" => pbkdf2_of((pbkdf2::PBKDF2_HMAC_SHA256, 32), rest).map(Some),
            "pbkdf2_sha1" => pbkdf2_of((pbkdf2::PBKDF2_HMAC_SHA1, 20), rest).map(Some),
            // Django leaves out the sign before the name.
            "argon2" => Ok(Some(Self::Argon2(&text["argon2".len()..]))),
            _ => Ok(None),
        }
    }

    /// Whether it was made of this password.
    pub(super) fn is_of(&self, password: &[u8]) -> Result<bool> {
        match self {
            Self::Pbkdf2 { algorithm, iterations, salt, hash } => {
                Ok(pbkdf2::verify(*algorithm, *iterations, salt.as_bytes(), password, hash).is_ok())
            }
            Self::Bcrypt { hash, of_digest } => {
                let digest = of_digest.then(|| sha256::hex(password));
                let password = digest.as_ref().map_or(password, String::as_bytes);
                bcrypt::verify(password, hash).map_err(|fault| unreadable(&fault.to_string()))
            }
            Self::Argon2(_) => Ok(false),
        }
    }
}

/// `length` is that of the digest, in bytes.
fn pbkdf2_of((algorithm, length): (pbkdf2::Algorithm, usize), rest: &str) -> Result<Imported<'_>> {
    let parts: Vec<&str> = rest.split('$').collect();
    let &[iterations, salt, hash] = parts.as_slice() else {
        return Err(unreadable("it has not three parts"));
    };
    let iterations = iterations.parse().ok().filter(|count: &NonZeroU32| count.get() <= MOST_ITERATIONS);
    let iterations =
        iterations.ok_or_else(|| unreadable("its number of iterations is none that is checked"))?;
    let hash = base64::decode(hash).filter(|hash| hash.len() == length);
    let hash = hash.ok_or_else(|| unreadable("its digest is none of its kind"))?;
    Ok(Imported::Pbkdf2 { algorithm, iterations, salt, hash })
}

fn bcrypt_of(hash: &str, of_digest: bool) -> Result<Imported<'_>> {
    let parts: bcrypt::HashParts =
        hash.parse().map_err(|fault: bcrypt::BcryptError| unreadable(&fault.to_string()))?;
    if parts.get_cost() > u32::from(MOST_BCRYPT_COST) {
        return Err(unreadable("its cost is more than is checked"));
    }
    Ok(Imported::Bcrypt { hash, of_digest })
}

fn unreadable(why: &str) -> Error {
    Error::internal(format!("a password hash cannot be read: {why}"))
}
