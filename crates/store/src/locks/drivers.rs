//! The engines of locks, one file each.

#[cfg(feature = "database")]
pub mod database;
mod memory;
#[cfg(feature = "redis")]
mod redis;

pub use memory::MemoryLocks;
