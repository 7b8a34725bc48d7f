//! What the crate promises, in whole applications.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod access_tokens;
mod audit;
#[cfg(feature = "breached-passwords")]
mod breached;
mod deploy;
mod guards;
mod jwt;
mod logging_in;
mod mailed;
mod migrations;
mod pages;
mod passwords;
mod policies;
mod redis_sessions;
mod roles;
mod second_factor;
mod sessions;
mod shop;
#[cfg(feature = "social-login")]
mod social;
mod tokens;
mod warm_sessions;
