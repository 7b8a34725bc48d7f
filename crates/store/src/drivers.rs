//! The engines, one file each.

mod memory;
#[cfg(feature = "redis")]
mod redis;

pub use memory::{Memory, Usage};
