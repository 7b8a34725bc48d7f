//! The engines, one file each; and `values`, what those in memory keep values in.

mod memory;
#[cfg(feature = "redis")]
mod near;
#[cfg(feature = "redis")]
mod redis;
mod values;

pub use memory::Memory;
#[cfg(feature = "redis")]
pub use near::Near;
pub use values::Usage;
