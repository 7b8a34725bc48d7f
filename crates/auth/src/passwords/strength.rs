//! Whether the settings of accounts are what one should be deployed with.

use std::time::Duration;

use mainstay_core::{Finding, Findings, Profile};
use mainstay_store::Quota;

use super::config::AuthConfig;

/// What costs an attacker as much, in KiB and passes (OWASP, "Password Storage Cheat Sheet").
const ENOUGH: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HOUR: f64 = 3600.0;

impl AuthConfig {
    /// `auth.W020` to `auth.W022`.
    pub(crate) fn before_deployment(&self, profile: &Profile, findings: &mut Findings) {
        if let Ok(params) = self.params(profile) {
            let (memory, passes) = (params.m_cost(), params.t_cost());
            if !ENOUGH.iter().any(|(enough, times)| memory >= *enough && passes >= *times) {
                let told = format!(
                    "a hash takes {memory} KiB and {passes} passes, which is less than OWASP advises"
                );
                let fix = "leave both out: 19456 KiB and 2 passes";
                findings.add(Finding::warning("auth.W020", told).at("auth.password_memory").fix(fix));
            }
        }
        if self.token_lifetime > 90 * DAY {
            let told = "a token is good for more than 90 days: so long a stolen one is, too";
            let fix = "set it to 30d, and let programs ask for a new one";
            findings.add(Finding::warning("auth.W021", told).at("auth.token_lifetime").fix(fix));
        }
        for (key, quota, most) in [
            ("auth.attempts", self.attempts, 200.0),
            ("auth.attempts_by_account", self.attempts_by_account, 2000.0),
            ("auth.attempts_by_address", self.attempts_by_address, 20_000.0),
            // Three codes of a million are good at a time.
            ("auth.second_factor_attempts", self.second_factor_attempts, 100.0),
        ] {
            let an_hour = in_an_hour(quota);
            if an_hour > most {
                let told = format!(
                    "{an_hour:.0} attempts an hour are let through: a password or a code can be guessed"
                );
                let fix = format!("leave it out, or let no more than {most:.0} an hour through");
                findings.add(Finding::warning("auth.W022", told).at(key).fix(fix));
            }
        }
    }
}

fn in_an_hour(quota: Quota) -> f64 {
    f64::from(quota.limit()) / quota.period().as_secs_f64() * HOUR
}
