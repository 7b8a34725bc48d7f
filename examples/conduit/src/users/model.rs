//! The table of users.

use mainstay::db::column::Assignment;
use mainstay::db::{Query, Tx};
use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

use crate::articles::Article;

/// Somebody who writes, or reads.
#[model]
pub struct User {
    /// Its number.
    pub id: i64,
    /// The name that others see.
    #[field(unique, min_length = 1, max_length = 60)]
    pub username: String,
    /// Where mail goes, and what one signs in with.
    #[field(unique, max_length = 254, hidden)]
    pub email: String,
    /// What one signs in with, too.
    #[field(hidden)]
    pub password: Option<PasswordHash>,
    /// What they say of themselves.
    #[field(default = "")]
    pub bio: String,
    /// The address of a picture.
    #[field(default = "")]
    pub image: String,
    /// Whose articles are in their feed.
    #[many_to_many(table = "follows")]
    pub follows: ManyToMany<Self>,
    /// In whose feed their articles are.
    #[many_to_many(by = follows)]
    pub followers: ManyToMany<Self>,
    /// What they like.
    #[many_to_many(by = fans)]
    pub favorites: ManyToMany<Article>,
}

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
        if User::filter(|user| user.username.eq(&*more.username)).exists(db).await? {
            return Err(Error::invalid(vec![Fault::new(
                "/username",
                "taken",
                "Somebody else has this name.",
            )]));
        }
        Ok(())
    }

    async fn register(email: String, password: PasswordHash, more: Pseudonym, tx: &Tx) -> Result<Self> {
        NewUser { username: more.username, email }.password(password).insert(tx).await
    }
}

impl Account for User {
    const SCHEME: &'static str = "Token";

    fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    fn set_password(user: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        user.password.set(hash)
    }
}
