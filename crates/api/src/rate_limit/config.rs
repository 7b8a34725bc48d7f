//! The section `rate_limits`.

use std::collections::BTreeMap;

use mainstay_core::config::{Problems, Section};
use mainstay_store::Quota;
use serde::{Deserialize, Serialize};

/// `[rate_limits]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct RateLimitsConfig {
    /// Whether requests are counted at all.
    pub enabled: bool,
    /// What becomes of a request that cannot be counted, because the store is out of reach.
    pub when_store_fails: WhenStoreFails,
    /// Whether answers say it in `X-RateLimit-Limit`, `-Remaining` and `-Reset` as well.
    pub legacy_headers: bool,
    /// Quotas of limits that have a name, instead of those in the code: `login = "10/m, 100/h"`.
    pub quotas: BTreeMap<String, String>,
}

/// What becomes of a request that cannot be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenStoreFails {
    /// It is let through: the service goes on without its limits.
    #[default]
    Allow,
    /// It is answered with 503: nothing happens that is not counted.
    Refuse,
}

impl Default for RateLimitsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            when_store_fails: WhenStoreFails::default(),
            legacy_headers: false,
            quotas: BTreeMap::new(),
        }
    }
}

impl RateLimitsConfig {
    /// The quotas that are set, by the names of their limits.
    pub(super) fn read_quotas(&self) -> BTreeMap<String, Vec<Quota>> {
        // That they can be read was seen at start.
        self.quotas.iter().filter_map(|(name, text)| Some((name.clone(), read(text).ok()?))).collect()
    }
}

fn read(text: &str) -> Result<Vec<Quota>, mainstay_store::quota::NotAQuota> {
    text.split(',').map(str::parse).collect()
}

impl Section for RateLimitsConfig {
    const NAME: &'static str = "rate_limits";

    fn validate(&self, problems: &mut Problems) {
        for (name, text) in &self.quotas {
            if let Err(why) = read(text) {
                let fix = "write `10/m`, or several with commas between: `10/m, 100/h`";
                problems.add(&format!("quotas.{name}"), format!("cannot be read: {why}"), Some(fix));
            }
        }
    }
}
