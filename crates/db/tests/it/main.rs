//! What the model layer promises, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod contract;
#[cfg(feature = "sqlite")]
mod sqlite;
