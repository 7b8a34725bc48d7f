//! The built-in module `store`.

use std::sync::Arc;

use mainstay_core::clock::Clock;
use mainstay_core::metrics::Metrics;
use mainstay_core::{CoreContributions, Inject, Module, Provider};

use crate::config::StoreConfig;
use crate::drivers::Memory;
use crate::store::Store;

/// The module: the section `store`, and the [`Store`]. What keeps something brings it along.
///
/// | metric | |
/// |---|---|
/// | `store_memory_keys` | keys in the memory of this process |
/// | `store_memory_evicted_total` | keys that had to go before their time: `store.capacity` is small, or somebody makes up keys |
pub fn module() -> Module {
    Module::new("store")
        .global()
        .config::<StoreConfig>()
        .provide(Provider::singleton(store).on_demand())
        .export::<Store>()
}

fn store(config: Inject<StoreConfig>, clock: Inject<dyn Clock>, metrics: Inject<Metrics>) -> Store {
    let memory = Arc::new(Memory::new(clock.into_arc(), config.capacity));
    let shown = Arc::clone(&memory);
    metrics.collect(move |scrape| {
        scrape.gauge("store_memory_keys", "Keys in the memory of this process.", &[], shown.len() as f64);
        let help = "Keys that had to go before their time, because there was no room.";
        scrape.counter("store_memory_evicted_total", help, &[], shown.evicted() as f64);
    });
    Store::shared(memory)
}
