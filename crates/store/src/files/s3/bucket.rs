//! Where a bucket is.

use std::fmt;

use url::Url;

use crate::files::key::FileKey;

/// The address of a bucket: `s3://bucket/folder?region=eu-central-1`, or on a server of one's own
/// `s3://bucket?endpoint=https://storage.internal:9000`. It has no secret in it.
///
/// | setting | |
/// |---|---|
/// | `region` | the region of the bucket; without, what `AWS_REGION` says, or `us-east-1` |
/// | `endpoint` | where the server is, if it is not Amazon's |
/// | `style` | `path` (`https://server/bucket/…`) or `host` (`https://bucket.server/…`): by default the first where there is an endpoint |
///
/// ```
/// use mainstay_store::files::Bucket;
///
/// let bucket: Bucket = "s3://shop/files?region=eu-central-1".parse()?;
/// assert_eq!(bucket.place(), "s3://shop/files");
/// # Ok::<(), mainstay_store::files::NotABucket>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub(super) name: String,
    pub(super) folder: Option<String>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) in_host: bool,
}

/// A text that is no address of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotABucket {
    /// It is none at all.
    #[error("an address of a bucket is s3://bucket/folder?region=eu-central-1")]
    Malformed,
    /// Who may come in is said elsewhere.
    #[error(
        "user and password do not belong into it: set `files.access_key_id` and `files.secret_access_key`"
    )]
    HasCredentials,
    /// The bucket cannot be called that.
    #[error("`{0}` is no name of a bucket: it has from 3 to 63 small letters, digits, `-` and `.`")]
    Name(String),
    /// Nothing can be kept below this.
    #[error("`{0}` is no folder that files can be kept in")]
    Folder(String),
    /// There is no such setting.
    #[error("there is no setting `{0}`: there are `region`, `endpoint` and `style`")]
    UnknownSetting(String),
    /// A setting has a value that it cannot have.
    #[error("`{0}` cannot be that: {1}")]
    Setting(&'static str, &'static str),
}

impl Bucket {
    /// Where it is, without settings.
    pub fn place(&self) -> String {
        match &self.folder {
            Some(folder) => format!("s3://{}/{folder}", self.name),
            None => format!("s3://{}", self.name),
        }
    }

    /// Whether what is kept there goes over a network in the clear.
    pub fn is_exposed(&self) -> bool {
        let Some(Ok(endpoint)) = self.endpoint.as_deref().map(Url::parse) else { return false };
        let here = match endpoint.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        endpoint.scheme() == "http" && !here
    }
}

impl std::str::FromStr for Bucket {
    type Err = NotABucket;

    fn from_str(text: &str) -> Result<Self, NotABucket> {
        let rest = text.strip_prefix("s3://").ok_or(NotABucket::Malformed)?;
        let (place, settings) = rest.split_once('?').unwrap_or((rest, ""));
        if place.contains('@') {
            return Err(NotABucket::HasCredentials);
        }
        let (name, folder) = place.split_once('/').unwrap_or((place, ""));
        if !is_name(name) {
            return Err(NotABucket::Name(name.to_owned()));
        }
        let folder = folder.trim_end_matches('/');
        // Half of what a key may have is left for the keys.
        let is_folder = folder.len() <= 100 && FileKey::parse(folder).is_ok();
        if !folder.is_empty() && !is_folder {
            return Err(NotABucket::Folder(folder.to_owned()));
        }
        let folder = (!folder.is_empty()).then(|| folder.to_owned());
        let mut bucket = Self { name: name.to_owned(), folder, region: None, endpoint: None, in_host: true };
        let mut style = None;
        for (setting, value) in url::form_urlencoded::parse(settings.as_bytes()) {
            match &*setting {
                "region" => bucket.region = Some(region(&value)?),
                "endpoint" => bucket.endpoint = Some(endpoint(&value)?),
                "style" => style = Some(is_in_host(&value)?),
                _ => return Err(NotABucket::UnknownSetting(setting.into_owned())),
            }
        }
        bucket.in_host = style.unwrap_or(bucket.endpoint.is_none());
        // With the bucket in the host, the endpoint is the host's.
        if let (true, Some(endpoint)) = (bucket.in_host, &mut bucket.endpoint) {
            *endpoint = endpoint.replacen("://", &format!("://{name}."), 1);
        }
        Ok(bucket)
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>, for what all of them have in common.
fn is_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
        && !name.starts_with(['-', '.'])
        && !name.ends_with(['-', '.'])
        && !name.contains("..")
}

fn region(value: &str) -> Result<String, NotABucket> {
    let is_one = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_one.then(|| value.to_owned()).ok_or(NotABucket::Setting("region", "it is such as eu-central-1"))
}

fn endpoint(value: &str) -> Result<String, NotABucket> {
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

fn is_in_host(value: &str) -> Result<bool, NotABucket> {
    match value {
        "host" => Ok(true),
        "path" => Ok(false),
        _ => Err(NotABucket::Setting("style", "it is `path` or `host`")),
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_what_they_leave_out() {
        let bucket: Bucket = "s3://shop-files".parse().unwrap();
        assert_eq!((bucket.folder, bucket.region, bucket.endpoint, bucket.in_host), (None, None, None, true));
        let bucket: Bucket =
            "s3://shop/a/b/?region=eu-central-1&endpoint=http://127.0.0.1:9000/".parse().unwrap();
        assert_eq!(bucket.folder.as_deref(), Some("a/b"));
        assert_eq!(bucket.region.as_deref(), Some("eu-central-1"));
        assert_eq!(bucket.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert!(!bucket.in_host && !bucket.is_exposed());
        let bucket: Bucket = "s3://shop?endpoint=http://storage.internal&style=host".parse().unwrap();
        assert_eq!(bucket.endpoint.as_deref(), Some("http://shop.storage.internal"));
        assert!(bucket.in_host && bucket.is_exposed());
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "s3:",
            "s3://",
            "s3:bucket",
            "https://bucket.s3.amazonaws.com",
            "s3://Shop",
            "s3://sh",
            "s3://-shop",
            "s3://shop..files",
            "s3://key:secret@shop",
            "s3://shop/../a",
            "s3://shop//a",
            "s3://shop/.a",
            "s3://shop?regio=a",
            "s3://shop?region=",
            "s3://shop?region=a/b",
            "s3://shop?endpoint=storage:9000",
            "s3://shop?endpoint=https://user:secret@storage",
            "s3://shop?style=virtual",
        ] {
            assert!(text.parse::<Bucket>().is_err(), "{text}");
        }
    }
}
