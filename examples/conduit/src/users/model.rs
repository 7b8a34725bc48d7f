//! The table of users.

use mainstay::auth::account::principal_of;
use mainstay::db::column::Assignment;
use mainstay::prelude::*;

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
    /// Whether they are told news by mail.
    #[field(default = true, hidden)]
    pub wants_mails: bool,
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

/// The picture that somebody has sent. What others see is [`User::image`], which leads to it.
#[model]
pub struct Picture {
    /// Whose.
    #[field(primary_key)]
    #[belongs_to(on_delete = cascade)]
    pub user: BelongsTo<User>,
    /// The file. When the row goes, or has another one, so does the file.
    #[belongs_to]
    pub file: BelongsTo<Blob>,
}

impl Account for User {
    const SCHEME: &'static str = "Token";

    fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    fn set_password(user: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        user.password.set(hash)
    }

    fn principal(&self) -> Principal {
        principal_of(self).named(&*self.username)
    }
}
