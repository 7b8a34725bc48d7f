//! A store that cannot be asked while it is switched off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use mainstay_store::{
    Counting, Decision, Driver, Entry, Growth, Lookup, Old, Quota, Stamp, Store, StoreError,
};

/// Another store, and whether it is on.
pub(crate) struct Switched(pub(crate) Arc<AtomicBool>, pub(crate) Store);

impl Switched {
    fn on(&self) -> Result<&Store, StoreError> {
        if self.0.load(Ordering::SeqCst) {
            Ok(&self.1)
        } else {
            Err(StoreError::out_of_reach("a test", "switched off"))
        }
    }
}

impl Counting for Switched {
    fn limit<'a>(
        &'a self,
        key: &'a str,
        quotas: &'a [Quota],
        cost: u32,
    ) -> BoxFuture<'a, Result<Vec<Decision>, StoreError>> {
        Box::pin(async move { self.on()?.limit(key, quotas, cost).await })
    }

    fn grow<'a>(&'a self, key: &'a str, growth: Growth) -> BoxFuture<'a, Result<i64, StoreError>> {
        Box::pin(async move { self.on()?.grow(key, growth).await })
    }
}

impl Driver for Switched {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Lookup, StoreError>> {
        Box::pin(async move { self.on()?.get(key).await })
    }

    fn set<'a>(&'a self, key: &'a str, entry: Entry) -> BoxFuture<'a, Result<Option<Stamp>, StoreError>> {
        Box::pin(async move { self.on()?.set(key, entry).await })
    }

    fn touch<'a>(&'a self, key: &'a str, lifetime: Duration) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { self.on()?.touch(key, lifetime).await })
    }

    fn delete<'a>(&'a self, key: &'a str, _: Old) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        Box::pin(async move { self.on()?.take(key).await })
    }

    fn delete_tag<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.on()?.delete_tag(tag).await })
    }
}
