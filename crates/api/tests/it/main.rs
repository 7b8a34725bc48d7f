//! What the crate promises, in whole applications.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod exports;
mod projections;
mod replicas;
mod rest;
mod transaction;
mod uploads;
