//! Where a bucket is.

use std::fmt;

use crate::files::cloud::address::{self, Address, Form, NotABucket};

const FORM: Form = Form {
    scheme: "s3://",
    example: "s3://bucket/folder?region=eu-central-1",
    credentials: "`files.access_key_id` and `files.secret_access_key`",
    name: "bucket: it has from 3 to 63 small letters, digits, `-` and `.`",
    is_name,
};

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

impl Bucket {
    /// Where it is, without settings.
    pub fn place(&self) -> String {
        address::place(FORM.scheme, &self.name, self.folder.as_deref())
    }

    /// Whether what is kept there goes over a network in the clear.
    pub fn is_exposed(&self) -> bool {
        address::is_exposed(self.endpoint.as_deref())
    }
}

impl std::str::FromStr for Bucket {
    type Err = NotABucket;

    fn from_str(text: &str) -> Result<Self, NotABucket> {
        let Address { name, folder, settings } = Address::parse(text, &FORM)?;
        let mut bucket = Self { name, folder, region: None, endpoint: None, in_host: true };
        let mut style = None;
        for (setting, value) in settings {
            match &*setting {
                "region" => bucket.region = Some(region(&value)?),
                "endpoint" => bucket.endpoint = Some(address::endpoint(&value)?),
                "style" => style = Some(is_in_host(&value)?),
                _ => {
                    let known = "`region`, `endpoint` and `style`";
                    return Err(NotABucket::UnknownSetting(setting, known));
                }
            }
        }
        bucket.in_host = style.unwrap_or(bucket.endpoint.is_none());
        // With the bucket in the host, the endpoint is the host's.
        if let (true, Some(endpoint)) = (bucket.in_host, &mut bucket.endpoint) {
            *endpoint = endpoint.replacen("://", &format!("://{}.", bucket.name), 1);
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
