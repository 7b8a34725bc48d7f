//! The section `roles`.

use std::time::Duration;

use mainstay_core::config::{Problems, Section, duration};
use serde::{Deserialize, Serialize};

/// `[roles]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct RolesConfig {
    /// For how long a process remembers what an account is entitled to. What this process changes, it knows at once; what another one
    /// changes, it knows after that time at the latest. `0s`: it asks at every request.
    #[serde(with = "duration")]
    pub remembered: Duration,
    /// For how many accounts it does, at most.
    pub remembered_accounts: usize,
}

impl Default for RolesConfig {
    fn default() -> Self {
        Self { remembered: Duration::from_secs(5), remembered_accounts: 10_000 }
    }
}

/// Longer than this, a role that was taken away would be one that is still there.
const LONGEST: Duration = Duration::from_secs(5 * 60);

impl Section for RolesConfig {
    const NAME: &'static str = "roles";

    fn validate(&self, problems: &mut Problems) {
        if self.remembered > LONGEST {
            let fix = Some("leave it out: 5s");
            problems.add(
                "remembered",
                "must be at most 5m: so long may what was taken away still be used",
                fix,
            );
        }
    }
}
