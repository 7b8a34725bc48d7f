//! What an application keeps for a while and may lose: today the counts of rate limits; later what it caches, locks and sessions.
//!
//! It is in the memory of the process until `store.url` names a server, which all processes of an application share. In
//! reading order:
//!
//! 1. [`Store`]: what the application takes from the container.
//! 2. [`quota`]: how much there is of something in a while, and whether there is enough left.
//! 3. [`driver`]: the contract that every engine fulfils. One suite holds them to it (`tests/it/contract.rs`).
//! 4. [`drivers`]: the engines.
//! 5. [`module`] and [`config`]: the built-in module `store`, and its section.

pub mod config;
pub mod driver;
pub mod drivers;
pub mod module;
pub mod quota;
mod store;

pub use config::StoreConfig;
pub use driver::{Driver, StoreError};
pub use quota::{Decision, Quota};
pub use store::Store;
