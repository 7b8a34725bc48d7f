//! Applications under test, seen as those who test them see them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod calling;
mod claims;
#[cfg(feature = "db")]
mod data;
#[cfg(feature = "db")]
mod database;
#[cfg(feature = "db")]
mod key_rings;
#[cfg(feature = "db")]
mod sealed;
mod starting;
