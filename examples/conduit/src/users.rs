//! Who writes.

mod token;

use std::path::Path;

use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

pub use token::{Author, issue};

/// Somebody who writes.
#[model]
pub struct User {
    /// Its number.
    pub id: i64,
    /// The name that others see.
    #[field(unique, min_length = 1, max_length = 60)]
    pub username: String,
    /// Where mail goes.
    #[field(unique, max_length = 254, hidden)]
    pub email: String,
    /// What they say of themselves.
    #[field(default = "")]
    pub bio: String,
    /// The address of a picture.
    #[field(default = "")]
    pub image: String,
}

/// What others see of a user.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Profile {
    /// The name that is shown.
    pub username: String,
    /// What they say of themselves.
    pub bio: String,
    /// The address of a picture.
    pub image: String,
    /// Whether the reader follows them.
    pub following: bool,
}

impl From<&User> for Profile {
    fn from(user: &User) -> Self {
        Self {
            username: user.username.clone(),
            bio: user.bio.clone(),
            image: user.image.clone(),
            following: false,
        }
    }
}

/// Users, their pictures and their tokens.
pub fn module() -> Module {
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/avatars");
    Module::new("users").models(models![User]).static_files("/avatars", pictures).command(token::command())
}
