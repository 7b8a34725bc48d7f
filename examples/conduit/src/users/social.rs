//! Who comes by a provider: Google, GitHub, or whichever issuer the configuration names.

use mainstay::core::random::{Random, SecureRandom};
use mainstay::db::{Query, Tx};
use mainstay::prelude::*;

use super::pages::LONGEST_NAME;
use super::{NewUser, User};

/// What somebody is called of whom a provider says no name.
const NAMELESS: &str = "reader";

impl FromProfile for User {
    fn by_verified_email(email: &str) -> Query<Self> {
        Self::by_email(&email.to_lowercase())
    }

    /// Everybody here has an address, so that who comes without a verified one is not let in.
    async fn from_profile(profile: &SocialProfile, tx: &Tx) -> Result<Option<Self>> {
        let Some(email) = profile.email() else { return Ok(None) };
        let wanted = wanted(profile);
        // Somebody may have the name, or be about to take it: the one that is free is found by taking it.
        for username in [wanted.clone(), with_suffix(&wanted), with_suffix(&wanted)] {
            let new = NewUser { username, email: email.to_lowercase() };
            let new = new.image(profile.picture.clone().unwrap_or_default());
            if let Some(user) = new.insert_or_ignore(|user| user.username, tx).await? {
                return Ok(Some(user));
            }
        }
        Err(Error::unavailable("No name was found that is free. Try again."))
    }
}

/// The name that somebody has there. An address is none: others would see it.
fn wanted(profile: &SocialProfile) -> String {
    let names = [&profile.username, &profile.name];
    let name = names.into_iter().flatten().map(|name| name.trim()).find(|name| !name.contains('@'));
    name.filter(|name| !name.is_empty()).unwrap_or(NAMELESS).chars().take(LONGEST_NAME).collect()
}

/// The same with some letters at its end that nobody else has.
fn with_suffix(name: &str) -> String {
    let suffix = SecureRandom::new().hex(3);
    let start: String = name.chars().take(LONGEST_NAME - 1 - suffix.len()).collect();
    format!("{}-{suffix}", start.trim_end())
}
