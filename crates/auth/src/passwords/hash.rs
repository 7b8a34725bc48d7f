//! The hash of a password, as a column.

use std::fmt;

use argon2::password_hash::phc;
use argon2::password_hash::{Error as HashError, PasswordVerifier};
use argon2::{Argon2, Params, Version};
use mainstay_core::random::Random;
use mainstay_core::{Error, Result};
use mainstay_db::value::{Cell, Decode, Mismatch, SqlType};
use mainstay_db::{Stored, Value};

use super::imported::Imported;

/// The dearest hashes that are checked: 1 GiB.
const MOST_MEMORY: u32 = 1 << 20;
const MOST_PASSES: u32 = 64;
const MOST_LANES: u32 = 64;

/// The hash of a password, in the form that says how it was made (PHC string: `$argon2id$v=19$m=…`).
///
/// It never shows itself: it has no `Serialize`, so that the field of a model has to be `#[field(hidden)]`, and `Debug` tells
/// nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    pub(super) fn of(hash: &phc::PasswordHash) -> Self {
        Self(hash.to_string())
    }

    /// One that costs as much to check as any other, and is of no password that anybody knows.
    pub(super) fn of_nothing(params: &Params, random: &dyn Random) -> Result<Self> {
        let (mut salt, mut output) = ([0; 16], [0; 32]);
        random.fill(&mut salt);
        random.fill(&mut output);
        let hash = || {
            Ok::<_, HashError>(phc::PasswordHash {
                algorithm: phc::Ident::new("argon2id")?,
                version: Some(Version::V0x13.into()),
                params: phc::ParamsString::try_from(params)?,
                salt: Some(phc::Salt::new(&salt)?),
                hash: Some(phc::Output::new(&output)?),
            })
        };
        match hash() {
            Ok(hash) => Ok(Self::of(&hash)),
            Err(error) => Err(Error::internal(format!("`auth.password_*`: {error}"))),
        }
    }

    /// A hash that was made elsewhere: argon2 or bcrypt, or as Django writes it (`pbkdf2_sha256$…`, `bcrypt_sha256$…`, `argon2$…`). It is
    /// made anew when its owner signs in.
    ///
    /// # Errors
    ///
    /// When it is none that can be checked.
    pub fn parse(text: &str) -> Result<Self> {
        let hash = Self(text.to_owned());
        match Imported::read(text)? {
            None => hash.read().map(|_| hash),
            Some(Imported::Argon2(text)) => Self::parse(text),
            Some(_) => Ok(hash),
        }
    }

    /// The text, to be stored elsewhere.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn read(&self) -> Result<phc::PasswordHash> {
        let unreadable = |why: String| Error::internal(format!("a password hash cannot be read: {why}"));
        let hash = phc::PasswordHash::new(&self.0).map_err(|error| unreadable(error.to_string()))?;
        if !matches!(hash.algorithm.as_str(), "argon2id" | "argon2i" | "argon2d") {
            return Err(unreadable(format!("it is of the kind `{}`, not argon2", hash.algorithm)));
        }
        let costs = Params::try_from(&hash).map_err(|error| unreadable(error.to_string()))?;
        if costs.m_cost() > MOST_MEMORY || costs.t_cost() > MOST_PASSES || costs.p_cost() > MOST_LANES {
            return Err(unreadable("it costs more than is checked".to_owned()));
        }
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(unreadable("it ends too early".to_owned()));
        }
        Ok(hash)
    }

    /// Whether it was made of this password.
    pub(super) fn is_of(&self, password: &[u8]) -> Result<bool> {
        match Imported::read(&self.0)? {
            None => {}
            // A column that was filled by something else than `parse`.
            Some(Imported::Argon2(text)) => return Self(text.to_owned()).is_of(password),
            Some(imported) => return imported.is_of(password),
        }
        match Argon2::default().verify_password(password, &self.read()?) {
            Ok(()) => Ok(true),
            Err(HashError::PasswordInvalid) => Ok(false),
            Err(error) => Err(Error::internal(format!("a password hash cannot be checked: {error}"))),
        }
    }

    /// Whether it was made in this way.
    pub(super) fn is_as(&self, params: &Params) -> bool {
        let Ok(hash) = self.read() else { return false };
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        hash.algorithm.as_str() == "argon2id"
            && hash.version == Some(Version::V0x13.into())
            && Params::try_from(&hash).is_ok_and(|made| costs(&made) == costs(params))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl Decode for PasswordHash {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        String::decode(cell).map(Self)
    }
}

impl Stored for PasswordHash {
    const TYPE: SqlType = String::TYPE;

    fn into_value(self) -> Value {
        Value::Text(self.0)
    }
}
