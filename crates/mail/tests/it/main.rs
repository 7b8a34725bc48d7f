//! What the crate promises, in whole applications.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod checks;
mod files;
mod inbound;
mod later;
mod messages;
mod preview;
mod servers;
mod starttls;
mod views;
