//! The configuration section `database`.

use std::time::Duration;

use mainstay_core::config::{Problems, Section, duration};
use serde::{Deserialize, Serialize, Serializer};

use crate::engine;

/// `[database]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct DatabaseConfig {
    /// Where it is: `sqlite:data/app.db` (from the application's home), `sqlite:///var/lib/app.db`, `sqlite::memory:`.
    #[serde(serialize_with = "without_password")]
    pub url: String,
    /// The most connections that read, each in a thread of its own. 0: one for each processor, from 2 to 8.
    pub connections: usize,
    /// How long a statement or a transaction waits for its turn.
    #[serde(with = "duration")]
    pub acquire_timeout: Duration,
    /// How long a statement may run.
    #[serde(with = "duration")]
    pub statement_timeout: Duration,
    /// How long a transaction may be open.
    #[serde(with = "duration")]
    pub transaction_timeout: Duration,
    /// A statement that takes longer is logged as a warning.
    #[serde(with = "duration")]
    pub slow_query: Duration,
    /// Whether tables that are missing are made at start. Unless it is set: in development and in tests.
    pub auto_create: Option<bool>,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: "sqlite:data/app.db".to_owned(),
            connections: 0,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            transaction_timeout: Duration::from_secs(5),
            slow_query: Duration::from_millis(200),
            auto_create: None,
        }
    }
}

impl Section for DatabaseConfig {
    const NAME: &'static str = "database";
    const ALIASES: &'static [(&'static str, &'static str)] = &[("DATABASE_URL", "url")];

    fn validate(&self, problems: &mut Problems) {
        if let Err(why) = engine::recognise(&self.url) {
            problems.add(
                "url",
                why,
                Some("write `sqlite:data/app.db`, or `sqlite::memory:` for one that does not stay"),
            );
        }
        let limits = [
            ("acquire_timeout", self.acquire_timeout),
            ("statement_timeout", self.statement_timeout),
            ("transaction_timeout", self.transaction_timeout),
        ];
        for (key, limit) in limits {
            if limit.is_zero() {
                problems.add(key, "must not be 0: nothing could ever run", None);
            }
        }
    }
}

impl DatabaseConfig {
    pub(super) fn pool(&self) -> engine::Pool {
        engine::Pool {
            connections: (self.connections > 0).then_some(self.connections),
            acquire_timeout: Some(self.acquire_timeout),
            statement_timeout: Some(self.statement_timeout),
            transaction_timeout: Some(self.transaction_timeout),
        }
    }
}

fn without_password<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&engine::without_credentials(url))
}
