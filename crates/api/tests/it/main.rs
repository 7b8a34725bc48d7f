//! What the crate promises, in whole applications.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod documents;
mod exports;
#[cfg(feature = "files")]
mod files;
mod idempotency;
mod output_cache;
mod projections;
mod rate_limits;
mod replicas;
mod rest;
mod switched;
mod tenants;
mod transaction;
mod uploads;
mod validation;
mod versions;
