//! What the model layer promises, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod app;
#[cfg(feature = "sqlite")]
mod awkward;
mod blog;
#[cfg(feature = "sqlite")]
mod budget;
mod compile_fail;
mod contract;
mod migrations;
mod models;
#[cfg(feature = "mysql")]
mod mysql;
mod office;
mod people;
#[cfg(feature = "postgres")]
mod postgres;
mod shop;
#[cfg(feature = "sqlite")]
mod sqlite;
