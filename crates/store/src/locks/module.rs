//! How an application chooses an engine: the part of the module `store` that is about locks.

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::check::Check;
use mainstay_core::clock::Clock;
use mainstay_core::driver::{Driver, Opened, scheme_of};
use mainstay_core::lifecycle::Hook;
use mainstay_core::metrics::Metrics;
use mainstay_core::{
    Assembly, Contribute, Contributions, CoreContributions, Error, Finding, Findings, Inject, Module,
    Provider, Resolver, Result,
};

use super::drivers::MemoryLocks;
use super::{LockDriver, Locks, Meters};
use crate::config::StoreConfig;

impl Opened for dyn LockDriver {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }
}

/// A contribution: a kind of engine of locks, chosen by how `store.locks` begins.
pub type LockEngine = Driver<dyn LockDriver>;

const MEMORY: &str = "memory";
/// Those that are there without being asked for.
const BUILT_IN: [&str; 3] = [MEMORY, "redis", "rediss"];

/// So long an application that stops waits until what it held is given back.
const SETTLE: Duration = Duration::from_secs(2);

/// Adds what is about locks to the module `store`.
pub(crate) fn with_locks(module: Module) -> Module {
    let module = module
        .contribute(LockEngine::new(MEMORY, in_memory))
        .provide(Provider::asynchronous(locks).on_demand())
        .export::<Locks>()
        .hook(Hook::on_stop("give locks back", async |resolver: Resolver| {
            if let Some(locks) = resolver.ready::<Locks>() {
                locks.settle(SETTLE).await;
            }
            Ok(())
        }))
        .check(Check::at_start(find_engine))
        .check(Check::at_deploy(before_deployment));
    #[cfg(feature = "redis")]
    let module = module
        .contribute(LockEngine::new(crate::redis::SCHEME, on_redis))
        .contribute(LockEngine::new(crate::redis::ENCRYPTED_SCHEME, on_redis));
    module
}

/// The address of the engine: the configured one; without one, that of an engine that was asked for; without one, that of the store.
fn address(contributions: &Contributions, config: &StoreConfig) -> String {
    let asked_for = || {
        LockEngine::all(contributions)
            .map(LockEngine::scheme)
            .filter(|scheme| !BUILT_IN.contains(scheme))
            .last()
    };
    match &config.locks {
        Some(url) => url.clone(),
        None => asked_for().map_or_else(|| config.url.clone(), str::to_owned),
    }
}

async fn locks(
    config: Inject<StoreConfig>,
    contributions: Inject<Contributions>,
    resolver: Resolver,
) -> Result<Locks> {
    let url = address(&contributions, &config);
    let engine = LockEngine::of(&contributions, &url);
    let engine = engine.ok_or_else(|| Error::internal("`store.locks` names no engine that there is"))?;
    let driver = engine.open(&url, resolver.clone()).await?;
    let (clock, metrics) = (resolver.get::<dyn Clock>().await?, resolver.get::<Metrics>().await?);
    Ok(Locks::shared(driver, clock.into_arc(), Meters::registered(&metrics)))
}

async fn in_memory(_: String, resolver: Resolver) -> Result<Arc<dyn LockDriver>> {
    Ok(Arc::new(MemoryLocks::new(resolver.get::<dyn Clock>().await?.into_arc())))
}

#[cfg(feature = "redis")]
async fn on_redis(url: String, resolver: Resolver) -> Result<Arc<dyn LockDriver>> {
    let config = resolver.get::<StoreConfig>().await?;
    let redis = if url == config.url {
        crate::Redis::clone(&*resolver.get::<crate::Redis>().await?)
    } else {
        let address = url.parse().map_err(|why| Error::internal(format!("`store.locks`: {why}")))?;
        crate::redis::open(&address, "store.locks", &resolver).await?
    };
    if let Ok(Some(policy)) = redis.evicts().await {
        let told = format!(
            "the Redis server at {} drops keys for want of room (`maxmemory-policy {policy}`): a lock that it drops may be held twice",
            redis.place()
        );
        let fix = "give locks a server with `maxmemory-policy noeviction`, or the database";
        let finding = Finding::warning("store.W002", told).at("store.locks").fix(fix);
        tracing::warn!(target: "mainstay::store", "{finding}");
    }
    Ok(Arc::new(redis))
}

fn find_engine(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<StoreConfig>() else { return };
    let url = address(&assembly.contributions, &config);
    // The section has refused what begins like an address of a store, and is none.
    if LockEngine::of(&assembly.contributions, &url).is_some() || config.locks.is_none() {
        return;
    }
    let (asked, known) = LockEngine::unknown(&assembly.contributions, &url, "");
    let fix = if scheme_of(&url) == "database" {
        "add `.database_locks()` to the application, which brings their table".to_owned()
    } else {
        known
    };
    let told = format!("no engine keeps locks in {asked}");
    findings.add(Finding::error("store.E002", told).at("store.locks").fix(fix));
}

fn before_deployment(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<StoreConfig>() else { return };
    let url = address(&assembly.contributions, &config);
    if assembly.needs::<Locks>() && scheme_of(&url) == MEMORY {
        let told = "locks are in the memory of the process: two processes hold the same one at once";
        let fix = "add `.database_locks()` to the application, or set it to the address of a Redis server";
        findings.add(Finding::warning("store.W001", told).at("store.locks").fix(fix));
    }
}
