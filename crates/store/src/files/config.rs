//! The section `files`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use mainstay_core::Profile;
use mainstay_core::config::{Problems, Secret, Section, duration};
use mainstay_core::driver::scheme_of;
use serde::{Deserialize, Serialize, Serializer};

/// `[files]`.
///
/// ```toml
/// [files]
/// url = "s3://shop-files/production?region=eu-central-1"
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct FilesConfig {
    /// Where files are kept: `file:var/files`, `s3://bucket/folder?region=…`, `memory:`, or the address of another store. By default, in
    /// development `file:var/files`, in tests `memory:`. Elsewhere it has to be set.
    #[serde(serialize_with = "without_settings")]
    pub url: Option<String>,
    /// How long a URL of a file holds, unless the program says something else; up to a week.
    #[serde(with = "duration")]
    pub url_lifetime: Duration,
    /// How long a file waits to be attached to something before it is deleted.
    #[serde(with = "duration")]
    pub attach_within: Duration,
    /// How large a file may be that is sent straight into the store, where its rules set no limit.
    #[serde(with = "mainstay_core::config::bytes")]
    pub most_bytes: u64,
    /// How long a server may be silent before it is given up, and how long it may take until it takes a connection.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Who this application is to S3. Without, what the environment says to every program (`AWS_ACCESS_KEY_ID` and its like), or the
    /// role of the machine.
    pub access_key_id: Option<String>,
    /// The secret that belongs to it.
    pub secret_access_key: Option<Secret<String>>,
    /// The token of a session, where keys are lent for a while.
    pub session_token: Option<Secret<String>>,
    /// The file of an authority of certificates that an S3 server of one's own is trusted by, beside those of the web.
    pub ca: Option<PathBuf>,
}

impl Default for FilesConfig {
    fn default() -> Self {
        Self {
            url: None,
            url_lifetime: super::Files::LIFETIME,
            attach_within: Duration::from_secs(24 * 60 * 60),
            most_bytes: 1 << 30,
            timeout: Duration::from_secs(30),
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            ca: None,
        }
    }
}

impl FilesConfig {
    /// Where files are kept in this profile.
    pub fn url(&self, profile: &Profile) -> Option<&str> {
        match (&self.url, profile) {
            (Some(url), _) => Some(url),
            (None, Profile::Development) => Some("file:var/files"),
            (None, Profile::Test) => Some("memory:"),
            (None, _) => None,
        }
    }
}

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const LONGEST: Duration = Duration::from_secs(36_500 * 24 * 60 * 60);

impl Section for FilesConfig {
    const NAME: &'static str = "files";

    fn validate(&self, problems: &mut Problems) {
        #[cfg(feature = "s3")]
        if let Some(url) = self.url.as_deref().filter(|url| scheme_of(url) == super::s3::SCHEME)
            && let Err(why) = url.parse::<super::s3::Bucket>()
        {
            let fix = "write it as s3://bucket/folder?region=eu-central-1";
            problems.add("url", format!("is not usable: {why}"), Some(fix));
        }
        #[cfg(not(feature = "s3"))]
        if self.url.as_deref().is_some_and(|url| scheme_of(url) == "s3") {
            let fix = "add the feature `s3` of mainstay";
            problems.add("url", "names a bucket of S3, which this program was built without", Some(fix));
        }
        if self.url_lifetime.is_zero() || self.url_lifetime > WEEK {
            problems.add("url_lifetime", "must be more than 0, and not more than a week", Some("10m"));
        }
        // A form is filled in, and a transaction ends.
        if !(Duration::from_secs(60)..=LONGEST).contains(&self.attach_within) {
            problems.add("attach_within", "must be from 1m to 36500d", Some("leave it out: 1d"));
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(600)).contains(&self.timeout) {
            problems.add("timeout", "must be from 100ms to 10m", Some("leave it out: 30s"));
        }
        let has = (self.access_key_id.is_some(), self.secret_access_key.is_some());
        if has.0 != has.1 || (self.session_token.is_some() && !has.0) {
            let fix = "set both, or neither: then those of the environment count";
            problems.add("access_key_id", "and `files.secret_access_key` belong together", Some(fix));
        }
    }
}

/// Without the keys.
impl fmt::Debug for FilesConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilesConfig")
            .field("url", &self.url.as_deref().map(shown))
            .field("url_lifetime", &self.url_lifetime)
            .field("attach_within", &self.attach_within)
            .field("most_bytes", &self.most_bytes)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The address of a store that somebody else has made may have a password: of those nothing but the beginning is shown.
pub(crate) fn shown(url: &str) -> String {
    match scheme_of(url) {
        "file" | "memory" => url.to_owned(),
        "s3" if !url.contains('@') => url.to_owned(),
        scheme => format!("{scheme}:…"),
    }
}

fn without_settings<S: Serializer>(url: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    url.as_deref().map(shown).serialize(serializer)
}
