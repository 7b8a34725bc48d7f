//! The section `jwt`.

use std::time::Duration;

use mainstay_core::check::{Finding, Findings};
use mainstay_core::config::{Problems, Section, duration};
use mainstay_core::{Assembly, Profile};
use serde::{Deserialize, Serialize};

use super::algorithm::Algorithm;
use super::keys::PUBLISHED;

/// `[jwt]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct JwtConfig {
    /// Who makes the tokens: the claim `iss`. Usually the address of the application, `https://shop.example`. Production needs it.
    pub issuer: Option<String>,
    /// For whom they are: the claim `aud`. Unless it is set, the issuer.
    pub audience: Option<String>,
    /// How they are signed: `ES256` or `EdDSA`.
    pub algorithm: Algorithm,
    /// How long an access token is good.
    #[serde(with = "duration")]
    pub access_lifetime: Duration,
    /// How long a refresh token is good: who does not come back for this long has to sign in again.
    #[serde(with = "duration")]
    pub refresh_lifetime: Duration,
    /// How long a device stays signed in at most, however often it comes back.
    #[serde(with = "duration")]
    pub sign_in_lifetime: Duration,
    /// How long after its use a refresh token may be sent once more, by a client that has not got the answer.
    #[serde(with = "duration")]
    pub retry_grace: Duration,
    /// How far clocks may be apart.
    #[serde(with = "duration")]
    pub leeway: Duration,
    /// How long a process believes what it has found out about an access token: after this long at most, one of a device that was
    /// signed out elsewhere is refused. `0` asks the database at every request.
    #[serde(with = "duration")]
    pub recheck: Duration,
    /// How many tokens a process remembers.
    pub remembered: usize,
    /// How long tokens are signed with one key.
    #[serde(with = "duration")]
    pub rotation: Duration,
    /// How often a process looks for keys that others have made.
    #[serde(with = "duration")]
    pub key_refresh: Duration,
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for JwtConfig {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: None,
            algorithm: Algorithm::Es256,
            access_lifetime: MINUTE * 15,
            refresh_lifetime: DAY * 30,
            sign_in_lifetime: DAY * 180,
            retry_grace: Duration::from_secs(10),
            leeway: Duration::from_secs(30),
            recheck: Duration::from_secs(30),
            remembered: 10_000,
            rotation: DAY * 90,
            key_refresh: MINUTE,
        }
    }
}

impl JwtConfig {
    /// Who makes the tokens.
    pub fn issuer(&self) -> &str {
        self.issuer.as_deref().unwrap_or("http://localhost")
    }

    /// For whom they are.
    pub fn audience(&self) -> &str {
        self.audience.as_deref().unwrap_or_else(|| self.issuer())
    }

    /// How long before its first use a key is made: every process has to know it by then, and everybody who keeps the published
    /// keys for as long as they are told.
    pub(super) fn lead(&self) -> Duration {
        (self.key_refresh + PUBLISHED) * 2
    }
}

impl Section for JwtConfig {
    const NAME: &'static str = "jwt";

    fn validate(&self, problems: &mut Problems) {
        if !matches!(self.algorithm, Algorithm::Es256 | Algorithm::EdDsa) {
            problems.add(
                "algorithm",
                "must be ES256 or EdDSA: others are only checked",
                Some("leave it out: ES256"),
            );
        }
        for (key, time) in [
            ("access_lifetime", self.access_lifetime),
            ("refresh_lifetime", self.refresh_lifetime),
            ("sign_in_lifetime", self.sign_in_lifetime),
            ("key_refresh", self.key_refresh),
        ] {
            if time.is_zero() {
                problems.add(key, "must not be 0", None);
            }
        }
        if self.retry_grace > MINUTE {
            problems.add(
                "retry_grace",
                "must be at most 1m: for so long, a stolen refresh token would be good beside its successor",
                None,
            );
        }
        if self.leeway > MINUTE * 5 {
            problems.add("leeway", "must be at most 5m: set the clocks", None);
        }
        if self.rotation < self.lead() * 2 {
            let least = duration::format(self.lead() * 2);
            problems.add(
                "rotation",
                format!("must be at least {least}: a key is made and published before it is used"),
                None,
            );
        }
        if self.issuer.as_deref() == Some("") || self.audience.as_deref() == Some("") {
            problems.add("issuer", "and `audience` must not be empty", None);
        }
    }
}

/// `auth.E021`: production has no issuer.
pub(super) fn find_issuer(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<JwtConfig>() else { return };
    if assembly.profile == Profile::Production && config.issuer.is_none() {
        findings.add(
            Finding::error("auth.E021", "tokens are made, and nobody has said who makes them")
                .at("jwt.issuer")
                .fix("set it to the address of the application: issuer = \"https://shop.example\""),
        );
    }
}
