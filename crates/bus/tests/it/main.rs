//! What the crate promises, in whole applications.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod compile_fail;
mod delivering;
mod failing;
mod findings;
mod inbox;
mod killed;
mod migrations;
mod pubsub;
mod several;
mod shop;
#[cfg(feature = "webhooks")]
mod webhooks;
