//! What the model layer promises, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod anomalies;
mod app;
#[cfg(feature = "sqlite")]
mod awkward;
mod blog;
#[cfg(feature = "sqlite")]
mod budget;
mod clinic;
mod compile_fail;
mod contract;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod crash;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod faults;
mod migrations;
mod models;
#[cfg(feature = "mysql")]
mod mysql;
mod office;
mod people;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod replicas;
mod shop;
#[cfg(feature = "sqlite")]
mod sqlite;
