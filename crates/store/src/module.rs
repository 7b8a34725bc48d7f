//! The built-in module `store`.

use std::sync::Arc;

use mainstay_core::clock::Clock;
use mainstay_core::metrics::Metrics;
use mainstay_core::{CoreContributions, Inject, Module, Provider};

use crate::cache::Cache;
use crate::config::StoreConfig;
use crate::drivers::Memory;
use crate::store::Store;

/// The module: the section `store`, the [`Store`] and the [`Cache`]. What keeps something brings it along.
///
/// | metric | |
/// |---|---|
/// | `store_memory_keys` | counts in the memory of this process |
/// | `store_memory_evicted_total` | counts that had to go before their time: `store.capacity` is small, or somebody makes up keys |
/// | `store_memory_values`, `store_memory_value_bytes` | values in the memory of this process, and what they take |
/// | `store_memory_values_evicted_total` | values that had to go before their time: `store.max_bytes` is small |
pub fn module() -> Module {
    Module::new("store")
        .global()
        .config::<StoreConfig>()
        .provide(Provider::singleton(store).on_demand())
        .export::<Store>()
        .provide(Provider::singleton(cache).on_demand())
        .export::<Cache>()
}

fn store(config: Inject<StoreConfig>, clock: Inject<dyn Clock>, metrics: Inject<Metrics>) -> Store {
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

fn cache(store: Inject<Store>) -> Cache {
    Cache::over(Store::clone(&store))
}
