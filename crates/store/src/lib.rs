//! What an application keeps: for a while, and may lose, what it caches and the counts of rate limits, and its locks; for good, files.
//!
//! It is in the memory of the process until `store.url` names a server, which all processes of an application share. In
//! reading order:
//!
//! 1. [`Store`]: what the application takes from the container.
//! 2. [`quota`]: how much there is of something in a while, and whether there is enough left.
//! 3. [`entry`]: a value that is kept, with its lifetime and its tags, and how one that is out of date is kept from coming late.
//! 4. [`cache`]: [`Cache`], values by key that are made once and forgotten by tag.
//! 5. [`driver`]: the contract that every engine fulfils. One suite holds them to it (`tests/it/contract.rs`).
//! 6. [`drivers`]: the engines.
//! 7. [`locks`]: what one does at a time, with engines of its own.
//! 8. `redis`: the connection to a Redis server (feature `redis`), for the engine and for others, such as sessions.
//! 9. `files`: files, in a folder, in memory or in a bucket (features `files`, and `s3`, `gcs` or `azure`).
//! 10. [`module`] and [`config`]: the built-in module `store`, and its section.

pub mod cache;
pub mod config;
pub mod driver;
pub mod drivers;
pub mod entry;
#[doc(hidden)]
pub mod expand;
#[cfg(feature = "files")]
pub mod files;
pub mod locks;
pub mod module;
pub mod quota;
#[cfg(feature = "redis")]
pub mod redis;
mod store;

pub use cache::{Cache, CacheKey, Keep};
pub use config::StoreConfig;
pub use driver::{Counting, Driver, StoreError};
pub use entry::{Entry, Growth, Lookup, Old, Place, Stamp};
#[cfg(feature = "database")]
pub use locks::drivers::database::DatabaseLocksExt;
pub use locks::{Hold, Lock, LockDriver, LockEngine, Locks};
pub use mainstay_macros::cached;
pub use quota::{Decision, Quota};
#[cfg(feature = "redis")]
pub use redis::Redis;
pub use store::Store;
