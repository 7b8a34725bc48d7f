//! The section `auth`.

use std::time::Duration;

use argon2::Params;
use mainstay_core::config::{Problems, Section, duration};
use mainstay_core::{Error, Profile, Result};
use mainstay_store::Quota;
use serde::{Deserialize, Serialize};

/// `[auth]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthConfig {
    /// How many characters a password has that somebody chooses, at least.
    pub password_min_length: usize,
    /// How much memory a hash takes, in KiB. Unless it is set: 19456, as OWASP advises; in tests 64, so that they are quick.
    pub password_memory: Option<u32>,
    /// How many times a hash passes over that memory.
    pub password_passes: u32,
    /// How many passwords are hashed at a time, each on a thread of its own. 0: half as many as there are processors.
    pub password_threads: usize,
    /// How long a token is good.
    #[serde(with = "duration")]
    pub token_lifetime: Duration,
    /// How often somebody may try to sign in to one account from one address, whether it exists or not.
    pub attempts: Quota,
    /// How often that may be tried for one account from anywhere.
    pub attempts_by_account: Quota,
    /// How often it may be tried from one address for any account.
    pub attempts_by_address: Quota,
    /// How many codes of a second factor may be tried for one account.
    pub second_factor_attempts: Quota,
    /// Roles whose accounts are signed in only with a second factor.
    pub second_factor_roles: Vec<String>,
    /// How many mails of the pages of accounts go to one address.
    pub mails_by_address: Quota,
    /// How long a link is good that was sent by mail.
    #[serde(with = "duration")]
    pub link_lifetime: Duration,
    /// How long somebody may take to follow the link of their registration.
    #[serde(with = "duration")]
    pub registration_lifetime: Duration,
    /// For how long a password that was typed is proof enough for what matters: see [`Proven`](crate::Proven).
    #[serde(with = "duration")]
    pub proof_lifetime: Duration,
    /// Where a browser goes that has signed in, unless the request says.
    pub after_login: String,
    /// Whether passwords are refused that were stolen elsewhere: `[auth.breached_passwords]`.
    #[cfg(feature = "breached-passwords")]
    pub breached_passwords: BreachedPasswordsConfig,
    /// With whom people may sign in: `[auth.providers.google]`.
    #[cfg(feature = "social-login")]
    pub providers: crate::social::ProvidersConfig,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            password_min_length: 8,
            password_memory: None,
            password_passes: Params::DEFAULT_T_COST,
            password_threads: 0,
            token_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            attempts: Quota::new(10, Duration::from_secs(15 * 60)),
            attempts_by_account: Quota::new(100, Duration::from_secs(15 * 60)),
            attempts_by_address: Quota::new(100, Duration::from_secs(15 * 60)),
            second_factor_attempts: Quota::new(5, Duration::from_secs(15 * 60)),
            second_factor_roles: Vec::new(),
            mails_by_address: Quota::new(5, Duration::from_secs(60 * 60)),
            link_lifetime: Duration::from_secs(30 * 60),
            registration_lifetime: Duration::from_secs(24 * 60 * 60),
            proof_lifetime: Duration::from_secs(15 * 60),
            after_login: "/".to_owned(),
            #[cfg(feature = "breached-passwords")]
            breached_passwords: BreachedPasswordsConfig::default(),
            #[cfg(feature = "social-login")]
            providers: Default::default(),
        }
    }
}

/// `[auth.breached_passwords]`: passwords that were found where passwords were stolen.
#[cfg(feature = "breached-passwords")]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct BreachedPasswordsConfig {
    /// Whether they may not be chosen. Off, since somebody else is asked: of each password that is to be chosen, five digits of its hash go
    /// to Have I Been Pwned, or to the mirror that is the `base` of `[outbound.breached_passwords]`.
    pub check: bool,
    /// How often one has to have been found.
    pub min_count: u32,
    /// What becomes of a password while the service does not answer.
    pub when_unavailable: Unavailable,
}

#[cfg(feature = "breached-passwords")]
impl Default for BreachedPasswordsConfig {
    fn default() -> Self {
        Self { check: false, min_count: 1, when_unavailable: Unavailable::Accept }
    }
}

/// What becomes of a password that the service for breached passwords says nothing about: it is slow, down, or makes no sense.
#[cfg(feature = "breached-passwords")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unavailable {
    /// It may be chosen, and a warning is in the log: nobody is kept from registering by an outage elsewhere.
    #[default]
    Accept,
    /// It may not, for now: 503.
    Refuse,
}

impl Section for AuthConfig {
    const NAME: &'static str = "auth";

    fn validate(&self, problems: &mut Problems) {
        #[cfg(feature = "social-login")]
        self.providers.validate(problems);
        if self.password_memory.is_some_and(|memory| memory < Params::MIN_M_COST) {
            let least = Params::MIN_M_COST;
            problems.add("password_memory", format!("must be at least {least}"), Some("leave it out: 19456"));
        }
        if !(6..=128).contains(&self.password_min_length) {
            problems.add("password_min_length", "must be from 6 to 128", Some("leave it out: 8"));
        }
        if self.password_passes == 0 {
            problems.add("password_passes", "must be at least 1", None);
        }
        #[cfg(feature = "breached-passwords")]
        if self.breached_passwords.min_count == 0 {
            let fix = Some("leave it out: 1");
            problems.add(
                "breached_passwords.min_count",
                "must be at least 1: no password could be chosen",
                fix,
            );
        }
        if self.token_lifetime.is_zero() {
            problems.add("token_lifetime", "must not be 0: no token would ever be good", None);
        }
    }
}

impl AuthConfig {
    /// How a hash is made.
    pub(super) fn params(&self, profile: &Profile) -> Result<Params> {
        let usual = if *profile == Profile::Test { QUICK } else { Params::DEFAULT_M_COST };
        let memory = self.password_memory.unwrap_or(usual);
        Params::new(memory, self.password_passes, 1, None)
            .map_err(|error| Error::internal(format!("`auth.password_*`: {error}")))
    }

    pub(super) fn threads(&self) -> usize {
        if self.password_threads > 0 {
            return self.password_threads;
        }
        std::thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2))
    }
}

/// The memory of a hash in tests, in KiB.
const QUICK: u32 = 64;
