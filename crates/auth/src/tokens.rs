//! Bearer tokens: signed by the application's keys, so that every process of it can read them without asking anybody.
//!
//! A token names an account, says when it was made, and carries a stamp of the password hash. So it ends with its time, and when the
//! password changes, and it is nothing to an account of another model.

use std::fmt;
use std::time::Duration;

use mainstay_core::clock::{Clock, unix_seconds};
use mainstay_core::keys::{KeyError, Keys, Purpose};
use mainstay_core::{Inject, Result};
use mainstay_db::Key;
use ring::digest::{SHA256, digest};

use crate::account::Account;
use crate::passwords::{AuthConfig, PasswordHash};

/// How many bytes of the stamp a token carries: enough that no two passwords of an account share it by chance.
const STAMP: usize = 8;

/// Makes tokens. Injectable.
pub struct Tokens {
    keys: Inject<Keys>,
    clock: Inject<dyn Clock>,
    lifetime: Duration,
}

impl Tokens {
    pub(crate) fn new(keys: Inject<Keys>, clock: Inject<dyn Clock>, config: Inject<AuthConfig>) -> Self {
        Self { keys, clock, lifetime: config.token_lifetime }
    }

    /// A token for an account that has just shown who it is, good for `auth.token_lifetime`.
    ///
    /// # Errors
    ///
    /// When the key of the account cannot be written as JSON.
    pub fn issue<A: Account>(&self, account: &A) -> Result<String> {
        let mut data = stamp(account).to_vec();
        data.extend(unix_seconds(self.clock.now()).to_be_bytes());
        data.extend(serde_json::to_vec(&account.key())?);
        Ok(purpose::<A>(&self.keys).sign(&data, Some(self.lifetime)))
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// The keys for the tokens of `A`.
pub(crate) fn purpose<A: Account>(keys: &Keys) -> Purpose {
    keys.purpose(&format!("auth token of {}", A::META.table))
}

/// What a good token says: whose it is, as long as the stamp is still theirs.
pub(crate) struct Claim<A: Account> {
    pub(crate) key: Key<A>,
    /// When it was made, in seconds since 1970.
    pub(crate) issued_at: u64,
    stamp: [u8; STAMP],
}

impl<A: Account> Claim<A> {
    pub(crate) fn read(keys: &Purpose, token: &str) -> Result<Self, KeyError> {
        let data = keys.verify(token)?;
        let (stamp, data) = data.split_first_chunk().ok_or(KeyError::Malformed)?;
        let (issued_at, key) = data.split_first_chunk().ok_or(KeyError::Malformed)?;
        let key = serde_json::from_slice(key).map_err(|_| KeyError::Malformed)?;
        Ok(Self { key: Key::new(key), issued_at: u64::from_be_bytes(*issued_at), stamp: *stamp })
    }

    /// Whether the token was made for the account as it is now.
    pub(crate) fn is_of(&self, account: &A) -> bool {
        self.stamp == stamp(account)
    }
}

/// Changes with the password.
pub(crate) fn stamp<A: Account>(account: &A) -> [u8; STAMP] {
    let digest = digest(&SHA256, account.password().map_or("", PasswordHash::expose).as_bytes());
    let mut stamp = [0; STAMP];
    stamp.copy_from_slice(&digest.as_ref()[..STAMP]);
    stamp
}
