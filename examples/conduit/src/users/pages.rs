//! What the pages of accounts ask about a user.

use mainstay::db::column::Assignment;
use mainstay::db::{Query, Tx};
use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

use super::{NewUser, User};

/// How long the name may be that others see, in letters.
pub(super) const LONGEST_NAME: usize = 60;

impl Named for User {
    fn by_name(name: &str) -> Query<Self> {
        Self::by_email(&name.to_lowercase())
    }

    fn names(&self) -> Vec<String> {
        vec![self.email.clone(), self.username.clone()]
    }
}

impl Person for User {
    fn email(&self) -> &str {
        &self.email
    }

    fn by_email(email: &str) -> Query<Self> {
        Self::filter(|user| user.email.eq(email))
    }

    fn set_email(user: Self::Fields, email: String) -> Assignment<Self> {
        user.email.set(email)
    }
}

/// What the page to register asks besides address and password.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pseudonym {
    username: String,
}

impl Registration for User {
    type More = Pseudonym;

    const FIELDS: &'static [(&'static str, &'static str)] = &[("username", "Name that others see")];

    async fn check(more: &Pseudonym, db: &Db) -> Result<()> {
        let refused = |code, told: String| Err(Error::invalid(vec![Fault::new("/username", code, told)]));
        let name = more.username.trim();
        if name.is_empty() || name.contains(char::is_control) {
            return refused("missing", "Choose a name.".to_owned());
        }
        if name.chars().count() > LONGEST_NAME {
            return refused("too_long", format!("A name has at most {LONGEST_NAME} letters."));
        }
        if User::filter(|user| user.username.eq(name)).exists(db).await? {
            return refused("taken", "Somebody else has this name.".to_owned());
        }
        Ok(())
    }

    async fn register(email: String, password: PasswordHash, more: Pseudonym, tx: &Tx) -> Result<Self> {
        NewUser { username: more.username.trim().to_owned(), email }.password(password).insert(tx).await
    }
}
