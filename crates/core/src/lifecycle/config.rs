//! The section `app`: how long starting and stopping may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Section, duration};

/// How the application starts and stops.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct AppConfig {
    /// How long each service may take until it is ready.
    #[serde(with = "duration")]
    pub start_deadline: Duration,
    /// How long the whole application may take to drain and stop after a signal.
    #[serde(with = "duration")]
    pub shutdown_deadline: Duration,
}

impl Default for AppConfig {
    fn default() -> Self {
        Self { start_deadline: Duration::from_secs(30), shutdown_deadline: Duration::from_secs(30) }
    }
}

impl Section for AppConfig {
    const NAME: &'static str = "app";
}
