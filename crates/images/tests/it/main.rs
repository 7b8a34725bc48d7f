//! What the crate promises, in whole applications.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod album;
mod checks;
mod making;
mod orphans;
