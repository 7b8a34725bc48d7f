//! Where a value was said.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a value comes from, as precisely as a person needs to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody said anything: the default in code.
    Default,
    /// A configuration file.
    File {
        /// The file, from the current folder where it lies within.
        path: Arc<Path>,
        /// Counted from 1.
        line: usize,
    },
    /// A file of credentials. What it says is not shown.
    Credentials {
        /// The file, from the current folder where it lies within.
        path: Arc<Path>,
        /// Counted from 1, in what is sealed.
        line: usize,
    },
    /// A variable in `.env`.
    Dotenv {
        /// The file, from the current folder where it lies within.
        path: Arc<Path>,
        /// Counted from 1.
        line: usize,
        /// The variable.
        name: Arc<str>,
    },
    /// A variable of the process's environment.
    Variable {
        /// The variable.
        name: Arc<str>,
    },
    /// `--set key=value`.
    CommandLine {
        /// The whole key, `http.port`.
        key: Arc<str>,
    },
    /// Set from code, by a test.
    Override {
        /// The whole key, `http.port`.
        key: Arc<str>,
    },
}

impl Origin {
    /// Whether what is said there is secret, whatever it is.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self, Self::Credentials { .. })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } | Self::Credentials { path, line } => {
                write!(f, "{}:{line}", path.display())
            }
            Self::Dotenv { path, line, name } => write!(f, "{}:{line} ({name})", path.display()),
            Self::Variable { name } => write!(f, "environment variable {name}"),
            Self::CommandLine { key } => write!(f, "command line, --set {key}"),
            Self::Override { key } => write!(f, "override of {key} in code"),
        }
    }
}
