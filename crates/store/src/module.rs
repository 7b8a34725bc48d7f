//! The built-in module `store`.

use std::sync::Arc;

use mainstay_core::clock::Clock;
use mainstay_core::metrics::Metrics;
use mainstay_core::service::Service;
use mainstay_core::{CoreContributions, Inject, Module, Provider, Resolver, Result};

use crate::cache::{Background, Cache, Meters, run};
use crate::config::{MEMORY, StoreConfig};
use crate::drivers::Memory;
use crate::locks::with_locks;
use crate::store::Store;

/// The module: the section `store`, the [`Store`] and the [`Cache`]. What keeps something brings it along.
///
/// | metric | |
/// |---|---|
/// | `store_memory_keys` | counts in the memory of this process |
/// | `store_memory_evicted_total` | counts that had to go before their time: `store.capacity` is small, or somebody makes up keys |
/// | `store_memory_values`, `store_memory_value_bytes` | values in the memory of this process, and what they take |
/// | `store_memory_values_evicted_total` | values that had to go before their time: `store.max_bytes` is small |
/// | `store_near_hits_total` | values that were found in the memory in front of a server (`store.near_bytes`) |
/// | `store_near_value_bytes` | what is there takes |
/// | `store_near_values_evicted_total` | values that had to go from there before their time: `store.near_bytes` is small |
/// | `cache_requests_total` | values that were asked for: `result` is `hit`, `stale`, `miss`, `shared` for who waited for another, `unavailable` |
/// | `cache_refreshes_total` | values that were out of date: `result` is `made` or `failed` |
///
/// | `lock_attempts_total` | attempts to get a lock: `result` is `taken`, `held`, `unavailable` |
/// | `lock_wait_seconds` | how long those waited who were ready to |
/// | `locks_held`, `locks_lost_total` | locks that this process holds, and those that ended before they were given back |
///
/// | id | what |
/// |---|---|
/// | `store.E001` | the Redis server does not let this application in |
/// | `store.E002` | `store.locks` names no engine that there is |
/// | `store.E003` | the way to the Redis server cannot be encrypted as its address says |
/// | `store.W001` | locks are in the memory of the process |
/// | `store.W002` | locks are on a Redis server that drops keys for want of room (told by the log) |
/// | `store.W003` | what goes to the Redis server, and the password for it, can be read on its way |
pub fn module() -> Module {
    let module = Module::new("store")
        .global()
        .config::<StoreConfig>()
        .provide(Provider::asynchronous(store).on_demand())
        .export::<Store>()
        .provide(Provider::singleton(cache).on_demand())
        .export::<Cache>()
        .provide(Background::new)
        .service(Service::new("cache", run));
    with_redis(with_locks(module))
}

async fn store(config: Inject<StoreConfig>, resolver: Resolver) -> Result<Store> {
    if config.url != MEMORY {
        return on_server(&resolver).await;
    }
    let (clock, metrics) = (resolver.get::<dyn Clock>().await?, resolver.get::<Metrics>().await?);
    Ok(in_memory(&config, clock, &metrics))
}

fn in_memory(config: &StoreConfig, clock: Inject<dyn Clock>, metrics: &Metrics) -> Store {
    let bytes = usize::try_from(config.max_bytes).unwrap_or(usize::MAX);
    let memory = Arc::new(Memory::new(clock.into_arc(), config.capacity).room_for_values(bytes));
    let shown = Arc::clone(&memory);
    metrics.collect(move |scrape| {
        scrape.gauge("store_memory_keys", "Counts in the memory of this process.", &[], shown.len() as f64);
        let help = "Counts that had to go before their time, because there was no room.";
        scrape.counter("store_memory_evicted_total", help, &[], shown.evicted() as f64);
        let usage = shown.usage();
        let help = "Values in the memory of this process.";
        scrape.gauge("store_memory_values", help, &[], usage.values as f64);
        let help = "What the values in the memory of this process take.";
        scrape.gauge("store_memory_value_bytes", help, &[], usage.bytes as f64);
        let help = "Values that had to go before their time, because there was no room.";
        scrape.counter("store_memory_values_evicted_total", help, &[], usage.evicted as f64);
    });
    Store::shared(memory)
}

#[cfg(feature = "redis")]
fn with_redis(module: Module) -> Module {
    use mainstay_core::check::Check;
    use mainstay_core::lifecycle::Hook;

    // A server that does not let it in is found when the application starts, not when a visitor comes.
    let look = async |config: Inject<StoreConfig>, resolver: Resolver| {
        if config.url != MEMORY {
            resolver.get::<crate::Redis>().await?;
        }
        Ok(())
    };
    module
        .provide(Provider::asynchronous(redis).on_demand())
        .export::<crate::Redis>()
        .hook(Hook::on_start("reach the store", look))
        .check(Check::at_deploy(crate::redis::find_exposed))
}

/// The server that `store.url` names. Who asks for it where that names none is told so.
#[cfg(feature = "redis")]
async fn redis(config: Inject<StoreConfig>, resolver: Resolver) -> Result<crate::Redis> {
    let address = config.url.parse().map_err(|why| {
        let told = "something is kept on the Redis server of `store.url`, which names none";
        mainstay_core::Error::internal(format!("{told}: {why}"))
    })?;
    crate::redis::open(&address, "store.url", &resolver).await
}

#[cfg(feature = "redis")]
async fn on_server(resolver: &Resolver) -> Result<Store> {
    let redis = crate::Redis::clone(&*resolver.get::<crate::Redis>().await?);
    let config = resolver.get::<StoreConfig>().await?;
    if config.near_bytes == 0 {
        return Ok(Store::over(redis));
    }
    let (clock, metrics) = (resolver.get::<dyn Clock>().await?, resolver.get::<Metrics>().await?);
    let bytes = usize::try_from(config.near_bytes).unwrap_or(usize::MAX);
    let near = Arc::new(crate::drivers::Near::new(redis, clock.into_arc(), bytes, config.near_for));
    let shown = Arc::clone(&near);
    metrics.collect(move |scrape| {
        let help = "Values that were found in the memory in front of the server.";
        scrape.counter("store_near_hits_total", help, &[], shown.hits() as f64);
        let usage = shown.usage();
        let help = "What the values in front of the server take.";
        scrape.gauge("store_near_value_bytes", help, &[], usage.bytes as f64);
        let help =
            "Values in front of the server that had to go before their time, because there was no room.";
        scrape.counter("store_near_values_evicted_total", help, &[], usage.evicted as f64);
    });
    Ok(Store::shared(near))
}

#[cfg(not(feature = "redis"))]
fn with_redis(module: Module) -> Module {
    module
}

/// The section has refused every other address.
#[cfg(not(feature = "redis"))]
async fn on_server(_: &Resolver) -> Result<Store> {
    Err(mainstay_core::Error::internal("there is no store on a server"))
}

fn cache(store: Inject<Store>, background: Inject<Background>, metrics: Inject<Metrics>) -> Cache {
    Cache::over(Store::clone(&store)).in_application(background.into_arc(), Meters::registered(&metrics))
}
