//! What the application says while it runs: `tracing` events, one line each, on standard error.
//!
//! In development a line is made for people, in production for machines (JSON). The section `log` sets the format and the
//! level, also for one module and what is below it:
//!
//! ```toml
//! [log]
//! level = "info"
//! levels = { mainstay_http = "debug", "shop::checkout" = "trace" }
//! ```
//!
//! [`Levels`] changes the levels while the application runs; in production, SIGHUP reads them from the configuration
//! again. A span of level info or above is kept at every level but
//! `off`, so that a lone warning still names the request that it belongs to.
//!
//! The subscriber is our own because spans must be nearly free: every request has one, and hardly any is ever printed.
//! So a span's fields are kept as they came (`fields`) and become text only when an event within it is written (`line`,
//! `pretty`, `json`). Formatting them when the span opens, as `tracing_subscriber::fmt` does, costs a third of the CPU of
//! a small request. For the same reason a call site is judged once (`levels`), not each time it is passed.
//!
//! A field whose name is that of a secret (see [`redaction`](crate::redaction)), or stands in `log.redact`, is written without its value.
//! What is part of a message is not known by a name: no secret belongs into one.
//!
//! Whatever a user can put into a value cannot make a second line, move the cursor or turn the text around: control
//! characters are escaped in both formats.

mod config;
mod fields;
mod json;
mod layer;
mod levels;
mod line;
mod pretty;
pub(crate) mod reload;
mod sink;
mod timestamp;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt;

pub(crate) use config::before_deployment;
pub use config::{LogConfig, LogFormat, LogLevel};
pub use layer::LogLayer;
pub use levels::Levels;

use crate::Profile;

/// The running log.
#[derive(Clone, Debug)]
pub struct Logging {
    levels: Levels,
}

impl Logging {
    /// The handle that changes the levels.
    pub fn levels(&self) -> &Levels {
        &self.levels
    }
}

/// Starts to log, for the rest of the process.
///
/// Only the first call does: several applications may run in one process (tests do), and it has one log. When the program
/// has set its own `tracing` subscriber before, that one stays.
pub fn init(config: &LogConfig, profile: &Profile) -> Logging {
    static FIRST: OnceLock<Logging> = OnceLock::new();
    let start = || {
        let layer = LogLayer::new(config, profile);
        let logging = Logging { levels: layer.levels().clone() };
        let json = config.format.resolve(profile) == LogFormat::Json;
        let installed = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer));
        if installed.is_ok() && json {
            log_panics();
        }
        logging
    };
    FIRST.get_or_init(start).clone()
}

/// Panics as events: what the standard hook prints is not JSON, and does not say in which request it was.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let backtrace = std::backtrace::Backtrace::capture();
        let backtrace = (backtrace.status() == std::backtrace::BacktraceStatus::Captured)
            .then(|| tracing::field::display(backtrace));
        tracing::error!(
            target: "panic",
            place = panic.location().map(tracing::field::display),
            thread = thread.name(),
            backtrace,
            "panicked: {}",
            panic.payload_as_str().unwrap_or("(not a text)"),
        );
    }));
}
