//! The section `log`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tracing::level_filters::LevelFilter;

use crate::config::Section;
use crate::{Finding, Findings, Profile};

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
    /// Names of fields whose values are not written, besides those that [look like secrets](crate::redaction::is_secret).
    pub redact: Vec<String>,
}

/// `log.W001`: in production, the log tells more than it needs to.
pub(crate) fn before_deployment(config: &LogConfig, findings: &mut Findings) {
    let talks = |level: &LogLevel| matches!(level, LogLevel::Debug | LogLevel::Trace);
    let all = std::iter::once(("log.level".to_owned(), &config.level))
        .chain(config.levels.iter().map(|(module, level)| (format!("log.levels.{module}"), level)));
    for (key, level) in all.filter(|(_, level)| talks(level)) {
        let told = format!(
            "the level is {level:?}: the log tells of what people send, and what libraries do with it"
        );
        findings.add(Finding::warning("log.W001", told.to_lowercase()).at(key).fix(
            "leave it at info; SIGHUP reads the levels again, so that another one can be set for a while",
        ));
    }
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
