//! The section `log`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tracing::level_filters::LevelFilter;

use crate::Profile;
use crate::config::Section;

/// The section `log`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogConfig {
    /// What is written unless a module has its own level.
    pub level: LogLevel,
    /// Levels by module: the beginning of an event's target. The longest that fits counts.
    pub levels: BTreeMap<String, LogLevel>,
    /// How it is written.
    pub format: LogFormat,
}

impl Section for LogConfig {
    const NAME: &'static str = "log";
}

/// How bad an event must be to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// And what may be about to.
    Warn,
    /// And what is worth knowing in production.
    #[default]
    Info,
    /// And what helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::OFF,
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// For whom a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people in development and test, for machines in production.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// For machines: a JSON object a line.
    Json,
}

impl LogFormat {
    /// What `auto` means here.
    pub(super) fn resolve(self, profile: &Profile) -> Self {
        match self {
            Self::Auto if profile.is_production() => Self::Json,
            Self::Auto => Self::Pretty,
            chosen => chosen,
        }
    }
}
