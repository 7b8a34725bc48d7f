//! The store: its contract for every driver, and what each of them does by itself.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod background;
mod cache;
mod cached;
mod compile_fail;
mod contract;
#[cfg(feature = "files")]
mod files;
mod locks;
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod starting;
