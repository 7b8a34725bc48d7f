//! From the first line of `main` to the last: build, start, ready, drain, stop in reverse.

mod config;
mod hook;

pub use config::AppConfig;
pub use hook::{Hook, Moment};
