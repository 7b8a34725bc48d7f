//! Opening a server for an application.

use mainstay_core::app::AppInfo;
use mainstay_core::clock::Clock;
use mainstay_core::{Error, Finding, Profile, Resolver, Result};

use super::{Redis, RedisAddress, RedisOptions, is_refusal};
use crate::config::StoreConfig;

/// The server at `address`, which the configuration names at `place`, with prefix and deadline of the section `store`. It is asked
/// whether it lets this application in.
///
/// # Errors
///
/// When it does not (`store.E001`). Where it is not there, the log says so, and it is tried again when something is asked of it: an
/// application must not depend on the order in which machines start.
pub async fn open(address: &RedisAddress, place: &str, resolver: &Resolver) -> Result<Redis> {
    let config = resolver.get::<StoreConfig>().await?;
    let prefix = match &config.prefix {
        Some(prefix) => prefix.clone(),
        None => prefix_of(&resolver.get::<AppInfo>().await?.name),
    };
    let clock = match *resolver.get::<Profile>().await? {
        Profile::Test => Some(resolver.get::<dyn Clock>().await?.into_arc()),
        _ => None,
    };
    let redis = Redis::new(address, RedisOptions { prefix, timeout: config.timeout, clock });
    match redis.pong().await {
        Ok(()) => Ok(redis),
        Err(why) if is_refusal(&why) => {
            let told = format!("the Redis server at {} does not let this application in", address.place());
            let fix = "write the user, the password and the database that it knows into the address: redis://user:password@host/0";
            let finding = Finding::error("store.E001", told).at(place).fix(fix);
            Err(Error::internal(finding.to_string()).caused_by(why))
        }
        Err(why) => {
            tracing::warn!(
                target: "mainstay::store", server = address.place(), error = %why,
                "the Redis server is out of reach: it is tried again when it is needed"
            );
            Ok(redis)
        }
    }
}

/// Colons part the words of a key.
fn prefix_of(name: &str) -> String {
    name.replace(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)), "-")
}
