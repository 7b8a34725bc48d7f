//! Where a bucket is: `s3://bucket/folder?region=eu-central-1` and its like.

use mainstay_outbound::is_this_machine;
use url::Url;

use crate::files::key::FileKey;

/// A text that is no address of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotABucket {
    /// It is none at all.
    #[error("such an address is {0}")]
    Malformed(&'static str),
    /// Who may come in is said elsewhere.
    #[error("user and password do not belong into it: set {0}")]
    HasCredentials(&'static str),
    /// The bucket cannot be called that.
    #[error("`{0}` is no name of a {1}")]
    Name(String, &'static str),
    /// Nothing can be kept below this.
    #[error("`{0}` is no folder that files can be kept in")]
    Folder(String),
    /// There is no such setting.
    #[error("there is no setting `{0}`: there are {1}")]
    UnknownSetting(String, &'static str),
    /// A setting is missing, or has a value that it cannot have.
    #[error("`{0}` cannot be that: {1}")]
    Setting(&'static str, &'static str),
}

/// How the addresses of a provider are written.
pub(in crate::files) struct Form {
    /// `s3://`
    pub(in crate::files) scheme: &'static str,
    pub(in crate::files) example: &'static str,
    /// The settings that say who the application is.
    pub(in crate::files) credentials: &'static str,
    /// What a bucket is called here, and what its name has.
    pub(in crate::files) name: &'static str,
    pub(in crate::files) is_name: fn(&str) -> bool,
}

/// An address, taken apart. Its settings are the provider's.
pub(in crate::files) struct Address {
    pub(in crate::files) name: String,
    pub(in crate::files) folder: Option<String>,
    pub(in crate::files) settings: Vec<(String, String)>,
}

impl Address {
    pub(in crate::files) fn parse(text: &str, form: &Form) -> Result<Self, NotABucket> {
        let rest = text.strip_prefix(form.scheme).ok_or(NotABucket::Malformed(form.example))?;
        let (place, settings) = rest.split_once('?').unwrap_or((rest, ""));
        if place.contains('@') {
            return Err(NotABucket::HasCredentials(form.credentials));
        }
        let (name, folder) = place.split_once('/').unwrap_or((place, ""));
        if !(form.is_name)(name) {
            return Err(NotABucket::Name(name.to_owned(), form.name));
        }
        let folder = folder.trim_end_matches('/');
        // Half of what a key may have is left for the keys.
        let is_folder = folder.len() <= 100 && FileKey::parse(folder).is_ok();
        if !folder.is_empty() && !is_folder {
            return Err(NotABucket::Folder(folder.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            folder: (!folder.is_empty()).then(|| folder.to_owned()),
            settings: url::form_urlencoded::parse(settings.as_bytes()).into_owned().collect(),
        })
    }
}

/// `scheme://name/folder`
pub(in crate::files) fn place(scheme: &str, name: &str, folder: Option<&str>) -> String {
    match folder {
        Some(folder) => format!("{scheme}{name}/{folder}"),
        None => format!("{scheme}{name}"),
    }
}

/// The setting `endpoint`.
pub(in crate::files) fn endpoint(value: &str) -> Result<String, NotABucket> {
    let unfit = NotABucket::Setting("endpoint", "it is such as https://storage.internal:9000");
    let Ok(url) = Url::parse(value) else { return Err(unfit) };
    let plain = ["http", "https"].contains(&url.scheme())
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    plain.then(|| value.trim_end_matches('/').to_owned()).ok_or(unfit)
}

/// Whether what is sent to such an endpoint goes over a network in the clear.
pub(in crate::files) fn is_exposed(endpoint: Option<&str>) -> bool {
    let Some(Ok(endpoint)) = endpoint.map(Url::parse) else { return false };
    endpoint.scheme() == "http" && !endpoint.host().is_some_and(|host| is_this_machine(&host))
}
