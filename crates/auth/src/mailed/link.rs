//! What a link allows, sealed in it.

use std::time::Duration;

use mainstay_core::keys::{Keys, Purpose, sha256};
use mainstay_core::{Error, Result};
use mainstay_db::write::get;
use mainstay_db::{Db, Key};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Person;
use crate::account::Account;
use crate::pages::visit::INVALID_LINK;
use crate::tokens::stamp;

/// The token of a link: `{ "token": … }`, as it comes with its address.
#[derive(Deserialize)]
pub(super) struct Token {
    pub(super) token: String,
}

/// What it was made for: a link for one thing is nothing for another, nor for accounts of another model.
fn purpose<A: Account>(keys: &Keys, what: &str) -> Purpose {
    keys.purpose(&format!("mailed link: {what} of {}", A::META.table))
}

/// The address of a page with what it may do.
pub(super) fn seal<A: Account>(
    keys: &Keys,
    (page, what): (&str, &str),
    value: &impl Serialize,
    lifetime: Duration,
) -> Result<String> {
    let token = purpose::<A>(keys, what).seal(&serde_json::to_vec(value)?, Some(lifetime));
    Ok(format!("{page}?token={token}"))
}

/// What a link may do.
pub(super) fn open<A: Account, T: DeserializeOwned>(keys: &Keys, what: &str, token: &str) -> Result<T> {
    let data = purpose::<A>(keys, what).open(token).map_err(|why| invalid().caused_by(why))?;
    Ok(serde_json::from_slice(&data)?)
}

/// Wrong, used, or too old: which of these is nobody's affair.
pub(super) fn invalid() -> Error {
    Error::bad_request("This link is not good any more. Ask for another one.").code(INVALID_LINK)
}

/// For which account a link is, as it was when the link was made: it ends when its password or its address changes.
#[derive(Serialize, Deserialize)]
pub(super) struct ForAccount {
    key: serde_json::Value,
    stamp: String,
}

impl ForAccount {
    pub(super) fn of<A: Person>(account: &A) -> Result<Self> {
        Ok(Self { key: serde_json::to_value(account.key())?, stamp: stamp_of(account) })
    }

    /// The account.
    pub(super) async fn find<A: Person>(&self, db: &Db) -> Result<A> {
        let key = serde_json::from_value(self.key.clone()).map_err(|why| invalid().caused_by(why))?;
        let account = get::<A>(Key::new(key), &db.primary()).await?;
        let is_same = |account: &A| account.is_active() && stamp_of(account) == self.stamp;
        account.filter(is_same).ok_or_else(invalid)
    }
}

fn stamp_of<A: Person>(account: &A) -> String {
    let both = [&stamp(account)[..], account.email().as_bytes()].concat();
    sha256::hex(&both)
}
