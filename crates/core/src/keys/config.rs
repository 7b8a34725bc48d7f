//! The section `keys`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::store::find_driver;
use crate::assembly::Assembly;
use crate::config::{Problems, Secret, Section, duration};
use crate::{Finding, Findings, Profile};

const HOW_TO_MAKE_ONE: &str = "make one with `openssl rand -base64 48` and set MAINSTAY__KEYS__SECRET to it, the same on \
                               every server; keep it out of the repository";

/// The section `keys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct KeysConfig {
    /// From which every key is derived, and by which a ring is sealed: at least 32 random characters.
    pub secret: Option<Secret<String>>,
    /// Secrets of before. What was made with them is still read, and nothing is made with them any more.
    pub previous: Vec<Secret<String>>,
    /// Where a ring of keys is kept that are changed from time to time: `file:keys/ring`, `database`, or the address of another store.
    /// Without one there is one key, that of the secret.
    pub ring: Option<String>,
    /// How long something is made with a key of the ring. What was made with it is read for longer: until it is revoked.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// How often a process looks whether the ring has changed.
    #[serde(with = "duration")]
    pub refresh: Duration,
}

impl Default for KeysConfig {
    fn default() -> Self {
        Self {
            secret: None,
            previous: Vec::new(),
            ring: None,
            lifetime: Duration::from_secs(90 * 24 * 60 * 60),
            refresh: Duration::from_secs(60),
        }
    }
}

impl Section for KeysConfig {
    const NAME: &'static str = "keys";

    fn validate(&self, problems: &mut Problems) {
        if let Some(secret) = &self.secret {
            validate_secret("secret", secret.expose(), problems);
        }
        for secret in &self.previous {
            validate_secret("previous", secret.expose(), problems);
        }
        if self.refresh.is_zero() {
            problems.add("refresh", "must not be 0", None);
        }
        if self.lifetime < self.refresh * 10 {
            let message = "must be at least ten times `keys.refresh`: every process has to know a key before it is used";
            problems.add("lifetime", message, None);
        }
    }
}

fn validate_secret(key: &str, secret: &str, problems: &mut Problems) {
    if let Some(why) = weakness(secret) {
        problems.add(key, why, Some(HOW_TO_MAKE_ONE));
    }
}

/// Why a secret is none.
pub(crate) fn weakness(secret: &str) -> Option<String> {
    let secret = secret.as_bytes();
    if secret.len() < 32 {
        Some(format!("must have at least 32 characters, but has {}", secret.len()))
    } else if secret.iter().collect::<BTreeSet<_>>().len() < 10 {
        Some("can be guessed: it has hardly any different characters".to_owned())
    } else {
        None
    }
}

/// Whether an application can have the keys that something in it needs. The start runs it where anything takes
/// [`Keys`](super::Keys) from the container; to be run where that is known in another way.
pub fn check_needed(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<KeysConfig>() else { return };
    findings.extend(check(&config, &assembly.profile));
    if let Some(url) = &config.ring {
        find_driver(&assembly.contributions, url, findings);
    }
}

/// Whether keys can be had.
pub(super) fn check(config: &KeysConfig, profile: &Profile) -> Findings {
    let mut findings = Findings::default();
    if config.secret.is_none() {
        let finding = if config.ring.is_some() {
            Finding::error(
                "keys.E001",
                "`keys.secret` is not set, and without it the ring of `keys.ring` cannot be opened",
            )
        } else if profile.is_production() {
            Finding::error(
                "keys.E001",
                "`keys.secret` is not set, and without it nothing can be signed or sealed",
            )
        } else {
            Finding::warning(
                "keys.W001",
                "`keys.secret` is not set: signed and sealed data is void after a restart",
            )
        };
        findings.add(finding.at("keys.secret").fix(HOW_TO_MAKE_ONE));
    }
    findings
}
