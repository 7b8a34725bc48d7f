//! Where the application runs: development, test or production.

use std::fmt;

/// A profile chooses the configuration file beside `default.toml`, the log format, and what is shown to whom.
///
/// It is taken from `--profile`, else from `MAINSTAY_PROFILE`, else a debug build is in development and a release
/// build in production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// On a developer's machine: readable logs, error pages with source, tables made from the models.
    Development,
    /// In tests: quiet, temporary, repeatable.
    Test,
    /// Where real users are.
    Production,
    /// Another name (`staging`): behaves as production, with a configuration file of its own.
    Custom(String),
}

impl Profile {
    /// The profile of that name.
    pub fn named(name: &str) -> Self {
        match name {
            "development" | "dev" => Self::Development,
            "test" => Self::Test,
            "production" | "prod" => Self::Production,
            other => Self::Custom(other.to_owned()),
        }
    }

    /// What a build is in when nothing else is said.
    pub fn of_this_build() -> Self {
        if cfg!(debug_assertions) { Self::Development } else { Self::Production }
    }

    /// Its name, as in `config/<name>.toml`.
    pub fn name(&self) -> &str {
        match self {
            Self::Development => "development",
            Self::Test => "test",
            Self::Production => "production",
            Self::Custom(name) => name,
        }
    }

    /// Whether internals may be shown to whoever asks. Only in development.
    pub fn is_development(&self) -> bool {
        *self == Self::Development
    }

    /// Whether it must be as strict as production. Every profile but development and test.
    pub fn is_production(&self) -> bool {
        !matches!(self, Self::Development | Self::Test)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
