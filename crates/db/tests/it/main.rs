//! What the model layer promises, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod app;
mod awkward;
mod blog;
mod compile_fail;
mod contract;
mod migrations;
mod models;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod shop;
#[cfg(feature = "sqlite")]
mod sqlite;
