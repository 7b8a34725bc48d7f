//! The engines, one file each.

mod memory;

pub use memory::{Memory, Usage};
