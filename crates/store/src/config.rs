//! The section `store`.

use std::path::PathBuf;
use std::time::Duration;

use mainstay_core::config::{Problems, Section, bytes, duration};
use serde::{Deserialize, Serialize, Serializer};

/// `[store]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreConfig {
    /// Where things are kept: `memory:`, in this process; or on a server, `redis://user:password@host:port/database`, `rediss://…`
    /// where it speaks TLS.
    #[serde(serialize_with = "scheme_only")]
    pub url: String,
    /// Where locks are: `memory:`, `database:`, or on a Redis server. Unless it is set, in the database where the application has
    /// said `.database_locks()`, else where `url` says.
    #[serde(serialize_with = "scheme_only_of_some")]
    pub locks: Option<String>,
    /// What keys on a server begin with. Unless it is set, the name of the application.
    pub prefix: Option<String>,
    /// The file of an authority of certificates that a server of one's own is trusted by, beside those of the web.
    pub ca: Option<PathBuf>,
    /// How long an answer of a server may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// How many counts there is room for in memory. One takes about 200 bytes.
    pub capacity: usize,
    /// How much memory values may take, with their keys and tags.
    #[serde(with = "bytes")]
    pub max_bytes: u64,
    /// How much memory values may take that were read on a server and are kept in this process, too. 0: none is.
    #[serde(with = "bytes")]
    pub near_bytes: u64,
    /// How long such a value is kept: it may be out of date for so long.
    #[serde(with = "duration")]
    pub near_for: Duration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: MEMORY.to_owned(),
            locks: None,
            prefix: None,
            ca: None,
            timeout: Duration::from_secs(1),
            capacity: 100_000,
            max_bytes: 64 << 20,
            near_bytes: 0,
            near_for: Duration::from_secs(1),
        }
    }
}

pub(crate) const MEMORY: &str = "memory:";
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60);

impl StoreConfig {
    #[cfg(feature = "redis")]
    fn validate_url(&self, problems: &mut Problems) {
        use crate::redis::{NotAnAddress, RedisAddress};

        if self.url == MEMORY {
            return;
        }
        match self.url.parse::<RedisAddress>() {
            Ok(_) => {}
            Err(NotAnAddress::OtherScheme) => {
                let fix =
                    "write `memory:`, the store in the memory of this process, or `redis://host:6379/0`";
                problems.add("url", "names no store that there is", Some(fix));
            }
            Err(why) => {
                problems.add("url", format!("is not usable: {why}"), Some("such as redis://host:6379/0"));
            }
        }
    }

    #[cfg(not(feature = "redis"))]
    fn validate_url(&self, problems: &mut Problems) {
        if self.url.starts_with("redis:") || self.url.starts_with("rediss:") {
            let fix = "add the feature `redis` of mainstay, or write `memory:`";
            problems.add("url", "names a Redis server, which this program was built without", Some(fix));
        } else if self.url != MEMORY {
            let fix = "write `memory:`, the store in the memory of this process";
            problems.add("url", "names no store that there is", Some(fix));
        }
    }
}

/// Another engine is known to the application, and is looked for when it starts.
#[cfg(feature = "redis")]
fn validate_locks(url: &str, problems: &mut Problems) {
    use crate::redis::{NotAnAddress, RedisAddress};

    match url.parse::<RedisAddress>() {
        Ok(_) | Err(NotAnAddress::OtherScheme) => {}
        Err(why) => {
            problems.add("locks", format!("is not usable: {why}"), Some("such as redis://host:6379/0"));
        }
    }
}

#[cfg(not(feature = "redis"))]
fn validate_locks(_: &str, _: &mut Problems) {}

impl Section for StoreConfig {
    const NAME: &'static str = "store";
    const ALIASES: &'static [(&'static str, &'static str)] = &[("STORE_URL", "url")];

    fn validate(&self, problems: &mut Problems) {
        self.validate_url(problems);
        if let Some(url) = &self.locks {
            validate_locks(url, problems);
        }
        let may_begin = |prefix: &str| {
            (1..=64).contains(&prefix.len())
                && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if self.prefix.as_deref().is_some_and(|prefix| !may_begin(prefix)) {
            let fix = "write up to 64 letters, digits, `-`, `_` and `.`, such as `shop`";
            problems.add("prefix", "is nothing that a key can begin with", Some(fix));
        }
        if !(SHORTEST..=LONGEST).contains(&self.timeout) {
            problems.add("timeout", "must be from 10ms to 1m", Some("leave it out: 1s"));
        }
        if !(SHORTEST..=LONGEST).contains(&self.near_for) {
            problems.add("near_for", "must be from 10ms to 1m", Some("leave it out: 1s"));
        }
        if self.capacity == 0 {
            problems.add(
                "capacity",
                "must be at least 1: nothing could be kept",
                Some("leave it out: 100000"),
            );
        }
        if self.max_bytes == 0 {
            problems.add(
                "max_bytes",
                "must be at least 1: nothing could be kept",
                Some("leave it out: 64MiB"),
            );
        }
    }
}

/// What follows the scheme may be a password.
fn shown(url: &str) -> String {
    match url.split_once(':') {
        Some((scheme, "")) => format!("{scheme}:"),
        Some((scheme, _)) => format!("{scheme}:…"),
        None => "…".to_owned(),
    }
}

fn scheme_only<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown(url))
}

fn scheme_only_of_some<S: Serializer>(url: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    url.as_deref().map(shown).serialize(serializer)
}
