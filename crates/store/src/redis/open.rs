//! Opening a server for an application, and what is said of it before deployment.

use mainstay_core::app::AppInfo;
use mainstay_core::clock::Clock;
use mainstay_core::config::Config;
use mainstay_core::{Assembly, Error, Finding, Findings, Profile, Resolver, Result};

use super::fault::Fault;
use super::{Redis, RedisAddress, RedisOptions};
use crate::config::StoreConfig;

/// The server at `address`, which the configuration names at `place`, with prefix, deadline and authority of the section `store`. It
/// is asked whether it lets this application in.
///
/// # Errors
///
/// When it does not (`store.E001`), or speaks no TLS with a certificate that is trusted where it should (`store.E003`). Where it is not
/// there, the log says so, and it is tried again when something is asked of it: an application must not depend on the order in
/// which machines start.
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
    let mut address = address.clone();
    if let Some(ca) = &config.ca {
        address = address.trusting(resolver.get::<Config>().await?.home().join(ca));
    }
    let redis = Redis::new(&address, RedisOptions { prefix, timeout: config.timeout, clock });
    match redis.pong().await {
        Ok(()) => Ok(redis),
        Err(Fault::Tls(why)) if !why.may_pass() => {
            let told = format!("the way to {} cannot be encrypted: {}", address.place(), why.what());
            let finding = Finding::error("store.E003", told).at(place).fix(why.fix());
            Err(Error::internal(finding.to_string()))
        }
        Err(why) if why.is_refusal() => {
            let told = format!("the Redis server at {} does not let this application in", address.place());
            let fix = "write the user, the password and the database that it knows into the address: redis://user:password@host/0, and rediss:// where it speaks TLS";
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

/// `store.W003`, by `check --deploy`.
pub(crate) fn find_exposed(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<StoreConfig>() else { return };
    for (place, url) in [("store.url", Some(&config.url)), ("store.locks", config.locks.as_ref())] {
        let address = url.and_then(|url| url.parse::<RedisAddress>().ok());
        findings.extend(address.and_then(|address| address.exposed("store.W003", place)));
    }
}

/// Colons part the words of a key.
fn prefix_of(name: &str) -> String {
    name.replace(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)), "-")
}
