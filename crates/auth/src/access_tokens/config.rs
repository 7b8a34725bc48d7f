//! The section `access_tokens`.

use std::time::Duration;

use mainstay_core::config::{Problems, Section, duration};
use serde::{Deserialize, Serialize};

use super::text;

/// `[access_tokens]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessTokensConfig {
    /// What every token begins with, before an underscore: two to sixteen small letters. One of your own lets scanners tell whose it is.
    /// Tokens that were made with another stay good.
    pub prefix: String,
    /// How long a token is good, unless its owner says.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// How long it may be good at most.
    #[serde(with = "duration")]
    pub max_lifetime: Duration,
    /// How many tokens an account may have at a time.
    pub max_tokens: u32,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for AccessTokensConfig {
    fn default() -> Self {
        Self { prefix: "mst".to_owned(), lifetime: DAY * 30, max_lifetime: DAY * 366, max_tokens: 100 }
    }
}

impl Section for AccessTokensConfig {
    const NAME: &'static str = "access_tokens";

    fn validate(&self, problems: &mut Problems) {
        if !text::is_prefix(&self.prefix) {
            problems.add("prefix", "must be two to sixteen small letters", Some("leave it out: mst"));
        }
        if self.lifetime.is_zero() {
            problems.add("lifetime", "must not be 0: no token would ever be good", None);
        }
        if self.lifetime > self.max_lifetime {
            problems.add("lifetime", "must not be longer than `max_lifetime`", None);
        }
        if self.max_tokens == 0 {
            problems.add("max_tokens", "must be at least 1", None);
        }
    }
}
