//! The section `files`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use mainstay_core::Profile;
use mainstay_core::config::{Problems, Secret, Section, duration};
use mainstay_core::driver::scheme_of;
use mainstay_core::keys::base64;
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
    /// Where files are kept: `file:var/files`, `s3://bucket/folder?region=…`, `gs://bucket/folder`,
    /// `az://container/folder?account=…`, `memory:`, or the address of another store. By default, in
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
    /// Who this application is to Google: the file of a service account, from the home folder on. Without, what the environment says to
    /// every program (`GOOGLE_APPLICATION_CREDENTIALS` and its like), or the account of the machine.
    pub service_account: Option<PathBuf>,
    /// The same as the text of the file, for credentials that are kept elsewhere.
    pub service_account_key: Option<Secret<String>>,
    /// Who this application is to Azure: a key of the storage account. Without, what the environment says to every program
    /// (`AZURE_CLIENT_ID` and its like), or the identity of the machine.
    pub account_key: Option<Secret<String>>,
    /// The same as a shared access signature of the container, which may read, write, make, delete and list. It signs no URLs.
    pub sas_token: Option<Secret<String>>,
    /// The file of an authority of certificates that a server of one's own is trusted by, beside those of the web.
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
            service_account: None,
            service_account_key: None,
            account_key: None,
            sas_token: None,
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
        if let Some((what, fix)) = self.url.as_deref().and_then(fault_of_address) {
            problems.add("url", what, Some(&fix));
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
        if self.service_account.is_some() && self.service_account_key.is_some() {
            let fix = "set one: the file, or its text";
            problems.add("service_account", "and `files.service_account_key` are two for one", Some(fix));
        }
        #[cfg(feature = "gcs")]
        if let Some(why) =
            self.service_account_key.as_ref().and_then(|key| super::gcs::account::fault(key.expose()))
        {
            problems.add(
                "service_account_key",
                why,
                Some("set it to the text of the file that Google has made"),
            );
        }
        if self.account_key.is_some() && self.sas_token.is_some() {
            let fix = "set one: a key of the account, or a signature that it has made";
            problems.add("account_key", "and `files.sas_token` are two for one", Some(fix));
        }
        if self.sas_token.as_ref().is_some_and(|token| !token.expose().contains("sig=")) {
            let fix = "set it to what Azure has made, from `sv=` to the end of `sig=`";
            problems.add("sas_token", "is no shared access signature", Some(fix));
        }
        let is_base64 =
            |key: &Secret<String>| base64::decode(key.expose()).is_some_and(|key| !key.is_empty());
        if self.account_key.as_ref().is_some_and(|key| !is_base64(key)) {
            let fix = "set it to one of the two keys of the account, as Azure shows them";
            problems.add("account_key", "is no key of a storage account, which is base64", Some(fix));
        }
    }
}

/// What is wrong with the address of a bucket, and what to do. None: nothing, or it is another's.
fn fault_of_address(url: &str) -> Option<(String, String)> {
    match scheme_of(url) {
        #[cfg(feature = "s3")]
        super::s3::SCHEME => unusable::<super::s3::Bucket>(url, "s3://bucket/folder?region=eu-central-1"),
        #[cfg(feature = "gcs")]
        super::gcs::SCHEME => unusable::<super::gcs::GoogleBucket>(url, "gs://bucket/folder"),
        #[cfg(feature = "azure")]
        super::azure::SCHEME => {
            unusable::<super::azure::Container>(url, "az://container/folder?account=shop")
        }
        #[cfg(not(feature = "s3"))]
        "s3" => Some(left_out("S3", "s3")),
        #[cfg(not(feature = "gcs"))]
        "gs" => Some(left_out("Google Cloud Storage", "gcs")),
        #[cfg(not(feature = "azure"))]
        "az" => Some(left_out("Azure Blob Storage", "azure")),
        _ => None,
    }
}

#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
fn unusable<B>(url: &str, example: &str) -> Option<(String, String)>
where
    B: std::str::FromStr<Err = super::NotABucket>,
{
    let why = url.parse::<B>().err()?;
    Some((format!("is not usable: {why}"), format!("write it as {example}")))
}

#[cfg(not(all(feature = "s3", feature = "gcs", feature = "azure")))]
fn left_out(provider: &str, feature: &str) -> (String, String) {
    let told = format!("names a bucket of {provider}, which this program was built without");
    (told, format!("add the feature `{feature}` of mainstay"))
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

/// The address of a store that somebody else has made may have a password, and so may one that is written wrong: of those nothing but the
/// beginning is shown.
pub(crate) fn shown(url: &str) -> String {
    match scheme_of(url) {
        "file" | "memory" => url.to_owned(),
        "s3" | "gs" | "az" if fault_of_address(url).is_none() => url.to_owned(),
        scheme => format!("{scheme}:…"),
    }
}

fn without_settings<S: Serializer>(url: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    url.as_deref().map(shown).serialize(serializer)
}
