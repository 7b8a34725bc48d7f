//! The store: its contract for every driver, and what each of them does by itself.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod background;
mod cache;
mod cached;
mod compile_fail;
mod contract;
#[cfg(feature = "files")]
mod files;
mod locks;
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod starting;

use std::io::Write;

/// Says aloud that something has not run; under continuous integration that is a failure.
#[cfg(feature = "files")]
pub(crate) fn not_run(why: &str) {
    let ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    assert!(!ci, "{why}");
    say_not_run(why);
}

/// The same where it depends on who runs the test.
#[cfg(feature = "files")]
pub(crate) fn say_not_run(why: &str) {
    // Not `eprintln!`: that is kept back when a test passes.
    let _closed = writeln!(std::io::stderr(), "NOT RUN: {why}");
}
