//! The section `session`.

use std::time::Duration;

use mainstay_core::config::{Problems, Section, bytes, duration};
use serde::{Deserialize, Serialize};

use crate::respond::SameSite;

/// `[session]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionConfig {
    /// Where sessions are kept: `memory`, or the address of a store. Unless it is set, in what a module has added for it, else in memory.
    pub store: Option<String>,
    /// What the cookie is called. Over HTTPS its name begins with `__Host-` besides, so that nothing else can set it.
    pub cookie: String,
    /// Whether the cookie goes along when a link on another site leads here (`lax`), or not even then (`strict`).
    pub same_site: Along,
    /// After which time without a request a session ends. One that is remembered does not end so.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// After which time a session ends in any case: its owner has to sign in again.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// How long a process believes what it has found out about whose a session is: after this long at most, one that was ended by another
    /// process is refused. What it does itself, it knows at once. `0s` asks at every request.
    #[serde(with = "duration")]
    pub recheck: Duration,
    /// Of how many sessions a process remembers that.
    pub remembered: usize,
    /// How much may be remembered in one, as JSON.
    #[serde(with = "bytes")]
    pub max_bytes: u64,
}

/// Whether a cookie goes along from other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Along {
    /// With a link.
    Lax,
    /// Never.
    Strict,
}

impl From<Along> for SameSite {
    fn from(along: Along) -> Self {
        match along {
            Along::Lax => Self::Lax,
            Along::Strict => Self::Strict,
        }
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            store: None,
            cookie: "session".to_owned(),
            same_site: Along::Lax,
            idle_timeout: Duration::from_secs(DAY),
            lifetime: Duration::from_secs(30 * DAY),
            recheck: Duration::from_secs(5),
            remembered: 10_000,
            max_bytes: 64 * 1024,
        }
    }
}

/// A session that was ended elsewhere is not good for longer than this, and that a request has come with one is noted by the minute.
const LONGEST_RECHECK: Duration = Duration::from_secs(60);

impl Section for SessionConfig {
    const NAME: &'static str = "session";

    fn validate(&self, problems: &mut Problems) {
        let is_name = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if !is_name(&self.cookie) || self.cookie.starts_with("__") {
            let fix =
                "letters, digits, `-`, `_` and `.`, such as `session`; what begins with `__` is for browsers";
            problems.add("cookie", format!("`{}` is no name for it", self.cookie), Some(fix));
        }
        if self.recheck > LONGEST_RECHECK {
            let told = "must be at most 1m: so long may a session that was ended elsewhere still be used";
            problems.add("recheck", told, Some("leave it out: 5s"));
        }
        for (key, time) in [("idle_timeout", self.idle_timeout), ("lifetime", self.lifetime)] {
            if time.as_secs() == 0 {
                problems.add(key, "must be at least a second: no session would ever be found again", None);
            }
        }
    }
}
